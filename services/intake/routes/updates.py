"""The doors for facts about a complaint that exists: each reads one form and asks for one change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from services.intake import forms as f
from services.intake.domain import Answered, IdempotencyKey, IntakeState, UpdateCommand
from services.intake.routes import mapping, requests
from services.intake.routes.create import REPLAYED, WRITE
from services.intake.routes.requests import Headers, RawResponse
from services.intake.store import DatabaseClock
from shared.contracts import ComplaintId
from shared.errors import NotFound
from shared.http.app import Receive
from shared.runtime import Runtime

Translate = Callable[[ComplaintId, Any, IdempotencyKey | None], UpdateCommand]


@dataclass(frozen=True, slots=True)
class UpdateKind:
    """A fact as a door: where it stands, what it takes, what it asks for."""

    path: str
    form: type[BaseModel]
    translate: Translate
    summary: str


KINDS = (
    UpdateKind("messages", f.MessageForm, mapping.to_message, "Add words of the customer or of a handler"),
    UpdateKind("progress", f.ProgressForm, mapping.to_progress, "Say how far it is, and by when it will be done"),
    UpdateKind("resolution", f.ResolutionForm, mapping.to_resolution, "Give the answer; the customer is told at once"),
    UpdateKind("milestones", f.MilestoneForm, mapping.to_milestone, "Say that a step with its own clock was reached"),
    UpdateKind("reopen", f.ReopeningForm, mapping.to_reopening, "Take it up again"),
    UpdateKind("withdraw", f.WithdrawalForm, mapping.to_withdrawal, "Let it go, as the customer asks"),
    UpdateKind("feedback", f.FeedbackForm, mapping.to_feedback, "Say whether it was really fixed; no reopens it"),
)


class UpdateEndpoint:
    """`POST /v1/complaints/{id}/…`."""

    def __init__(self, kind: UpdateKind, runtime: Runtime, clock: DatabaseClock) -> None:
        self._kind = kind
        self._form: TypeAdapter[Any] = TypeAdapter(kind.form)
        self._runtime = runtime
        self._clock = clock

    async def answer(self, headers: Headers, receive: Receive, complaint: str) -> RawResponse:
        """The answer after commit, or the problem."""
        try:
            return await self._state(headers, receive, complaint)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets a problem document)
            return requests.refusal(error)

    async def _state(self, headers: Headers, receive: Receive, complaint: str) -> RawResponse:
        client = await requests.client_of(headers, self._runtime.authenticator, WRITE)
        key = requests.key_of(headers)
        body = await requests.body_of(headers, receive)
        if body:
            requests.must_be(headers, requests.JSON)
        form = f.read_form(self._form, body or b"{}", self._clock.now())
        subject = _complaint(complaint)
        repeatable = mapping.asked(client.name, key, form, self._kind.path.encode() + b":")
        decision = await self._runtime.submit(self._kind.translate(subject, form, repeatable))
        return _told(decision)


def _complaint(text: str) -> ComplaintId:
    try:
        return ComplaintId(UUID(text))
    except ValueError:
        raise NotFound("there is no such complaint; expected its id, a UUID") from None


def _told(decision: Any) -> RawResponse:
    if (
        not isinstance(decision, Answered)
        or not isinstance(decision.state, IntakeState)
        or decision.state.filed is None
    ):
        raise NotFound
    told = {
        "id": decision.state.complaint_id,
        "reference": decision.state.filed.reference,
        "status": decision.status,
        "recorded_at": decision.recorded_at,
    }
    return RawResponse(201, to_json(told), headers=(REPLAYED,) if decision.replayed else ())

"""The doors for facts about a complaint that exists: each reads one form and asks for one change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from services.intake import forms as f
from services.intake.domain import Answered, Asked, State, Stated
from services.intake.routes import mapping, requests
from services.intake.routes.create import REPLAYED, WRITE
from services.intake.routes.requests import Answer, Headers
from services.intake.store import DatabaseClock
from shared.contracts import ComplaintId
from shared.errors import NotFound
from shared.http.app import Receive
from shared.runtime import Kernel

Translate = Callable[[ComplaintId, Any, Asked | None], Stated]


@dataclass(frozen=True, slots=True)
class FactKind:
    """A fact as a door: where it stands, what it takes, what it asks for."""

    path: str
    form: type[BaseModel]
    translate: Translate
    summary: str


KINDS = (
    FactKind("messages", f.Message, mapping.to_message, "Add words of the customer or of a handler"),
    FactKind("progress", f.Progress, mapping.to_progress, "Say how far it is, and by when it will be done"),
    FactKind("resolution", f.Resolution, mapping.to_resolution, "Give the answer; the customer is told at once"),
    FactKind("milestones", f.Milestone, mapping.to_milestone, "Say that a step with its own clock was reached"),
    FactKind("reopen", f.Reopening, mapping.to_reopening, "Take it up again"),
    FactKind("withdraw", f.Withdrawal, mapping.to_withdrawal, "Let it go, as the customer asks"),
    FactKind("feedback", f.Feedback, mapping.to_feedback, "Say whether it was really fixed; no reopens it"),
)


class FactDoor:
    """`POST /v1/complaints/{id}/…`."""

    def __init__(self, kind: FactKind, kernel: Kernel[Any, Any], clock: DatabaseClock) -> None:
        self._kind = kind
        self._form: TypeAdapter[Any] = TypeAdapter(kind.form)
        self._kernel = kernel
        self._clock = clock

    async def answer(self, headers: Headers, receive: Receive, complaint: str) -> Answer:
        """The answer after commit, or the problem."""
        try:
            return await self._state(headers, receive, complaint)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets a problem document)
            return requests.refusal(error)

    async def _state(self, headers: Headers, receive: Receive, complaint: str) -> Answer:
        client = await requests.client_of(headers, self._kernel.authenticator, WRITE)
        key = requests.key_of(headers)
        body = await requests.body_of(headers, receive)
        if body:
            requests.must_be(headers, requests.JSON)
        form = f.read_form(self._form, body or b"{}", self._clock.now())
        subject = _complaint(complaint)
        repeatable = mapping.asked(client.name, key, form, self._kind.path.encode() + b":")
        decision = await self._kernel.submit(self._kind.translate(subject, form, repeatable))
        return _told(decision)


def _complaint(text: str) -> ComplaintId:
    try:
        return ComplaintId(UUID(text))
    except ValueError:
        raise NotFound("there is no such complaint; expected its id, a UUID") from None


def _told(decision: Any) -> Answer:
    if not isinstance(decision, Answered) or not isinstance(decision.state, State) or decision.state.filed is None:
        raise NotFound
    told = {
        "id": decision.state.complaint_id,
        "reference": decision.state.filed.reference,
        "status": decision.status,
        "recorded_at": decision.recorded_at,
    }
    return Answer(201, to_json(told), headers=(REPLAYED,) if decision.replayed else ())

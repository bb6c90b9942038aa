"""Endpoints that update an existing complaint: each reads one form and submits one command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from services.intake import forms as f
from services.intake.domain import IdempotencyKey, IntakeState, UpdateCommand, UpdateDecision
from services.intake.routes import mapping, requests
from services.intake.routes.create import REPLAYED, WRITE
from services.intake.routes.requests import Headers, RawResponse
from shared.contracts import ComplaintId
from shared.errors import NotFound
from shared.http.app import Receive
from shared.runtime import Runtime
from shared.storage.clock import DatabaseClock

ToCommand = Callable[[ComplaintId, Any, IdempotencyKey | None], UpdateCommand]


@dataclass(frozen=True, slots=True)
class UpdateKind:
    """Kind of update: last part of its path, its form, the mapping to its command, and its summary in OpenAPI."""

    path: str
    form: type[BaseModel]
    to_command: ToCommand
    summary: str


UPDATE_KINDS = (
    UpdateKind("messages", f.MessageForm, mapping.to_message, "Add a message of the customer or of a handler"),
    UpdateKind("progress", f.ProgressForm, mapping.to_progress, "Record the state of the work and a new expected date"),
    UpdateKind("resolution", f.ResolutionForm, mapping.to_resolution, "Resolve the complaint and notify the customer"),
    UpdateKind("milestones", f.MilestoneForm, mapping.to_milestone, "Record that a step with its own clock is reached"),
    UpdateKind("reopen", f.ReopeningForm, mapping.to_reopening, "Reopen the complaint"),
    UpdateKind("withdraw", f.WithdrawalForm, mapping.to_withdrawal, "Withdraw the complaint at the customer's request"),
    UpdateKind("feedback", f.FeedbackForm, mapping.to_feedback, "Record if the problem is fixed; false reopens it"),
)


class UpdateEndpoint:
    """Endpoint `POST /v1/complaints/{id}/…` of one kind of update."""

    def __init__(self, kind: UpdateKind, runtime: Runtime, clock: DatabaseClock) -> None:
        self._kind = kind
        self._form: TypeAdapter[Any] = TypeAdapter(kind.form)
        self._runtime = runtime
        self._clock = clock

    async def answer(self, headers: Headers, receive: Receive, complaint: str) -> RawResponse:
        """Return the response after the commit, or a problem document."""
        try:
            return await self._update(headers, receive, complaint)
        except Exception as error:  # noqa: BLE001 (whatever the error is, the client gets a problem document)
            return requests.problem_response(error)

    async def _update(self, headers: Headers, receive: Receive, complaint: str) -> RawResponse:
        client = await requests.authenticate(headers, self._runtime.authenticator, WRITE)
        key = requests.read_key(headers)
        body = await requests.read_body(headers, receive)
        if body:
            requests.require_media_type(headers, requests.JSON)
        form = f.parse_form(self._form, body or b"{}", self._clock.now())
        subject = _parse_id(complaint)
        record_key = mapping.idempotency_key(client.name, key, form, self._kind.path.encode() + b":")
        decision = await self._runtime.submit(self._kind.to_command(subject, form, record_key))
        return _response(decision)


def _parse_id(text: str) -> ComplaintId:
    try:
        return ComplaintId(UUID(text))
    except ValueError:
        raise NotFound("there is no such complaint; expected its id, a UUID") from None


def _response(decision: Any) -> RawResponse:
    if (
        not isinstance(decision, UpdateDecision)
        or not isinstance(decision.state, IntakeState)
        or decision.state.filed is None
    ):
        raise NotFound
    body = {
        "id": decision.state.complaint_id,
        "reference": decision.state.filed.reference,
        "status": decision.status,
        "recorded_at": decision.recorded_at,
    }
    return RawResponse(201, to_json(body), headers=(REPLAYED,) if decision.replayed else ())

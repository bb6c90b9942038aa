"""Make, move and approve promises, and suggest a date. A change needs the version that its author has read."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from fastapi.security import HTTPBearer
from pydantic import Field

from services.sla.domain import DecideExtension, MakePromise, RevisePromise, SlaState
from services.sla.domain.commands import PromiseCommand
from services.sla.reports.suggestion import Suggestion, suggest_date
from services.sla.routes import schemas
from services.sla.routes.schemas import StrictForm
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import database_now, read_state
from shared.auth import Client, require_scope
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import ExtensionRequested, PromiseSubject
from shared.errors import IllegalMove, NotFound
from shared.http.if_match import ExpectedVersion, format_etag
from shared.http.openapi import problem_responses
from shared.runtime import Runtime
from shared.text import INSTANT_EXAMPLE, Instant, Item, Reason

READ, WRITE, APPROVE = "complaints:read", "promises:write", "promises:approve"
CHANGES = problem_responses(404, 409, 412, 415, 428)
LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": schemas.Clocks, "description": "Not moved: the date is beyond the limit and waits for approval."}
}
Submit = Callable[[PromiseCommand, Response], Awaitable[schemas.Clocks]]
Id = Annotated[UUID, Path(description="The complaint's id.")]
Number = Annotated[int, Path(ge=1, le=100_000, description="The promise's number within the complaint.")]


class PromiseForm(StrictForm):
    """A date for the next update or for an action. It is a promise once a message that states it was accepted."""

    subject: PromiseSubject = Field(description="The policy makes the date of the outcome.", examples=["next_update"])
    due_at: Instant = Field(
        description="Moved to the next opening time if it is outside working hours.", examples=[INSTANT_EXAMPLE]
    )
    item: Item = Field(default="", description="Name of the action, as in its milestone.")


class RevisionForm(StrictForm):
    """A later date, and the reason."""

    due_at: Instant = Field(
        description="Later than the promised date; to be early needs no notice.", examples=[INSTANT_EXAMPLE]
    )
    reason: Reason = Field(
        description="A code such as supplier_delay; the customer's language has a text for it.",
        examples=["supplier_delay"],
    )
    approve: bool = Field(default=False, description="Approve a date beyond the limit; needs promises:approve.")


class ExtensionDecisionForm(StrictForm):
    """Approval or refusal of a waiting extension."""

    approve: bool = Field(examples=[True])


def routes(runtime: Runtime, repository: RulebookRepository) -> APIRouter:
    """Return the endpoints. Writing needs promises:write, approving promises:approve, suggestions complaints:read."""
    router = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))])
    writer = Annotated[Client, Depends(require_scope(WRITE))]

    async def submit(command: PromiseCommand, response: Response) -> schemas.Clocks:
        decision = await runtime.submit(command)
        state: SlaState | None = decision.state
        if state is None:
            raise NotFound
        if any(isinstance(event.facts, ExtensionRequested) for event in decision.events):
            response.status_code = 202  # not moved: the new date waits for approval
        version = (command.version or 0) + 1  # no other change can be in its transaction: its If-Match would fail
        response.headers["etag"] = format_etag(version)
        now = await database_now(runtime.pool)
        return schemas.clocks(state.replace(version=version), repository.rulebook, now)

    @router.post(
        "/complaints/{complaint_id}/promises",
        status_code=201,
        summary="Make a promise: a date for the next update or for an action",
        responses=CHANGES,
    )
    async def make(
        complaint_id: Id, form: PromiseForm, client: writer, version: ExpectedVersion, response: Response
    ) -> schemas.Clocks:
        fields = {"actor": client.name, "version": version, **form.model_dump()}
        return await submit(MakePromise(ComplaintId(complaint_id), **fields), response)

    @router.post(
        "/complaints/{complaint_id}/promises/{number}/revision",
        summary="Move a promise, with a reason",
        responses=CHANGES | LATER,
    )
    async def revise(
        complaint_id: Id,
        number: Number,
        form: RevisionForm,
        client: writer,
        version: ExpectedVersion,
        response: Response,
    ) -> schemas.Clocks:
        if form.approve:
            client.require(APPROVE)
        fields = {"actor": client.name, "version": version, "promise": number, **form.model_dump(exclude={"approve"})}
        return await submit(RevisePromise(ComplaintId(complaint_id), approved=form.approve, **fields), response)

    _add_decision(router, submit)
    _add_suggestion(router, runtime, repository)
    return router


def _add_decision(router: APIRouter, submit: Submit) -> None:
    approver = Annotated[Client, Depends(require_scope(APPROVE))]

    @router.post(
        "/complaints/{complaint_id}/promises/{number}/extension",
        summary="Approve or refuse a waiting extension",
        responses=CHANGES,
    )
    async def decide(
        complaint_id: Id,
        number: Number,
        form: ExtensionDecisionForm,
        client: approver,
        version: ExpectedVersion,
        response: Response,
    ) -> schemas.Clocks:
        fields = {"actor": client.name, "version": version, "promise": number, **form.model_dump()}
        return await submit(DecideExtension(ComplaintId(complaint_id), **fields), response)


def _add_suggestion(router: APIRouter, runtime: Runtime, repository: RulebookRepository) -> None:
    @router.get(
        "/complaints/{complaint_id}/promises:suggest",
        summary="Suggest a date: the time within which nine in ten similar complaints were answered",
        dependencies=[Depends(require_scope(READ))],
        responses=problem_responses(404, 409),
    )
    async def suggestion(complaint_id: Id) -> Suggestion:
        now, state = await read_state(runtime.pool, ComplaintId(complaint_id))
        if state is None:
            raise NotFound
        suggested = await suggest_date(runtime.pool, state, await repository.read(runtime.pool), now)
        if suggested is None:
            raise IllegalMove("there is no outcome to promise: the complaint is closed or not triaged yet")
        return suggested

"""Promises to make, move and approve, and a date to suggest. Whoever changes one says which version they saw."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.sla.domain import DecideExtension, MakePromise, RevisePromise, SlaState, evaluate
from services.sla.domain.commands import PromiseCommand
from services.sla.reports.suggestion import because, suggest
from services.sla.routes import schemas
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import read_state
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
    202: {"model": schemas.Clocks, "description": "Nothing has moved: it is beyond the cap and waits for approval."}
}
Id = Annotated[UUID, Path(description="The complaint's id.")]
Number = Annotated[int, Path(ge=1, le=100_000, description="The promise's number within the complaint.")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PromiseForm(_Form):
    """A date for the next word, or for an action; it is a promise once a message that states it was accepted."""

    subject: PromiseSubject = Field(
        description="`next_update` or `action`; the date of the outcome is made by policy.", examples=["next_update"]
    )
    due_at: Instant = Field(
        description="Moved to the next opening where it falls outside working hours.", examples=[INSTANT_EXAMPLE]
    )
    item: Item = Field(default="", description="Which action, as in its milestone.")


class RevisionForm(_Form):
    """A later date, and why."""

    due_at: Instant = Field(
        description="Later than what was promised; being early needs no notice.", examples=[INSTANT_EXAMPLE]
    )
    reason: Reason = Field(
        description="A code such as supplier_delay; the customer is told in their words.", examples=["supplier_delay"]
    )
    approve: bool = Field(default=False, description="Go beyond the cap; needs the scope promises:approve.")


class ExtensionDecisionForm(_Form):
    """Yes or no to the extension that waits."""

    approve: bool = Field(examples=[True])


class SuggestionAnswer(BaseModel):
    """A date, not "within 48 hours". `like` says whose times it comes from."""

    due_at: AwareDatetime
    date: str = Field(description="The day by the calendar of the policy, for the letter.")
    like: str | None = Field(description="Category of the similar complaints, empty: all under the policy.")
    sample: int = Field(description="How many similar complaints took longer than this one has so far.")
    moves: int | None = Field(description="The promise that it would move, where it is later.")
    needs_approval: bool
    because: str


def routes(runtime: Runtime, shelf: RulebookRepository) -> APIRouter:
    """Writing needs promises:write, deciding promises:approve, suggesting complaints:read."""
    router = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))])
    writer = Annotated[Client, Depends(require_scope(WRITE))]

    async def asked(command: PromiseCommand, response: Response) -> schemas.Clocks:
        decision = await runtime.submit(command)
        state: SlaState | None = decision.state
        if state is None:
            raise NotFound
        if any(isinstance(say.facts, ExtensionRequested) for say in decision.events):
            response.status_code = 202  # nothing has moved yet: somebody has to approve it
        version = (command.version or 0) + 1  # the only change of its transaction: others saw another version
        response.headers["etag"] = format_etag(version)
        now, _ = await read_state(runtime.pool, command.complaint_id)
        return schemas.clocks(state.replace(version=version), shelf.rulebook, now)

    @router.post(
        "/complaints/{complaint_id}/promises",
        status_code=201,
        summary="Name a date for the next word, or for an action",
        responses=CHANGES,
    )
    async def make(
        complaint_id: Id, form: PromiseForm, client: writer, version: ExpectedVersion, response: Response
    ) -> schemas.Clocks:
        given = {"actor": client.name, "version": version, **form.model_dump()}
        return await asked(MakePromise(ComplaintId(complaint_id), **given), response)

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
        command = RevisePromise(
            ComplaintId(complaint_id),
            actor=client.name,
            version=version,
            promise=number,
            due_at=form.due_at,
            reason=form.reason,
            approved=form.approve,
        )
        return await asked(command, response)

    _deciding(router, asked)
    _suggesting(router, runtime, shelf)
    return router


def _deciding(router: APIRouter, asked: Any) -> None:
    approver = Annotated[Client, Depends(require_scope(APPROVE))]

    @router.post(
        "/complaints/{complaint_id}/promises/{number}/extension",
        summary="Decide an extension that waits",
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
        command = DecideExtension(
            ComplaintId(complaint_id), actor=client.name, version=version, promise=number, approve=form.approve
        )
        answer: schemas.Clocks = await asked(command, response)
        return answer


def _suggesting(router: APIRouter, runtime: Runtime, shelf: RulebookRepository) -> None:
    @router.get(
        "/complaints/{complaint_id}/promises:suggest",
        summary="A date to promise: when nine in ten similar complaints had their answer",
        dependencies=[Depends(require_scope(READ))],
        responses=problem_responses(404, 409),
    )
    async def suggestion(complaint_id: Id) -> SuggestionAnswer:
        now, state = await read_state(runtime.pool, ComplaintId(complaint_id))
        if state is None:
            raise NotFound
        rulebook = await shelf.read(runtime.pool)
        found = await suggest(runtime.pool, state, evaluate(state, rulebook), rulebook, now)
        if found is None:
            raise IllegalMove("there is no outcome to promise: it is closed, or triage has not spoken yet")
        zone = rulebook.promise_calendar(state.terms[-1].terms).calendar.zone
        return SuggestionAnswer(
            due_at=found.due_at,
            date=found.due_at.astimezone(zone).date().isoformat(),
            like=found.like,
            sample=found.sample,
            moves=found.promise.number if found.promise else None,
            needs_approval=found.needs_approval,
            because=because(found),
        )

"""What is due when, and why, now or as it was believed at an earlier moment. Reading only."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.security import HTTPBearer

from services.sla.explain.as_of import as_of
from services.sla.explain.clock import Reader
from services.sla.routes import schemas
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import read_state
from shared.auth import require_scope
from shared.contracts.envelope import ComplaintId
from shared.errors import NotFound, Rejected
from shared.http.openapi import problem_responses
from shared.runtime import Runtime
from shared.text import Instant

READ = "complaints:read"
Complaint = Annotated[UUID, Path(description="The complaint's id.")]
AsOf = Annotated[Instant | None, Query(description="What was believed then; now when absent.")]
SKEW = timedelta(minutes=1)  # by which the clock of whoever asks for this very moment may be ahead of ours
For = Annotated[Reader, Query(alias="for", description="Whose words: a customer is not told our own targets.")]


def routes(runtime: Runtime, shelf: RulebookRepository) -> APIRouter:
    """All of them need the scope complaints:read."""
    router = APIRouter(dependencies=[Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))])

    @router.get(
        "/complaints/{complaint_id}/clocks",
        summary="By when, and why: every clock and promise of a complaint",
        responses=problem_responses(404),
    )
    async def clocks(
        complaint_id: Complaint, response: Response, at: AsOf = None, reader: For = "handler"
    ) -> schemas.Clocks:
        now, state = await read_state(runtime.pool, ComplaintId(complaint_id))
        _been(at, now)
        believed = as_of(state, at) if state and at and at < now else state
        if believed is None:
            raise NotFound("there is no such complaint" if state is None else "it was not known then")
        response.headers["etag"] = f'"{believed.version}"'
        return schemas.clocks(believed, await shelf.read(runtime.pool), min(at or now, now), reader)

    @router.get("/policies", summary="The policies in the order they are asked; the first match counts")
    async def policies() -> schemas.Policies:
        current = (await shelf.read(runtime.pool)).current
        return schemas.Policies(revision=current.number, policies=current.policies)

    @router.get("/calendars", summary="The calendars, as they count now")
    async def calendars() -> schemas.Calendars:
        book = await shelf.read(runtime.pool)
        newest = [book.calendar(name).calendar for name in sorted(book.current.calendars)]
        return schemas.Calendars(calendars=[schemas.calendar(one) for one in newest])

    return router


def _been(at: datetime | None, now: datetime) -> None:
    """Raises `Rejected` for a moment that is still to come: what will be believed then is not known."""
    if at is not None and at > now + SKEW:
        raise Rejected(
            f"at: expected a moment that has been, such as {now:%Y-%m-%dT%H:%M:%SZ}; without it, you are told what is "
            "due as things stand"
        )

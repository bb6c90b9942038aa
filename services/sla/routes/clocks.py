"""Clocks and promises of a complaint, now or as of an earlier time, and the rules in force. Reading only."""

from datetime import timedelta
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
AsOf = Annotated[Instant | None, Query(description="Return what was known at that time; now if absent.")]
SKEW = timedelta(minutes=1)  # by which a client's clock may be ahead of the database's
For = Annotated[Reader, Query(alias="for", description="Reader of the sentences: targets are not shown to customers.")]


def routes(runtime: Runtime, repository: RulebookRepository) -> APIRouter:
    """Return the endpoints. All of them need the scope complaints:read."""
    router = APIRouter(dependencies=[Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))])

    @router.get(
        "/complaints/{complaint_id}/clocks",
        summary="Every clock and promise of a complaint, with its due time and the reason",
        responses=problem_responses(404),
    )
    async def clocks(
        complaint_id: Complaint, response: Response, at: AsOf = None, reader: For = "handler"
    ) -> schemas.Clocks:
        now, current = await read_state(runtime.pool, ComplaintId(complaint_id))
        if at is not None and at > now + SKEW:  # what will be known then cannot be computed
            example = f"{now:%Y-%m-%dT%H:%M:%SZ}"
            raise Rejected(f"at: expected a time in the past, such as {example}; without it, the answer is as of now")
        state = as_of(current, at) if current and at and at < now else current
        if state is None:
            raise NotFound("there is no such complaint" if current is None else "there was no such complaint yet")
        response.headers["etag"] = f'"{state.version}"'
        return schemas.clocks(state, await repository.read(runtime.pool), min(at or now, now), reader)

    @router.get("/policies", summary="Policies in force, in the order of matching; the first match applies")
    async def policies() -> schemas.Policies:
        current = (await repository.read(runtime.pool)).current
        return schemas.Policies(revision=current.number, policies=current.policies)

    @router.get("/calendars", summary="Calendars in force")
    async def calendars() -> schemas.Calendars:
        rulebook = await repository.read(runtime.pool)
        newest = [rulebook.calendar(name).calendar for name in sorted(rulebook.current.calendars)]
        return schemas.Calendars(calendars=[schemas.calendar(calendar) for calendar in newest])

    return router

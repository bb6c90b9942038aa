"""A team's due dates as a feed that calendars subscribe to; they know passwords, not bearer tokens."""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Response
from fastapi.security import HTTPBasic, HTTPBearer

from services.sla.reports import at_risk
from services.sla.reports.ical_feed import calendar
from services.sla.routes.reports import READ
from services.sla.store.rulebooks import RulebookRepository
from shared.auth import require_scope
from shared.runtime import Runtime
from shared.text import LINE_PATTERN

AHEAD = timedelta(days=60)
MOST = 500  # entries: more than that nobody reads, and clients choke on it
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {"schema": {"type": "string"}}}},
    304: {"description": "Nothing has changed."},
}
SAYS = (
    "Entries say what is due for which complaint, and by which rule; 500 at most, what is to come before what was "
    "missed, and an entry of today says where there is more. A team of which we know nothing gets a calendar without "
    "entries: we learn of teams only from what is assigned to them, and clients give up what answers 404. The token "
    "may also be the password of HTTP Basic; the name is not looked at."
)
Team = Annotated[str, Path(max_length=60, pattern=LINE_PATTERN, description="As triage calls it, such as billing.")]


def routes(runtime: Runtime, shelf: RulebookRepository) -> APIRouter:
    """It needs the scope complaints:read, by token or with the token as password."""
    doors = [require_scope(READ, password=True), HTTPBearer(auto_error=False), HTTPBasic(auto_error=False)]
    router = APIRouter(dependencies=[Depends(one) for one in doors])

    @router.get(
        "/teams/{team}/due.ics",
        summary="A team's due dates of the next 60 days as an iCalendar feed",
        description=SAYS,
        response_class=Response,
        responses=ANSWERS,
    )
    async def due(team: Team, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        rulebook = await shelf.read(runtime.pool)
        diary = await at_risk.diary(runtime.pool, rulebook, AHEAD, team, MOST)
        body = calendar(team, diary, rulebook, () if diary.items else await at_risk.teams(runtime.pool))
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, max-age=300"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)

    return router

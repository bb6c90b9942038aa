"""Due times of a team as an iCalendar feed. Calendar clients send passwords, not bearer tokens."""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Response
from fastapi.security import HTTPBasic, HTTPBearer

from services.sla.reports.at_risk import load_team_calendar
from services.sla.reports.ical_feed import ical_feed
from services.sla.routes.reports import READ
from services.sla.store.complaints import select_open_teams
from services.sla.store.rulebooks import RulebookRepository
from shared.auth import require_scope
from shared.runtime import Runtime
from shared.text import LINE_PATTERN

AHEAD = timedelta(days=60)
ENTRIES_MAX = 500  # a longer feed is of no use to a reader, and some clients fail on it
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {"schema": {"type": "string"}}}},
    304: {"description": "Nothing has changed."},
}
DESCRIPTION = (
    "Each entry is a due time of a complaint, with the rule that applies. The feed has at most 500 entries, those "
    "still to come before late ones; if there are more, an entry of today states it. An unknown team gets a feed "
    "without entries: teams are known only from assignments, and clients drop a feed that answers 404. The token may "
    "also be the password of HTTP Basic; the user name is ignored."
)
Team = Annotated[str, Path(max_length=60, pattern=LINE_PATTERN, description="Name in triage, such as billing.")]


def routes(runtime: Runtime, repository: RulebookRepository) -> APIRouter:
    """Return the endpoint. It needs the scope complaints:read, by token or with the token as password."""
    schemes = [require_scope(READ, password=True), HTTPBearer(auto_error=False), HTTPBasic(auto_error=False)]
    router = APIRouter(dependencies=[Depends(scheme) for scheme in schemes])

    @router.get(
        "/teams/{team}/due.ics",
        summary="Due times of a team for the next 60 days as an iCalendar feed",
        description=DESCRIPTION,
        response_class=Response,
        responses=ANSWERS,
    )
    async def due(team: Team, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        page = await load_team_calendar(runtime.pool, await repository.read(runtime.pool), AHEAD, team, ENTRIES_MAX)
        body = ical_feed(team, page, () if page.items else await select_open_teams(runtime.pool))
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, max-age=300"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)

    return router

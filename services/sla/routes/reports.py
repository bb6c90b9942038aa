"""Reports over all complaints: what is at risk, how promises were kept, what was missed and why, outages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime

from services.sla.reports.at_risk import AtRisk, load_at_risk
from services.sla.reports.performance import OUTAGES_MAX, Missed, PromiseFigures, count_missed, promise_figures
from services.sla.store.complaints import count_due
from services.sla.store.outages import select_outages
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.scan import Period
from services.sla.store.states import database_now
from shared.auth import require_scope
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import BreachCause
from shared.errors import Rejected
from shared.runtime import Runtime
from shared.text import LINE_PATTERN, Duration, Instant

READ = "complaints:read"
PERIOD_MAX = timedelta(days=366)
AHEAD_MAX = timedelta(days=366)
MONTH = timedelta(days=30)
Team = Annotated[
    str | None, Query(max_length=60, pattern=LINE_PATTERN, description="Only complaints of this team; all if absent.")
]
Limit = Annotated[int, Query(ge=1, le=500, description="Complaints per page at most.")]
Offset = Annotated[int, Query(ge=0, le=100_000, description="Complaints to skip, for the next page.")]
Since = Annotated[Instant | None, Query(description="Beginning of the period; 30 days before `until` if absent.")]
Until = Annotated[Instant | None, Query(description="End of the period, not included; now if absent.")]
Within = Annotated[Duration, Query(description="How far ahead, such as PT4H.")]


class Risks(FrozenModel):
    """Late items first, then by due time. `total`: complaints with something late or due in that time.

    A page is of complaints, in the order of their first due time. `more`: there is another page.
    """

    as_of: AwareDatetime
    items: Sequence[AtRisk]
    total: int
    more: bool


class Breaches(FrozenModel):
    """Missed clocks and promises of a period, by cause, kind, pack and team."""

    since: AwareDatetime
    until: AwareDatetime
    by_cause: dict[BreachCause, int]
    missed: list[Missed]


class OutageAnswer(FrozenModel):
    """Outage of the system; `until` absent: it lasts."""

    cause: BreachCause
    since: AwareDatetime
    until: AwareDatetime | None


class Outages(FrozenModel):
    """Outages, the latest first."""

    outages: list[OutageAnswer]


def routes(runtime: Runtime, repository: RulebookRepository) -> APIRouter:
    """Return the endpoints. All of them need the scope complaints:read."""
    router = APIRouter(dependencies=[Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))])

    @router.get("/at-risk", summary="Clocks and promises that are late or due soon, with the reason")
    async def at_risk(
        within: Within = timedelta(hours=4), team: Team = None, limit: Limit = 100, offset: Offset = 0
    ) -> Risks:
        if not timedelta() <= within <= AHEAD_MAX:
            raise Rejected("within: expected a duration of a year at most, such as PT4H")
        rulebook = await repository.read(runtime.pool)
        now, items = await load_at_risk(runtime.pool, rulebook, within, team, limit, offset)
        total = await count_due(runtime.pool, now + within, team)
        return Risks(as_of=now, items=items, total=total, more=total > offset + limit)

    @router.get("/promises/figures", summary="How promises were kept and moved, and with how much notice")
    async def figures(since: Since = None, until: Until = None, team: Team = None) -> PromiseFigures:
        return await promise_figures(runtime.pool, await period_of(runtime, since, until, team))

    @router.get("/breaches", summary="What was missed, by cause: handling or an outage")
    async def breaches(since: Since = None, until: Until = None, team: Team = None) -> Breaches:
        period = await period_of(runtime, since, until, team)
        missed = await count_missed(runtime.pool, await repository.read(runtime.pool), period)
        causes: dict[BreachCause, int] = {}
        for group in missed:
            causes[group.cause] = causes.get(group.cause, 0) + group.missed
        return Breaches(since=period.since, until=period.until, by_cause=causes, missed=missed)

    @router.get("/outages", summary="Outages of the system")
    async def outages(since: Since = None, until: Until = None) -> Outages:
        period = await period_of(runtime, since, until, None)
        listed = await select_outages(runtime.pool, period.since, period.until, OUTAGES_MAX)
        return Outages(outages=[OutageAnswer(**outage._asdict()) for outage in listed])

    return router


async def period_of(runtime: Runtime, since: datetime | None, until: datetime | None, team: str | None) -> Period:
    """Return the period of a request. Raises `Rejected` if it ends before it begins or is longer than a year."""
    end = until or await database_now(runtime.pool)
    start = since or end - MONTH
    if not timedelta() < end - start <= PERIOD_MAX:
        raise Rejected(
            f"since: expected a time before until, by a year at most, such as {end - MONTH:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Period(start, end, team)

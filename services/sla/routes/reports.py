"""Reports over all complaints: what is at risk, how promises were kept, what was missed and why, outages."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, Field

from services.sla.domain import Clock
from services.sla.policies import Rulebook
from services.sla.reports.at_risk import AtRiskItem, load_at_risk
from services.sla.reports.performance import OUTAGES_MAX, Figures, Missed, count_missed, promise_figures
from services.sla.store.clock import database_now
from services.sla.store.complaints import count_due
from services.sla.store.outages import select_outages
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.scan import Period
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


class AtRisk(FrozenModel):
    """Clock or promise that is late or due soon. `because` explains the due time."""

    complaint_id: UUID
    team: str | None
    what: str
    kind: Literal["clock", "promise"]
    item: str = Field(description="Name of the action or supplier; empty if there is only one.")
    pack: str | None = Field(description="Regulator pack of the rule; absent for the organisation's own rules.")
    due_at: AwareDatetime
    is_late: bool
    because: str


class Risks(FrozenModel):
    """Late items first, then by due time. `total`: complaints with something late or due in that time.

    A page is of complaints, in the order of their first due time. `more`: there is another page.
    """

    as_of: AwareDatetime
    items: list[AtRisk]
    total: int
    more: bool


class PromiseFigures(Figures):
    """Figures of the promises of a period."""

    since: AwareDatetime
    until: AwareDatetime
    team: str | None


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
        ahead = check_ahead(within)
        rulebook = await repository.read(runtime.pool)
        now, items = await load_at_risk(runtime.pool, rulebook, ahead, team, limit, offset)
        total = await count_due(runtime.pool, now + ahead, team)
        answers = [_at_risk(item, rulebook) for item in items]
        return Risks(as_of=now, items=answers, total=total, more=total > offset + limit)

    @router.get("/promises/figures", summary="How promises were kept and moved, and with how much notice")
    async def figures(since: Since = None, until: Until = None, team: Team = None) -> PromiseFigures:
        period = await period_of(runtime, since, until, team)
        totals = await promise_figures(runtime.pool, period)
        return PromiseFigures(**totals.model_dump(), since=period.since, until=period.until, team=team)

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


def check_ahead(within: timedelta) -> timedelta:
    """Return the time if it is allowed. Raises `Rejected` if it is negative or more than a year."""
    if not timedelta() <= within <= AHEAD_MAX:
        raise Rejected("within: expected a duration of a year at most, such as PT4H")
    return within


async def period_of(runtime: Runtime, since: datetime | None, until: datetime | None, team: str | None) -> Period:
    """Return the period of a request. Raises `Rejected` if it ends before it begins or is longer than a year."""
    end = until or await database_now(runtime.pool)
    start = since or end - MONTH
    if not timedelta() < end - start <= PERIOD_MAX:
        raise Rejected(
            f"since: expected a time before until, by a year at most, such as {end - MONTH:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Period(start, end, team)


def _at_risk(item: AtRiskItem, rulebook: Rulebook) -> AtRisk:
    is_clock = isinstance(item.what, Clock)
    return AtRisk(
        complaint_id=item.complaint,
        team=item.team,
        what=item.name,
        kind="clock" if is_clock else "promise",
        item=item.item,
        pack=item.pack.id if item.pack else None,
        due_at=item.due_at,
        is_late=item.is_late,
        because=item.because(rulebook),
    )

"""Over all complaints: what is at risk, how promises were kept, what was missed and why."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, Field

from services.sla.domain import Clock
from services.sla.policies import Rulebook
from services.sla.reports import at_risk as risks
from services.sla.reports import performance
from services.sla.scan import Period
from services.sla.store.rulebooks import RulebookRepository
from shared.auth import require_scope
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import BreachCause
from shared.errors import Rejected
from shared.runtime import Runtime
from shared.text import LINE_PATTERN, Duration, Instant

READ = "complaints:read"
LONGEST = timedelta(days=366)  # a figure over more than a year is asked for year by year
AHEAD = timedelta(days=366)
MONTH = timedelta(days=30)
Team = Annotated[
    str | None, Query(max_length=60, pattern=LINE_PATTERN, description="Only what this team has; all when absent.")
]
Limit = Annotated[int, Query(ge=1, le=500, description="Complaints of one answer at most.")]
Offset = Annotated[int, Query(ge=0, le=100_000, description="Complaints to skip, for the next page.")]
Since = Annotated[Instant | None, Query(description="From then on; 30 days before `until` when absent.")]
Until = Annotated[Instant | None, Query(description="Until just before then; now when absent.")]
Within = Annotated[Duration, Query(description="How far ahead, such as PT4H.")]


class AtRisk(FrozenModel):
    """A clock or a promise that is due soon, or was. `because` explains the date."""

    complaint_id: UUID
    team: str | None
    what: str
    kind: Literal["clock", "promise"]
    item: str = Field(description="Which of several: the action, the supplier; empty where there is one.")
    pack: str | None = Field(description="The regulator's pack that asks for it; absent for our own.")
    due_at: AwareDatetime
    is_late: bool
    because: str


class Risks(FrozenModel):
    """What is late first, then by when it is due. `total`: complaints that have something late or due in that time.

    Pages are of complaints, in the order of what is due first. `more`: there are complaints behind this page.
    """

    as_of: AwareDatetime
    items: list[AtRisk]
    total: int
    more: bool


class PromiseFigures(performance.Figures):
    """How promises were kept in a period."""

    since: AwareDatetime
    until: AwareDatetime
    team: str | None


class Breaches(FrozenModel):
    """What was missed in a period, by cause, kind, pack and team."""

    since: AwareDatetime
    until: AwareDatetime
    by_cause: dict[BreachCause, int]
    missed: list[performance.Missed]


class OutageAnswer(FrozenModel):
    """A time in which something of ours was down; `until` absent: it lasts."""

    cause: BreachCause
    since: AwareDatetime
    until: AwareDatetime | None


class Outages(FrozenModel):
    """The latest first."""

    outages: list[OutageAnswer]


def routes(runtime: Runtime, shelf: RulebookRepository) -> APIRouter:
    """All of them need the scope complaints:read."""
    router = APIRouter(dependencies=[Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))])

    @router.get("/at-risk", summary="What is late or due soon, what is late first, and why")
    async def at_risk(
        within: Within = timedelta(hours=4), team: Team = None, limit: Limit = 100, offset: Offset = 0
    ) -> Risks:
        ahead = bounded(within)
        book = await shelf.read(runtime.pool)
        now, items = await risks.due(runtime.pool, book, ahead, team, limit, offset)
        total = await risks.total(runtime.pool, now + ahead, team)
        told = [_at_risk(one, book) for one in items]
        return Risks(as_of=now, items=told, total=total, more=total > offset + limit)

    @router.get("/promises/figures", summary="How promises were kept, with what notice they moved, how often")
    async def figures(since: Since = None, until: Until = None, team: Team = None) -> PromiseFigures:
        asked = await period(runtime, since, until, team)
        found = await performance.promises(runtime.pool, asked)
        return PromiseFigures(**found.model_dump(), since=asked.since, until=asked.until, team=team)

    @router.get("/breaches", summary="What was missed and why: handling, or something of ours that was down")
    async def breaches(since: Since = None, until: Until = None, team: Team = None) -> Breaches:
        asked = await period(runtime, since, until, team)
        found = await performance.missed(runtime.pool, await shelf.read(runtime.pool), asked)
        causes: dict[BreachCause, int] = {}
        for one in found:
            causes[one.cause] = causes.get(one.cause, 0) + one.missed
        return Breaches(since=asked.since, until=asked.until, by_cause=causes, missed=found)

    @router.get("/outages", summary="What of ours was down, and when")
    async def outages(since: Since = None, until: Until = None) -> Outages:
        asked = await period(runtime, since, until, None)
        return Outages(outages=[OutageAnswer(**one._asdict()) for one in await performance.down(runtime.pool, asked)])

    return router


def bounded(within: timedelta) -> timedelta:
    """How far ahead to look. Raises `Rejected` for a negative time or more than a year."""
    if not timedelta() <= within <= AHEAD:
        raise Rejected("within: expected a duration of a year at most, such as PT4H")
    return within


async def period(runtime: Runtime, since: datetime | None, until: datetime | None, team: str | None) -> Period:
    """The time that is asked about. Raises `Rejected` where it ends before it begins, or is longer than a year."""
    end = until or await runtime.pool.fetchval("select now()")
    start = since or end - MONTH
    if not timedelta() < end - start <= LONGEST:
        raise Rejected(
            f"since: expected a time before until, by a year at most, such as {end - MONTH:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Period(start, end, team)


def _at_risk(one: risks.AtRiskItem, rulebook: Rulebook) -> AtRisk:
    is_clock = isinstance(one.what, Clock)
    return AtRisk(
        complaint_id=one.complaint,
        team=one.team,
        what=one.name,
        kind="clock" if is_clock else "promise",
        item=one.item,
        pack=one.pack.id if one.pack else None,
        due_at=one.due_at,
        is_late=one.is_late,
        because=one.because(rulebook),
    )

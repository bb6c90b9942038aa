"""What is due soon and for whom, by indexes alone: it costs what is due, however full the table is."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import Clock, PromiseStatus, SlaState, evaluate
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import chain_key
from services.sla.explain.clock import ExplainContext, explain_clock, explain_promise
from services.sla.explain.promise import SUBJECTS
from services.sla.policies import Pack, Rulebook

# Complaints with a clock or a promise due from $1 until before $2, by two indexes, each read in order. $4 are skipped,
# and $3 is how many are read with those. The team's own indexes serve where one is named.
DUE = """
    select c.complaint_id, c.state, c.team, c.updated_at from (
        select complaint_id, {first}(at) as at from (
            (select complaint_id, tightest_at as at from complaint
             where tightest_at >= $1 and tightest_at < $2 {team} order by tightest_at {order} limit $3)
            union all
            (select complaint_id, promised_at from complaint
             where promised_at >= $1 and promised_at < $2 {team} order by promised_at {order} limit $3)
        ) as due group by complaint_id order by 2 {order}, 1 limit $3 - $4 offset $4
    ) as first join complaint c using (complaint_id) order by first.at {order}, c.complaint_id
"""
OF_ALL = DUE.format(team="", first="min", order="asc")
OF_TEAM = DUE.format(team="and team = $5", first="min", order="asc")
LATEST_OF_TEAM = DUE.format(team="and team = $5", first="max", order="desc")
COUNT = (
    "select count(*) from complaint where (tightest_at < $1 or promised_at < $1) and ($2::text is null or team = $2)"
)
# Teams that have something open, each by one step on the index.
TEAMS = """
    with recursive found as (
        (select team from complaint where tightest_at is not null and team is not null order by team limit 1)
        union all
        select (select team from complaint where tightest_at is not null and team > found.team order by team limit 1)
        from found where found.team is not null
    ) select team from found where team is not null limit 50
"""
EVER = datetime(1, 1, 1, tzinfo=UTC)
CHUNK = 50  # states read and judged in one go: about 20 ms of the event loop


class AtRiskItem(NamedTuple):
    """A clock or a promise that is due, or was."""

    complaint: UUID
    team: str | None
    due_at: datetime
    is_late: bool
    what: Clock | PromiseStatus
    updated_at: datetime
    look: ExplainContext

    def because(self, rulebook: Rulebook) -> str:
        """Why this date, in plain sentences for handlers."""
        if isinstance(self.what, Clock):
            return explain_clock(self.what, rulebook, context=self.look)
        return explain_promise(self.what, rulebook, context=self.look)

    @property
    def key(self) -> str:
        """What tells it apart from what else is due for that complaint, wherever its date moves."""
        if isinstance(self.what, Clock):
            return self.what.key
        return f"promise:{chain_key(self.what.promise)}"

    @property
    def name(self) -> str:
        """What is due, as a person says it."""
        if isinstance(self.what, Clock):
            return CLOCK_TYPES[self.what.kind].label
        return f"Promised: {SUBJECTS[self.what.promise.subject]}"

    @property
    def item(self) -> str:
        """Which of several: the action, the supplier; empty where there is one."""
        return self.what.item if isinstance(self.what, Clock) else self.what.promise.item

    @property
    def pack(self) -> Pack | None:
        """Whose rules ask for it, where it is a regulator's clock."""
        source = self.what.spec.source if isinstance(self.what, Clock) else None
        return source if isinstance(source, Pack) else None


class AtRiskPage(NamedTuple):
    """What is due soon and what is late; `cut`: there is more than was asked for."""

    now: datetime
    items: list[AtRiskItem]
    cut: bool


async def due(  # the look, and where its page lies
    pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str | None, limit: int, offset: int = 0
) -> tuple[datetime, list[AtRiskItem]]:
    """The database's clock, and what is due within that time, late ones first; of up to `limit` complaints."""
    now: datetime = await pool.fetchval("select now()")
    given = (EVER, now + within, limit + offset, offset)
    rows = await (pool.fetch(OF_TEAM, *given, team) if team else pool.fetch(OF_ALL, *given))
    items = await _judged(rows, rulebook, (now, now + within))
    return now, sorted(items, key=lambda one: (not one.is_late, one.due_at, one.complaint))


async def diary(pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str, most: int) -> AtRiskPage:
    """Up to `most` entries of a team: what is still to come, the next first, and then what is late, the latest first.

    What is long overdue must not push out what somebody can still do in time.
    """
    now: datetime = await pool.fetchval("select now()")
    soon = await pool.fetch(OF_TEAM, now, now + within, most, 0, team)
    late = await pool.fetch(LATEST_OF_TEAM, EVER, now, most, 0, team)
    known = {row[0] for row in soon}
    rows = [*soon, *(row for row in late if row[0] not in known)]
    items = await _judged(rows, rulebook, (now, now + within))
    items.sort(key=lambda one: (one.is_late, abs(one.due_at - now), one.complaint, one.key))
    return AtRiskPage(now, items[:most], cut=len(items) > most or most in (len(soon), len(late)))


async def total(pool: asyncpg.Pool, until: datetime, team: str | None) -> int:
    """How many complaints have something due before then."""
    found: int = await pool.fetchval(COUNT, until, team)
    return found


async def teams(pool: asyncpg.Pool) -> list[str]:
    """Some of those that have something open."""
    return [row[0] for row in await pool.fetch(TEAMS)]


async def _judged(
    rows: Sequence[asyncpg.Record], rulebook: Rulebook, span: tuple[datetime, datetime]
) -> list[AtRiskItem]:
    found: list[AtRiskItem] = []
    for place, (_, state, team, updated_at) in enumerate(rows, start=1):
        found += _items(SlaState.model_validate_json(state), team, updated_at, rulebook, span)
        if place % CHUNK == 0:
            await asyncio.sleep(0)
    return found


def _items(
    state: SlaState, team: str | None, updated_at: datetime, rulebook: Rulebook, span: tuple[datetime, datetime]
) -> Iterator[AtRiskItem]:
    now, until = span
    for at, what in _open(state, rulebook):
        if at < until:
            yield AtRiskItem(state.complaint_id, team, at, at < now, what, updated_at, ExplainContext(state, now))


def _open(state: SlaState, rulebook: Rulebook) -> Iterator[tuple[datetime, Clock | PromiseStatus]]:
    book, known = evaluate(state, rulebook), cycles(state.moments)
    closed = bool(known) and known[-1].ended_at is not None
    for clock in book.clocks:
        if (
            clock.is_open and clock.due_at is not None and not (clock.is_optional and closed)
        ):  # a chance calls nobody then
            yield clock.due_at, clock
    for pledge in book.promise_statuses:
        if pledge.told_at is not None and pledge.is_last and not pledge.is_over:
            yield pledge.promise.due_at, pledge

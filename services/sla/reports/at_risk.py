"""Clocks and promises that are late or due soon. Queries use indexes, so the cost depends on what is due alone."""

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
from services.sla.store.clock import database_now
from services.sla.store.complaints import DueQuery, select_due
from services.sla.store.scan import CHUNK

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class AtRiskItem(NamedTuple):
    """Clock or promise that is due or late."""

    complaint: UUID
    team: str | None
    due_at: datetime
    is_late: bool
    what: Clock | PromiseStatus
    updated_at: datetime
    look: ExplainContext

    def because(self, rulebook: Rulebook) -> str:
        """Explain the due time in plain sentences for handlers."""
        if isinstance(self.what, Clock):
            return explain_clock(self.what, rulebook, context=self.look)
        return explain_promise(self.what, rulebook, context=self.look)

    @property
    def key(self) -> str:
        """Key within the complaint; it stays the same when the due time moves."""
        if isinstance(self.what, Clock):
            return self.what.key
        return f"promise:{chain_key(self.what.promise)}"

    @property
    def name(self) -> str:
        """Display name of the clock or promise."""
        if isinstance(self.what, Clock):
            return CLOCK_TYPES[self.what.kind].label
        return f"Promised: {SUBJECTS[self.what.promise.subject]}"

    @property
    def item(self) -> str:
        """Name of the action or supplier it is about; empty if the complaint has only one clock of this kind."""
        return self.what.item if isinstance(self.what, Clock) else self.what.promise.item

    @property
    def pack(self) -> Pack | None:
        """Regulator pack whose rule this clock measures; None for the organisation's own rules."""
        source = self.what.spec.source if isinstance(self.what, Clock) else None
        return source if isinstance(source, Pack) else None


class AtRiskPage(NamedTuple):
    """Items that are late or due soon, as of `now`. `cut`: there are more than the page has."""

    now: datetime
    items: list[AtRiskItem]
    cut: bool


async def load_at_risk(  # the question, and the page of its answer
    pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str | None, limit: int, offset: int = 0
) -> tuple[datetime, list[AtRiskItem]]:
    """Return the database's time and what is due `within` that time, late items first, of up to `limit` complaints."""
    now = await database_now(pool)
    rows = await select_due(pool, DueQuery(BEGINNING, now + within, limit, offset), team)
    items = await _items_of(rows, rulebook, (now, now + within))
    return now, sorted(items, key=lambda item: (not item.is_late, item.due_at, item.complaint))


async def load_team_calendar(
    pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str, limit: int
) -> AtRiskPage:
    """Return up to `limit` items of a team: items still to come, the next first, then late items, the latest first.

    Long overdue items must not push out what can still be done in time.
    """
    now = await database_now(pool)
    soon = await select_due(pool, DueQuery(now, now + within, limit), team)
    late = await select_due(pool, DueQuery(BEGINNING, now, limit), team, latest_first=True)
    complaints = {row["complaint_id"] for row in soon}
    rows = [*soon, *(row for row in late if row["complaint_id"] not in complaints)]
    items = await _items_of(rows, rulebook, (now, now + within))
    items.sort(key=lambda item: (item.is_late, abs(item.due_at - now), item.complaint, item.key))
    return AtRiskPage(now, items[:limit], cut=len(items) > limit or limit in (len(soon), len(late)))


async def _items_of(
    rows: Sequence[asyncpg.Record], rulebook: Rulebook, span: tuple[datetime, datetime]
) -> list[AtRiskItem]:
    items: list[AtRiskItem] = []
    for count, (_, state, team, updated_at) in enumerate(rows, start=1):
        items += _items(SlaState.model_validate_json(state), team, updated_at, rulebook, span)
        if count % CHUNK == 0:
            await asyncio.sleep(0)
    return items


def _items(
    state: SlaState, team: str | None, updated_at: datetime, rulebook: Rulebook, span: tuple[datetime, datetime]
) -> Iterator[AtRiskItem]:
    now, until = span
    for at, what in _open(state, rulebook):
        if at < until:
            yield AtRiskItem(state.complaint_id, team, at, at < now, what, updated_at, ExplainContext(state, now))


def _open(state: SlaState, rulebook: Rulebook) -> Iterator[tuple[datetime, Clock | PromiseStatus]]:
    """Yield open clocks and told promises with their due times; clocks of chances end with the complaint."""
    evaluation, complaint_cycles = evaluate(state, rulebook), cycles(state.moments)
    is_closed = bool(complaint_cycles) and complaint_cycles[-1].ended_at is not None
    for clock in evaluation.clocks:
        if clock.is_open and clock.due_at is not None and not (clock.is_optional and is_closed):
            yield clock.due_at, clock
    for status in evaluation.promise_statuses:
        if status.told_at is not None and status.is_last and not status.is_over:
            yield status.promise.due_at, status

"""Clocks and promises that are late or due soon. Queries use indexes, so the cost depends on what is due alone."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
from pydantic import AwareDatetime, Field

from services.sla.domain import Clock, PromiseStatus, SlaState, evaluate
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import chain_key
from services.sla.explain.clock import ExplainContext, explain_clock, explain_promise
from services.sla.explain.promise import SUBJECTS
from services.sla.policies import Pack, Rulebook
from services.sla.store.complaints import select_due
from services.sla.store.scan import CHUNK, Period
from services.sla.store.states import database_now
from shared.contracts.envelope import FrozenModel

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


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


class AtRiskItem(AtRisk):
    """Entry of the calendar feed. `key`, within the complaint, stays the same when the due time moves."""

    key: str
    pack_name: str | None = None
    updated_at: AwareDatetime


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
    rows = await select_due(pool, Period(BEGINNING, now + within, team), limit, offset)
    items = await _load_items(rows, rulebook, now, now + within)
    return now, sorted(items, key=lambda item: (not item.is_late, item.due_at, item.complaint_id))


async def load_team_calendar(
    pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str, limit: int
) -> AtRiskPage:
    """Return up to `limit` items of a team: items still to come, the next first, then late items, the latest first.

    Long overdue items must not push out what can still be done in time.
    """
    now = await database_now(pool)
    soon = await select_due(pool, Period(now, now + within, team), limit)
    late = await select_due(pool, Period(BEGINNING, now, team), limit, latest_first=True)
    complaints = {row["complaint_id"] for row in soon}
    rows = [*soon, *(row for row in late if row["complaint_id"] not in complaints)]
    items = await _load_items(rows, rulebook, now, now + within)
    items.sort(key=lambda item: (item.is_late, abs(item.due_at - now), item.complaint_id, item.key))
    return AtRiskPage(now, items[:limit], cut=len(items) > limit or limit in (len(soon), len(late)))


async def _load_items(
    rows: Sequence[asyncpg.Record], rulebook: Rulebook, now: datetime, until: datetime
) -> list[AtRiskItem]:
    items: list[AtRiskItem] = []
    for count, row in enumerate(rows, start=1):
        items += open_items(row, rulebook, now, until)
        if count % CHUNK == 0:
            await asyncio.sleep(0)
    return items


def open_items(row: asyncpg.Record, rulebook: Rulebook, now: datetime, until: datetime) -> Iterator[AtRiskItem]:
    """Yield what is open and due before `until`, of a row with state, team and updated_at."""
    state = SlaState.model_validate_json(row["state"])
    context = ExplainContext(state, now)
    common = {"complaint_id": state.complaint_id, "team": row["team"], "updated_at": row["updated_at"]}
    for due_at, entry in _open(state, rulebook):
        if due_at < until:
            fields = _fields(entry, rulebook, context)
            yield AtRiskItem(due_at=due_at, is_late=due_at < now, **common, **fields)


def _fields(entry: Clock | PromiseStatus, rulebook: Rulebook, context: ExplainContext) -> dict[str, Any]:
    if isinstance(entry, Clock):
        pack = entry.spec.source if isinstance(entry.spec.source, Pack) else None
        return {
            "what": CLOCK_TYPES[entry.kind].label,
            "kind": "clock",
            "item": entry.item,
            "pack": pack.id if pack else None,
            "pack_name": pack.name if pack else None,
            "key": entry.key,
            "because": explain_clock(entry, rulebook, context=context),
        }
    return {
        "what": f"Promised: {SUBJECTS[entry.promise.subject]}",
        "kind": "promise",
        "item": entry.promise.item,
        "pack": None,
        "key": f"promise:{chain_key(entry.promise)}",
        "because": explain_promise(entry, rulebook, context=context),
    }


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

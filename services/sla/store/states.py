"""States on PostgreSQL, and what decisions may know: the rulebook as published, and what of ours was down."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.sla.domain import Outage, SlaContext, SlaState
from services.sla.domain.cycles import team
from services.sla.store.outages import OUTAGES
from services.sla.store.revisions import SELECT_NEWEST_REVISION
from services.sla.store.rulebooks import RulebookRepository
from shared.contracts.envelope import ComplaintId
from shared.runner.state_store import StateStore
from shared.runner.types import DueTimer, Input

# What a decision may depend on besides the state: the newest revision, and the outages of the last days.
SELECT_CONTEXT = f"""
    select ({SELECT_NEWEST_REVISION}), array(
        select (cause, since, until) from {OUTAGES}
        where until is null or until > now() - interval '8 days' order by since desc limit 100
    )
"""  # noqa: S608 (constants)
PROMOTED = {
    "due_at": "timestamptz",
    "is_open": "boolean",
    "revision": "integer",
    "team": "text",
    "category": "text",
    "tightest_at": "timestamptz",
    "promised_at": "timestamptz",
    "received_at": "timestamptz",
    "spent_seconds": "bigint",
    "policy": "text",
    "untold_since": "timestamptz",
    "last_due_at": "timestamptz",
}


class SlaStore:
    """Documents with what is asked for over all complaints promoted to columns."""

    def __init__(self, shelf: RulebookRepository) -> None:
        self.shelf = shelf
        self._documents = StateStore(SlaState, promoted=PROMOTED, promote=promoted)

    def prepare(self, inputs: Sequence[Input]) -> None:
        """Nothing to do before the transaction."""

    async def context(self, conn: asyncpg.Connection, now: datetime, prepared: None) -> SlaContext:
        """The database's clock, the rulebook that counts in this transaction, and the outages of the last days."""
        del prepared
        (row,) = await conn.fetch(SELECT_CONTEXT)
        outages = tuple(Outage(*one) for one in row[1])
        return SlaContext(now, await self.shelf.current(conn, row[0]), outages)

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> Mapping[ComplaintId, SlaState]:
        """All known states of these complaints, locked in id order."""
        return await self._documents.load(conn, ids)

    async def save(self, conn: asyncpg.Connection, states: Sequence[SlaState], context: SlaContext) -> None:
        """One upsert for all that changed."""
        del context
        await self._documents.save(conn, states)

    def due_at(self, state: SlaState) -> datetime | None:
        """When time alone will next have something to say."""
        return state.due_at

    async def next_due(self, conn: asyncpg.Connection) -> float | None:
        """Seconds until the next clock or promise has something to say."""
        return await self._documents.next_due(conn)

    async def due(self, conn: asyncpg.Connection, limit: int) -> Sequence[DueTimer[SlaState]]:
        """Complaints about which time has something to say, the longest waiting first."""
        return await self._documents.due(conn, limit)

    async def put_off(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move timers whose ticks failed out of the way."""
        await self._documents.put_off(conn, ids, now)


def promoted(state: SlaState) -> tuple[Any, ...]:
    """In the order of `PROMOTED`."""
    return (
        state.due_at,
        state.is_open,
        state.terms[-1].terms.revision if state.terms else None,
        team(state.moments),
        "/".join(state.triages[-1].category) if state.triages else None,
        state.tightest_at,
        state.promised_at,
        state.receipt.received_at if state.receipt else None,
        state.spent_seconds,
        state.terms[-1].terms.policy if state.terms else None,
        state.untold_since,
        state.last_due_at,
    )

"""States of sla on PostgreSQL, the context of its decisions, and the database's time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.sla.domain import Outage, SlaContext, SlaState
from services.sla.domain.history import current_team
from services.sla.store.outages import OUTAGES
from services.sla.store.revisions import SELECT_NEWEST_REVISION, Database
from services.sla.store.rulebooks import RulebookRepository
from shared.contracts.envelope import ComplaintId
from shared.runner.state_store import StateStore, build_claim_query

# One state without a lock, and the database's time.
SELECT_STATE = "select now(), (select state from complaint where complaint_id = $1)"
# The newest revision of the rulebook, and the outages of the last days.
SELECT_CONTEXT = f"""
    select ({SELECT_NEWEST_REVISION}), array(
        select (cause, since, until) from {OUTAGES}
        where until is null or until > now() - interval '8 days' order by since desc limit 100
    )
"""  # noqa: S608 (constants)
EXISTS_OUTDATED = "select exists (select from complaint where is_open and revision < $1)"
# Claims in the order of (revision, id), behind the last claimed row: the rows of failed decisions are not read again.
CLAIM_OUTDATED = build_claim_query(
    "is_open and revision < $2 and (revision, complaint_id) > ($3, $4::uuid)", "revision, complaint_id"
)
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
_states: StateStore[SlaState, SlaContext] = StateStore(SlaState)


class SlaStore(StateStore[SlaState, SlaContext]):
    """States of sla, with columns for what is queried over all complaints."""

    def __init__(self, rulebooks: RulebookRepository) -> None:
        super().__init__(SlaState, promoted=PROMOTED, promote=promoted)
        self._rulebooks = rulebooks

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: None) -> SlaContext:
        """Load the rulebook that is in force in this transaction, and the outages of the last days."""
        del prepared
        (row,) = await conn.fetch(SELECT_CONTEXT)
        outages = tuple(Outage(*outage) for outage in row[1])
        return SlaContext(now, await self._rulebooks.current(conn, row[0]), outages)


def promoted(state: SlaState) -> tuple[Any, ...]:
    """Return the values of the promoted columns, in the order of `PROMOTED`."""
    return (
        state.due_at,
        state.is_open,
        state.terms[-1].terms.revision if state.terms else None,
        current_team(state.moments),
        "/".join(state.triages[-1].category) if state.triages else None,
        state.tightest_at,
        state.promised_at,
        state.receipt.received_at if state.receipt else None,
        state.spent_seconds,
        state.terms[-1].terms.policy if state.terms else None,
        state.untold_since,
        state.last_due_at,
    )


async def database_now(db: Database) -> datetime:
    """Return the time by which all replicas compare due times; within a transaction, the time at which it began."""
    now: datetime = await db.fetchval("select now()")
    return now


async def read_state(pool: asyncpg.Pool, complaint: ComplaintId) -> tuple[datetime, SlaState | None]:
    """Return the database's time and the state of a complaint, None if there is none, without a lock."""
    now, state = (await pool.fetch(SELECT_STATE, complaint))[0]
    return now, SlaState.model_validate_json(state) if state else None


async def has_outdated(pool: asyncpg.Pool, revision: int) -> bool:
    """Return True if an open complaint is under a revision older than this one."""
    return bool(await pool.fetchval(EXISTS_OUTDATED, revision))


async def claim_outdated(
    conn: asyncpg.Connection, revision: int, after: tuple[int, UUID], limit: int
) -> Sequence[SlaState]:
    """Lock the next outdated complaints behind (revision, id) until the transaction ends; skip locked ones."""
    return await _states.claim(conn, CLAIM_OUTDATED, limit, revision, *after)

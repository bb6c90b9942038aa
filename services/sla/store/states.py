"""States of sla on PostgreSQL, and the context of its decisions: published rulebook and outages."""

from datetime import datetime
from typing import Any

import asyncpg

from services.sla.domain import Outage, SlaContext, SlaState
from services.sla.domain.history import current_team
from services.sla.store.outages import OUTAGES
from services.sla.store.revisions import SELECT_NEWEST_REVISION
from services.sla.store.rulebooks import RulebookRepository
from shared.contracts.envelope import ComplaintId
from shared.runner.state_store import StateStore

# One state without a lock, and the database's time.
SELECT_STATE = "select now(), (select state from complaint where complaint_id = $1)"
# The newest revision of the rulebook, and the outages of the last days.
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


async def read_state(pool: asyncpg.Pool, complaint: ComplaintId) -> tuple[datetime, SlaState | None]:
    """Return the database's time and the state of a complaint, None if there is none, without a lock."""
    now, state = (await pool.fetch(SELECT_STATE, complaint))[0]
    return now, SlaState.model_validate_json(state) if state else None

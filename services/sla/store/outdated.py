"""Open complaints that are evaluated under an older revision than the one that applies to them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.sla.domain import SlaContext, SlaState
from shared.runner.state_store import StateStore, build_claim_query

EXISTS_OUTDATED = "select exists (select from complaint where is_open and revision < $1)"
# Claims in the order of (revision, id), behind the last claimed row: the rows of failed decisions are not read again.
CLAIM_OUTDATED = build_claim_query(
    "is_open and revision < $2 and (revision, complaint_id) > ($3, $4::uuid)", "revision, complaint_id"
)
_states: StateStore[SlaState, SlaContext] = StateStore(SlaState)


async def has_outdated(pool: asyncpg.Pool, revision: int) -> bool:
    """Return True if an open complaint is under an older revision."""
    return bool(await pool.fetchval(EXISTS_OUTDATED, revision))


async def claim_outdated(
    conn: asyncpg.Connection, revision: int, after: tuple[int, UUID], limit: int
) -> Sequence[SlaState]:
    """Lock the next outdated complaints behind (revision, id) until the transaction ends; skip locked ones."""
    return await _states.claim(conn, CLAIM_OUTDATED, limit, revision, *after)

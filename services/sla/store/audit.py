"""Queries of the audit: stored rows, dead letters, and events that the relay has not published yet."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.sla.store.states import PROMOTED
from shared.contracts.envelope import ComplaintId

SELECT_ROWS = f"""
    select complaint_id, state, version, {", ".join(PROMOTED)} from complaint where complaint_id = any($1)
"""  # noqa: S608 (constant column names)


async def select_rows(pool: asyncpg.Pool, complaints: Sequence[ComplaintId]) -> dict[ComplaintId, asyncpg.Record]:
    """Return state, version and promoted columns by complaint."""
    return {row["complaint_id"]: row for row in await pool.fetch(SELECT_ROWS, complaints)}


async def count_rows(pool: asyncpg.Pool) -> int:
    """Count all stored complaints."""
    return int(await pool.fetchval("select count(*) from complaint"))


async def select_unapplied(pool: asyncpg.Pool) -> frozenset[UUID]:
    """Return the ids of events that are dead letters and were not replayed."""
    rows = await pool.fetch("select event_id from dead_letter where status <> 'replayed'")
    return frozenset(row[0] for row in rows)


async def select_outbox(pool: asyncpg.Pool, complaints: Sequence[ComplaintId]) -> Sequence[bytes]:
    """Return the events of these complaints that the outbox still holds; they may not be on the topic yet."""
    return [row[0] for row in await pool.fetch("select value from outbox where key = any($1)", complaints)]

"""Complaints page by page in short reads: no snapshot is held for a minute, and the service has its turns between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from services.sla.domain import SlaState

PAGE = 500  # rows of one read
TURN = 25  # complaints between two turns of the service, some ten milliseconds
# What is open, in the order of its index.
OPEN = """
    select revision, complaint_id, state from complaint
    where is_open and (revision, complaint_id) > ($1, $2)
    order by revision, complaint_id limit $3
"""
OPEN_COUNT = "select count(*) from complaint where is_open"
# What was received since, open or closed.
SINCE = """
    select received_at, complaint_id, state from complaint
    where received_at >= $1 and (received_at, complaint_id) > ($1, $2)
    order by received_at, complaint_id limit $3
"""
SINCE_COUNT = "select count(*) from complaint where received_at >= $1"
NOBODY = UUID(int=0)
_READER: TypeAdapter[SlaState] = TypeAdapter(SlaState)


class ComplaintScan:
    """A walk over complaints. `size` is how many there were at its beginning."""

    def __init__(self, pool: asyncpg.Pool, query: str, first: Any, size: int) -> None:
        self._pool = pool
        self._query = query
        self._first = first
        self.size = size

    async def walk(self) -> AsyncIterator[Sequence[SlaState]]:
        """A few at a time, each once as long as nothing moves it; the rest of the process runs between them."""
        last: tuple[Any, UUID] = (self._first, NOBODY)
        while rows := await self._pool.fetch(self._query, *last, PAGE):
            last = (rows[-1][0], rows[-1][1])
            for start in range(0, len(rows), TURN):
                yield [_READER.validate_json(row[2]) for row in rows[start : start + TURN]]
                await asyncio.sleep(0)


async def open_ones(pool: asyncpg.Pool) -> ComplaintScan:
    """Everything that is open."""
    return ComplaintScan(pool, OPEN, 0, await pool.fetchval(OPEN_COUNT))


async def recent_ones(pool: asyncpg.Pool, now: datetime, days: int) -> ComplaintScan:
    """Everything that was received in the last days."""
    since = now - timedelta(days=days)
    return ComplaintScan(pool, SINCE, since, await pool.fetchval(SINCE_COUNT, since))

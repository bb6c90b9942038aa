"""Scans over complaints in short reads: no snapshot is held for minutes, and the event loop runs in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import SlaState
from services.sla.store.states import database_now

PAGE = 500  # rows of one read
CHUNK = 25  # states parsed and evaluated at once: about 10 ms of the event loop
FIRST_ID = UUID(int=0)

# Each query reads the next page behind the key of the last row: the key columns first, then the state.
SELECT_OPEN = """
    select revision, complaint_id, state from complaint
    where is_open and (revision, complaint_id) > ($1, $2)
    order by revision, complaint_id limit $3
"""
SELECT_RECEIVED_SINCE = """
    select received_at, complaint_id, state from complaint
    where received_at >= $1 and (received_at, complaint_id) > ($1, $2)
    order by received_at, complaint_id limit $3
"""
# Complaints with a due time in a period. Such a complaint was received before the end of the period, and its last due
# time is not before the beginning. The time of the last write does not help: a promise that was kept early is not
# written again when it falls due. Rows without `last_due_at` were written before that column existed, so they are read.
SELECT_DUE_IN_PERIOD = """
    select complaint_id, state from complaint
    where complaint_id > $1 and received_at < $4 and coalesce(last_due_at, 'infinity') >= $3
        and ($5::text is null or team = $5)
    order by complaint_id limit $2
"""


class Period(NamedTuple):
    """Time from `since` until just before `until`, for one team or for all."""

    since: datetime
    until: datetime
    team: str | None = None

    def covers(self, at: datetime | None) -> bool:
        """Return True if that time lies in the period."""
        return at is not None and self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class ComplaintScan:
    """Scan by a query from above. `first`: key to begin behind; `size`: number of complaints when it was counted."""

    pool: asyncpg.Pool
    query: str
    first: tuple[Any, ...]
    parameters: tuple[Any, ...] = ()
    size: int | None = None

    async def chunks(self) -> AsyncIterator[list[SlaState]]:
        """Yield the states, a few at a time. A complaint is read twice only if its key grows during the scan."""
        last = self.first
        while rows := await self.pool.fetch(self.query, *last, PAGE, *self.parameters):
            last = tuple(rows[-1])[:-1]
            for start in range(0, len(rows), CHUNK):
                yield [SlaState.model_validate_json(row[-1]) for row in rows[start : start + CHUNK]]
                await asyncio.sleep(0)
            if len(rows) < PAGE:
                return


async def scan_open(pool: asyncpg.Pool) -> ComplaintScan:
    """Scan all open complaints."""
    size = await pool.fetchval("select count(*) from complaint where is_open")
    return ComplaintScan(pool, SELECT_OPEN, (0, FIRST_ID), size=size)


async def scan_recent(pool: asyncpg.Pool, days: int) -> ComplaintScan:
    """Scan the complaints that were received in the last `days` days, open or closed."""
    since = await database_now(pool) - timedelta(days=days)
    size = await pool.fetchval("select count(*) from complaint where received_at >= $1", since)
    return ComplaintScan(pool, SELECT_RECEIVED_SINCE, (since, FIRST_ID), size=size)


def scan_period(pool: asyncpg.Pool, period: Period) -> ComplaintScan:
    """Scan the complaints of which something may have fallen due in a period."""
    return ComplaintScan(pool, SELECT_DUE_IN_PERIOD, (FIRST_ID,), (period.since, period.until, period.team))

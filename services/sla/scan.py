"""Every complaint that something may have fallen due for in a time, a few at a time, so that nobody else waits long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import SlaState

CHUNK = 50  # states read and judged in one go: about 20 ms of the event loop
FIRST = UUID(int=0)
# Whatever fell due in a time was received before its end, and the last due time of its complaint is not before its
# beginning. When the row was written says nothing: who kept a promise early is not written again when it falls due.
# Rows from before that was kept are read as well, because it is not known in them.
ROWS = """
    select complaint_id, state, team from complaint
    where complaint_id > $1 and received_at < $2 and coalesce(last_due_at, 'infinity') >= $3
        and ($4::text is null or team = $4)
    order by complaint_id limit $5
"""


class Period(NamedTuple):
    """From `since` until just before `until`, of one team or of all."""

    since: datetime
    until: datetime
    team: str | None = None

    def covers(self, at: datetime | None) -> bool:
        """Whether that moment lies in it."""
        return at is not None and self.since <= at < self.until


async def scan(pool: asyncpg.Pool, period: Period) -> AsyncIterator[tuple[SlaState, str | None]]:
    """Each of them with the team that has it now."""
    last = FIRST
    while rows := await pool.fetch(ROWS, last, period.until, period.since, period.team, CHUNK):
        for row in rows:
            yield SlaState.model_validate_json(row[1]), row[2]
        last = rows[-1][0]
        if len(rows) < CHUNK:
            return
        await asyncio.sleep(0)

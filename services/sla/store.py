"""States on PostgreSQL, and the rulebook that decisions are made by."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from services.sla.domain import Complaint, SlaContext
from services.sla.policies import Rulebook
from shared.contracts.envelope import ComplaintId
from shared.documents import Documents
from shared.runner.decision import Due, Input

# One complaint to look at, without a lock, and the database's clock to look at it by.
BY_ID = "select now(), (select state from complaint where complaint_id = $1)"


class SlaStore:
    """Documents with the next due moment promoted. The rulebook is loaded at the start and never changes after."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self._documents = Documents(
            Complaint, promoted={"due_at": "timestamptz"}, promote=lambda state: (state.due_at,)
        )

    def prepare(self, inputs: Sequence[Input]) -> None:
        """Nothing to do before the transaction."""

    async def context(self, conn: asyncpg.Connection, now: datetime, prepared: None) -> SlaContext:
        """The database's clock and the rulebook."""
        del conn, prepared
        return SlaContext(now, self.rulebook)

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> Mapping[ComplaintId, Complaint]:
        """All known states of these complaints, locked in id order."""
        return await self._documents.load(conn, ids)

    async def save(self, conn: asyncpg.Connection, states: Sequence[Complaint], context: SlaContext) -> None:
        """One upsert for all that changed."""
        del context
        await self._documents.save(conn, states)

    def due_at(self, state: Complaint) -> datetime | None:
        """When time alone will next have something to say."""
        return state.due_at

    async def next_due(self, conn: asyncpg.Connection) -> float | None:
        """Seconds until the next clock or promise has something to say."""
        return await self._documents.next_due(conn)

    async def due(self, conn: asyncpg.Connection, limit: int) -> Sequence[Due[Complaint]]:
        """Complaints about which time has something to say, the longest waiting first."""
        return await self._documents.due(conn, limit)

    async def put_off(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move timers whose ticks failed out of the way."""
        await self._documents.put_off(conn, ids, now)


async def look(pool: asyncpg.Pool, complaint: ComplaintId) -> tuple[datetime, Complaint | None]:
    """The database's clock and what we know of a complaint, for reading only."""
    now, found = (await pool.fetch(BY_ID, complaint))[0]
    return now, Complaint.model_validate_json(found) if found else None

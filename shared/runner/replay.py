"""Dead letters again: one complaint at a time, in order, through the same `decide`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import asyncpg

from shared.contracts.envelope import ComplaintId, Event
from shared.runner.decode import decode_records
from shared.runner.fold import BatchFolder
from shared.runner.runner import sentence
from shared.runner.spec import ServiceSpec
from shared.runner.types import ContextT, StateT
from shared.storage import dead_letters, outbox
from shared.storage.postgres import transaction


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many letters were applied, and how many still wait."""

    applied: int
    left: int


class Replay(Generic[StateT, ContextT]):
    """Applies or discards what lies aside."""

    def __init__(
        self,
        fold: ServiceSpec[StateT, ContextT],
        *,
        pool: Callable[[], asyncpg.Pool],
        event_bytes_max: int,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._fold = fold
        self._folder = BatchFolder(fold.service, fold.decide, event_bytes_max)
        self._pool = pool
        self._committed = committed

    async def open(self, subject: ComplaintId | None, limit: int) -> Sequence[asyncpg.Record]:
        """The open letters, of one complaint or of all, oldest first."""
        async with transaction(self._pool()) as conn:
            return list(await conn.fetch(dead_letters.OPEN, subject, limit))

    async def subject(self, subject: ComplaintId) -> ReplayResult:
        """Apply all open letters of one complaint; stops at the first that still fails, and keeps its new error."""
        applied = 0
        async with transaction(self._pool()) as conn:
            # Again until none is left: while we waited for the rows' locks, the consumer may have parked another.
            while rows := await conn.fetch(dead_letters.CLAIM_SUBJECT, subject):
                for number, row in enumerate(rows):
                    if error := await self._apply(conn, row):
                        await conn.execute(dead_letters.FAIL_AGAIN, row["id"], error)
                        return ReplayResult(applied, len(rows) - number)
                    await conn.execute(dead_letters.SETTLE, [row["id"]], "replayed")
                    applied += 1
        self._committed()
        return ReplayResult(applied, 0)

    async def discard(self, letter: int) -> bool:
        """Give one letter up; what waits behind it can then be replayed. False when it is not open."""
        async with transaction(self._pool()) as conn:
            row = await conn.fetchrow(dead_letters.CLAIM_ONE, letter)
            if row is not None:
                await conn.execute(dead_letters.SETTLE, [letter], "discarded")
            return row is not None

    async def _apply(self, conn: asyncpg.Connection, row: asyncpg.Record) -> str | None:
        letter = dead_letters.DeadLetter(
            row["subject"], row["event_id"], row["topic"], row["partition"], row["record_offset"], row["value"], ""
        )
        batch = decode_records([letter.record()], self._fold.service)
        if batch.dead:
            return batch.dead[0].error
        return await self._decide(conn, batch.heard[0].event) if batch.heard else None

    async def _decide(self, conn: asyncpg.Connection, event: Event[Any]) -> str | None:
        store = self._fold.store
        prepared = store.prepare([event])
        context = await store.load_context(conn, await conn.fetchval("select now()"), prepared)
        known = await store.load(conn, [event.subject])
        folded = self._folder.fold(known, [(event.subject, event)], context)
        if isinstance(folded.results[0], Exception):
            return sentence(folded.results[0])
        await store.save(conn, list(folded.states.values()), folded.context)
        await outbox.append(conn, folded.rows)
        return None

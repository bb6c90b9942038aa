"""Replay of dead letters: apply those of one complaint again, in order, through the same `decide`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import asyncpg

from shared.contracts.envelope import ComplaintId, Event
from shared.errors import describe_error
from shared.runner.decode import decode_records
from shared.runner.fold import BatchFolder
from shared.runner.spec import ServiceSpec
from shared.runner.types import ContextT, StateT
from shared.settings import ServiceSettings
from shared.storage import dead_letters, outbox
from shared.storage.postgres import transaction


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Number of dead letters that were applied, and of those that are still open."""

    applied: int
    left: int


class Replay(Generic[StateT, ContextT]):
    """Lists, applies and discards dead letters. `on_commit` is called after each of its commits with new events."""

    def __init__(
        self,
        spec: ServiceSpec[StateT, ContextT],
        *,
        pool: Callable[[], asyncpg.Pool],
        settings: ServiceSettings,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._spec = spec
        self._folder = BatchFolder(spec.service, spec.decide, settings.event_bytes_max)
        self._pool = pool
        self._on_commit = on_commit

    async def list_open(self, subject: ComplaintId | None, limit: int) -> Sequence[asyncpg.Record]:
        """Return the open dead letters of one complaint, or of all if `subject` is None, oldest first."""
        async with transaction(self._pool()) as conn:
            return list(await conn.fetch(dead_letters.SELECT_OPEN, subject, limit))

    async def replay(self, subject: ComplaintId) -> ReplayResult:
        """Apply the open dead letters of one complaint in order, up to the first that still fails.

        The new error of the failing one is stored.
        """
        applied = 0
        async with transaction(self._pool()) as conn:
            # Repeat until none is left: while this waited for the locks, the consumer may have parked another one.
            while rows := await conn.fetch(dead_letters.LOCK_OPEN_OF_COMPLAINT, subject):
                for number, row in enumerate(rows):
                    if error := await self._apply(conn, row):
                        await conn.execute(dead_letters.RECORD_FAILURE, row["id"], error)
                        return ReplayResult(applied, len(rows) - number)
                    await conn.execute(dead_letters.SETTLE, [row["id"]], "replayed")
                    applied += 1
        self._on_commit()
        return ReplayResult(applied, 0)

    async def discard(self, letter: int) -> bool:
        """Discard one dead letter, so that those behind it can be replayed. Return False if it is not open."""
        async with transaction(self._pool()) as conn:
            row = await conn.fetchrow(dead_letters.LOCK_OPEN, letter)
            if row is not None:
                await conn.execute(dead_letters.SETTLE, [letter], "discarded")
            return row is not None

    async def _apply(self, conn: asyncpg.Connection, row: asyncpg.Record) -> str | None:
        """Apply one dead letter. Return the error if it still fails."""
        letter = dead_letters.DeadLetter(
            row["subject"], row["event_id"], row["topic"], row["partition"], row["record_offset"], row["value"], ""
        )
        batch = decode_records([letter.to_record()], self._spec.service)
        if batch.dead:
            return batch.dead[0].error
        return await self._decide(conn, batch.events[0].event) if batch.events else None

    async def _decide(self, conn: asyncpg.Connection, event: Event[Any]) -> str | None:
        store = self._spec.store
        prepared = store.prepare([event])
        context = await store.load_context(conn, await conn.fetchval("select now()"), prepared)
        states = await store.load(conn, [event.subject])
        folded = self._folder.fold(states, [(event.subject, event)], context)
        if isinstance(folded.results[0], Exception):
            return describe_error(folded.results[0])
        await store.save(conn, list(folded.states.values()), folded.context)
        await outbox.append(conn, folded.rows)
        return None

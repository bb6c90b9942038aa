"""New complaints: a group of them in one statement, each with its own result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import asyncpg

from services.intake.domain import FileComplaint, IdempotencyKey, IdempotencyKeyReused
from services.intake.store.encode import EncodedComplaint
from shared.contracts import INTAKE
from shared.storage.clock import DatabaseClock

# New complaints: keys first, in order, so that two processes that meet on a key wait instead of deadlocking; then only
# those whose key was new (or that have none) get their row, their first line and their event. Nothing is half done.
TAKE_IN = """
with given as (
    select * from unnest(
        $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::timestamptz[], $9::text[],
        $10::uuid[], $11::bytea[], $12::text[]
    ) with ordinality as row(complaint_id, client, key, seal, reference, state, at, entry, event_id, event, answer, n)
), claimed as (
    insert into idempotency (client, key, seal, complaint_id, answer)
    select client, key, seal, complaint_id, answer from given where key is not null order by client, key
    on conflict do nothing
    returning complaint_id
), fresh as materialized (
    select * from given where key is null or complaint_id in (select complaint_id from claimed)
), filed as (
    insert into complaint (complaint_id, state, version, reference, status)
    select complaint_id, state::jsonb, 1, reference, 'received' from fresh
), told as (
    insert into timeline (complaint_id, at, kind, facts)
    select complaint_id, at, 'complaint.received', entry::jsonb from fresh
), said as (
    insert into outbox (topic, key, event_id, value) select $1, complaint_id, event_id, event from fresh order by n
)
select now() as at, array(select complaint_id from fresh) as fresh
"""
# What keys stand for that were used before.
RECALL = """
select client, key, seal, complaint_id, answer
from idempotency join unnest($1::text[], $2::text[]) as asked(client, key) using (client, key)
"""


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """A complaint on its way to disk; `asked` when its client wants to be able to repeat it."""

    given: FileComplaint
    asked: IdempotencyKey | None


@dataclass(frozen=True, slots=True)
class CreateResult:
    """What became of it: the answer, and whether it was given before."""

    complaint_id: UUID
    answer: bytes
    replayed: bool = False


class CreateComplaint:
    """Stores a group of new complaints; the group committer's `run`."""

    def __init__(
        self,
        pool: Callable[[], asyncpg.Pool],
        clock: DatabaseClock,
        *,
        write: Callable[[FileComplaint, UUID, datetime], EncodedComplaint],
        draw: Callable[[], UUID],
        rename: Callable[[FileComplaint], FileComplaint],
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._write = write
        self._draw = draw
        self._rename = rename
        self._done = done

    async def __call__(self, filings: Sequence[NewComplaint]) -> Sequence[CreateResult | Exception]:
        """One transaction for all. A reference that exists already (one in 1e5 at ten million) is drawn anew."""
        async with self._pool().acquire() as proxy:
            conn = cast("asyncpg.Connection", proxy)  # it behaves as the connection it wraps
            if not self._clock.is_fresh:
                self._clock.synchronize(await conn.fetchval("select clock_timestamp()"))
            try:
                return await self._store(conn, filings)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "complaint_reference_key":
                    raise
                return await self._store(conn, [NewComplaint(self._rename(one.given), one.asked) for one in filings])

    async def _store(
        self, conn: asyncpg.Connection, filings: Sequence[NewComplaint]
    ) -> Sequence[CreateResult | Exception]:
        now = self._clock.now()
        rows = [self._row(one, now) for one in filings]
        columns = [list(column) for column in zip(*rows, strict=True)]
        done = await conn.fetch(TAKE_IN, INTAKE.topic, *columns)
        self._clock.synchronize(done[0]["at"])
        self._done()
        known = frozenset(done[0]["fresh"])
        results: list[CreateResult | Exception | None] = [
            CreateResult(row[0], row[10].encode()) if row[0] in known else None for row in rows
        ]
        if None in results:
            await self._recall(conn, filings, results)
        return [one or IdempotencyKeyReused() for one in results]

    def _row(self, one: NewComplaint, now: datetime) -> tuple[Any, ...]:
        given, asked, event_id = one.given, one.asked, self._draw()
        written = self._write(given, event_id, now)
        return (
            given.complaint_id,
            given.client,
            asked.key if asked else None,
            asked.seal if asked else None,
            given.reference,
            written.state,
            given.received_at,
            written.entry,
            event_id,
            written.event,
            written.answer,
        )

    async def _recall(
        self, conn: asyncpg.Connection, filings: Sequence[NewComplaint], results: list[CreateResult | Exception | None]
    ) -> None:
        open_ones = [(n, one.asked) for n, one in enumerate(filings) if results[n] is None and one.asked]
        rows = await conn.fetch(RECALL, [a.client for _, a in open_ones], [a.key for _, a in open_ones])
        by_key = {(row["client"], row["key"]): row for row in rows}
        for n, asked in open_ones:
            row = by_key[asked.client, asked.key]
            same = asked.opens(row["seal"])
            results[n] = (
                CreateResult(row["complaint_id"], row["answer"].encode(), replayed=True)
                if same
                else IdempotencyKeyReused()
            )

"""Insertion of new complaints: a group of them in one statement, each with its own result."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.intake.domain import FileComplaint, IdempotencyKey, IdempotencyKeyReused
from services.intake.domain.reference import SPACE, format_reference
from services.intake.store.encode import encode_complaint
from shared.contracts import INTAKE
from shared.storage.clock import DatabaseClock

# Insert a group of new complaints. Keys come first, in order, so that two processes with the same keys wait for each
# other instead of deadlocking. Only complaints with a new key, or without a key, get their row, their first timeline
# entry and their event. The statement is atomic, so no complaint is stored in part.
INSERT_COMPLAINTS = """
with input as (
    select * from unnest(
        $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::timestamptz[], $9::text[],
        $10::uuid[], $11::bytea[], $12::text[]
    ) with ordinality as row(complaint_id, client, key, seal, reference, state, at, entry, event_id, event, answer, n)
), claimed as (
    insert into idempotency (client, key, seal, complaint_id, answer)
    select client, key, seal, complaint_id, answer from input where key is not null order by client, key
    on conflict do nothing
    returning complaint_id
), fresh as materialized (
    select * from input where key is null or complaint_id in (select complaint_id from claimed)
), complaints as (
    insert into complaint (complaint_id, state, version, reference, status)
    select complaint_id, state::jsonb, 1, reference, 'received' from fresh
), entries as (
    insert into timeline (complaint_id, at, kind, facts)
    select complaint_id, at, 'complaint.received', entry::jsonb from fresh
), events as (
    insert into outbox (topic, key, event_id, value) select $1, complaint_id, event_id, event from fresh order by n
)
select now() as at, array(select complaint_id from fresh) as fresh
"""
# Select the stored responses to keys that were used before.
SELECT_RESPONSES = """
select client, key, seal, complaint_id, answer
from idempotency join unnest($1::text[], $2::text[]) as requested(client, key) using (client, key)
"""


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """Complaint to insert; `idempotency_key` is None if its client sent none."""

    command: FileComplaint
    idempotency_key: IdempotencyKey | None


@dataclass(frozen=True, slots=True)
class CreateResult:
    """Stored complaint and the body of the response; `replayed` if an earlier request created it."""

    complaint_id: UUID
    answer: bytes
    replayed: bool = False


def new_reference() -> str:
    """Return a random reference. The database ensures that it is unique."""
    return format_reference(int.from_bytes(os.urandom(8)) % SPACE)


class CreateComplaint:
    """Insert groups of new complaints; an instance is the `run` of a group committer. `committed` is called after."""

    def __init__(
        self, pool: Callable[[], asyncpg.Pool], clock: DatabaseClock, committed: Callable[[], None] = lambda: None
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._committed = committed

    async def __call__(self, group: Sequence[NewComplaint]) -> Sequence[CreateResult | Exception]:
        """Insert a group in one transaction; return its results in order.

        If a reference exists already (1 in 1e5 at ten million complaints), the group gets new references once.
        """
        async with self._pool().acquire() as proxy:
            conn = cast("asyncpg.Connection", proxy)  # a proxy has the interface of the connection that it wraps
            if not self._clock.is_fresh:
                self._clock.synchronize(await conn.fetchval("select clock_timestamp()"))
            try:
                return await self._insert(conn, group)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != "complaint_reference_key":
                    raise
                return await self._insert(conn, [_with_new_reference(complaint) for complaint in group])

    async def _insert(
        self, conn: asyncpg.Connection, group: Sequence[NewComplaint]
    ) -> Sequence[CreateResult | Exception]:
        now = self._clock.now()
        rows = [self._row(complaint, now) for complaint in group]
        columns = [list(column) for column in zip(*rows, strict=True)]
        (output,) = await conn.fetch(INSERT_COMPLAINTS, INTAKE.topic, *columns)
        self._clock.synchronize(output["at"])
        self._committed()
        inserted = frozenset(output["fresh"])
        results: list[CreateResult | Exception | None] = [
            CreateResult(row[0], row[10].encode()) if row[0] in inserted else None for row in rows
        ]
        if None in results:
            await self._replay(conn, group, results)
        return [result or IdempotencyKeyReused() for result in results]

    def _row(self, complaint: NewComplaint, now: datetime) -> tuple[Any, ...]:
        command, key, event_id = complaint.command, complaint.idempotency_key, uuid7()
        encoded = encode_complaint(command, event_id, now)
        return (
            command.complaint_id,
            command.client,
            key.key if key else None,
            key.seal if key else None,
            command.reference,
            encoded.state,
            command.received_at,
            encoded.entry,
            event_id,
            encoded.event,
            encoded.answer,
        )

    async def _replay(
        self, conn: asyncpg.Connection, group: Sequence[NewComplaint], results: list[CreateResult | Exception | None]
    ) -> None:
        """Fill the empty results with the stored responses of their keys."""
        missing = [
            (position, complaint.idempotency_key)
            for position, complaint in enumerate(group)
            if results[position] is None and complaint.idempotency_key
        ]
        rows = await conn.fetch(SELECT_RESPONSES, [key.client for _, key in missing], [key.key for _, key in missing])
        by_key = {(row["client"], row["key"]): row for row in rows}
        for position, key in missing:
            row = by_key[key.client, key.key]
            results[position] = (
                CreateResult(row["complaint_id"], row["answer"].encode(), replayed=True)
                if key.matches(row["seal"])
                else IdempotencyKeyReused()
            )


def _with_new_reference(complaint: NewComplaint) -> NewComplaint:
    return replace(complaint, command=replace(complaint.command, reference=new_reference()))

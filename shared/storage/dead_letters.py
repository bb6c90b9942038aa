"""What could not be applied: kept with its bytes and its error, in order, until somebody replays or discards it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg
from aiokafka import ConsumerRecord
from pydantic_core import to_json

from shared.contracts.envelope import ComplaintId

BURY = """
insert into dead_letter (subject, event_id, topic, partition, record_offset, value, status, error)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bigint[], $6::bytea[], $7::text[], $8::text[])
"""
OPEN = """
select id, subject, event_id, topic, partition, record_offset, value, status, error, attempts, buried_at
from dead_letter where status in ('buried', 'parked') and ($1::uuid is null or subject = $1)
order by id limit $2
"""
SELECT_OPEN_LETTER = """
select id, subject, event_id, topic, partition, record_offset, value, status, error, attempts, buried_at
from dead_letter where status in ('buried', 'parked') and id = $1
"""
CLAIM_SUBJECT = """
select id, subject, event_id, topic, partition, record_offset, value
from dead_letter where status in ('buried', 'parked') and subject = $1 order by id for update
"""
STILL_OPEN = "select subject from dead_letter where status in ('buried', 'parked') and subject = any($1) for share"
CLAIM_ONE = "select id from dead_letter where status in ('buried', 'parked') and id = $1 for update"
SETTLE = "update dead_letter set status = $2, settled_at = now() where id = any($1)"
FAIL_AGAIN = "update dead_letter set attempts = attempts + 1, error = $2 where id = $1"
COUNTS = "select status, count(*) from dead_letter where status in ('buried', 'parked') group by status"
OLDEST = """
select coalesce(extract(epoch from clock_timestamp() - min(buried_at)), 0)::float8
from dead_letter where status in ('buried', 'parked')
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that is laid aside. `parked`: nothing is wrong with it, but it waits behind one that is buried."""

    subject: ComplaintId | None
    event_id: UUID
    topic: str
    partition: int
    offset: int
    value: bytes | None
    error: str
    parked: bool = False

    @property
    def status(self) -> str:
        """As stored."""
        return "parked" if self.parked else "buried"

    def record(self) -> "ConsumerRecord[Any, Any]":
        """The record it was, for another try."""
        key = str(self.subject).encode()
        return ConsumerRecord(
            self.topic, self.partition, self.offset, 0, 0, key, self.value, None, len(key), len(self.value or b""), ()
        )

    def notice(self) -> bytes:
        """What the dead topic is told: where it stood and why. The bytes, and any person in them, stay in the table."""
        told = {"subject": self.subject, "event": self.event_id, "status": self.status, "error": self.error}
        return to_json(told | {"topic": self.topic, "partition": self.partition, "offset": self.offset})


def of_record(record: "ConsumerRecord[Any, Any]", error: str) -> DeadLetter:
    """A record that is no event: it is known by where it stood, so that hearing it twice buries it once."""
    event_id = uuid5(NAMESPACE_URL, f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}")
    return DeadLetter(
        _subject(record.key), event_id, record.topic, record.partition, record.offset, record.value, error
    )


def _subject(key: bytes | None) -> ComplaintId | None:
    try:
        return ComplaintId(UUID((key or b"").decode()))
    except ValueError:
        return None


async def bury(conn: asyncpg.Connection, dead: Sequence[DeadLetter]) -> None:
    """Lay these aside, in this order."""
    if dead:
        rows = [(d.subject, d.event_id, d.topic, d.partition, d.offset, d.value, d.status, d.error) for d in dead]
        await conn.execute(BURY, *(list(column) for column in zip(*rows, strict=True)))


async def blocked(conn: asyncpg.Connection, subjects: Iterable[ComplaintId]) -> frozenset[ComplaintId]:
    """Which of these still have open letters, once a replay that is under way has ended; it then waits for us."""
    if not (asked := list(subjects)):
        return frozenset()
    return frozenset(row[0] for row in await conn.fetch(STILL_OPEN, asked))


async def load_open(conn: asyncpg.Connection, letter: int) -> asyncpg.Record | None:
    """Return the open dead letter with this id, or None if there is none or it is settled."""
    return await conn.fetchrow(SELECT_OPEN_LETTER, letter)


async def oldest_seconds(conn: asyncpg.Connection) -> float:
    """Age of the oldest open dead letter in seconds; 0 when there is none."""
    return float(await conn.fetchval(OLDEST))


async def counts(conn: asyncpg.Connection) -> dict[str, int]:
    """How many are open, by status."""
    return {"buried": 0, "parked": 0} | {row[0]: row[1] for row in await conn.fetch(COUNTS)}

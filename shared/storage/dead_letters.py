"""Dead letters: events that could not be applied, with their bytes and errors, until they are replayed or discarded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg
from aiokafka import ConsumerRecord
from pydantic_core import to_json

from shared.contracts.envelope import ComplaintId

INSERT_DEAD_LETTERS = """
insert into dead_letter (subject, event_id, topic, partition, record_offset, value, status, error)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bigint[], $6::bytea[], $7::text[], $8::text[])
"""
SELECT_OPEN = """
select id, subject, event_id, topic, partition, record_offset, value, status, error, attempts, buried_at
from dead_letter where status in ('buried', 'parked') and ($1::uuid is null or subject = $1)
order by id limit $2
"""
SELECT_OPEN_BY_ID = """
select id, subject, event_id, topic, partition, record_offset, value, status, error, attempts, buried_at
from dead_letter where status in ('buried', 'parked') and id = $1
"""
LOCK_OPEN = "select id from dead_letter where status in ('buried', 'parked') and id = $1 for update"
LOCK_OPEN_OF_COMPLAINT = """
select id, subject, event_id, topic, partition, record_offset, value
from dead_letter where status in ('buried', 'parked') and subject = $1 order by id for update
"""
LOCK_BLOCKED = "select subject from dead_letter where status in ('buried', 'parked') and subject = any($1) for share"
SETTLE = "update dead_letter set status = $2, settled_at = now() where id = any($1)"
RECORD_FAILURE = "update dead_letter set attempts = attempts + 1, error = $2 where id = $1"
COUNT_OPEN = "select status, count(*) from dead_letter where status in ('buried', 'parked') group by status"
SELECT_OLDEST_AGE = """
select coalesce(extract(epoch from clock_timestamp() - min(buried_at)), 0)::float8
from dead_letter where status in ('buried', 'parked')
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Record that was not applied. `parked`: nothing is wrong with it, but it is behind one that is buried."""

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
        """Status as stored: `parked` or `buried`."""
        return "parked" if self.parked else "buried"

    @property
    def place(self) -> str:
        """Position of the record in Kafka and its complaint, for people: `TOPIC/PARTITION/OFFSET, complaint ID`."""
        position = f"{self.topic}/{self.partition}/{self.offset}"
        return f"{position}, complaint {self.subject}" if self.subject else position

    @property
    def announcement(self) -> bytes:
        """JSON for the dead topic: position and error. The bytes, with any personal data, stay in the table."""
        content = {"subject": self.subject, "event": self.event_id, "status": self.status, "error": self.error}
        return to_json(content | {"topic": self.topic, "partition": self.partition, "offset": self.offset})

    def to_record(self) -> "ConsumerRecord[Any, Any]":
        """Return the original Kafka record, for another attempt."""
        key = str(self.subject).encode()
        return ConsumerRecord(
            self.topic, self.partition, self.offset, 0, 0, key, self.value, None, len(key), len(self.value or b""), ()
        )


def from_record(record: "ConsumerRecord[Any, Any]", error: str) -> DeadLetter:
    """Return the dead letter of a record that is not a valid event.

    Its event id is derived from its position, so that it is buried only once when Kafka delivers it again.
    """
    event_id = uuid5(NAMESPACE_URL, f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}")
    return DeadLetter(
        _parse_subject(record.key), event_id, record.topic, record.partition, record.offset, record.value, error
    )


def _parse_subject(key: bytes | None) -> ComplaintId | None:
    try:
        return ComplaintId(UUID((key or b"").decode()))
    except ValueError:
        return None


async def bury(conn: asyncpg.Connection, letters: Sequence[DeadLetter]) -> None:
    """Insert dead letters in this order."""
    if letters:
        rows = [(d.subject, d.event_id, d.topic, d.partition, d.offset, d.value, d.status, d.error) for d in letters]
        await conn.execute(INSERT_DEAD_LETTERS, *(list(column) for column in zip(*rows, strict=True)))


async def lock_blocked(conn: asyncpg.Connection, subjects: Iterable[ComplaintId]) -> frozenset[ComplaintId]:
    """Return those of the complaints that have open dead letters, and lock these until the transaction ends.

    A replay locks the same rows FOR UPDATE. If one is running, this waits for its end and reads the status after it.
    If a replay begins later, it waits for this transaction and then finds the events that this one has parked.
    """
    if not (candidates := list(subjects)):
        return frozenset()
    return frozenset(row[0] for row in await conn.fetch(LOCK_BLOCKED, candidates))


async def load_open(conn: asyncpg.Connection, letter: int) -> asyncpg.Record | None:
    """Return the open dead letter with this id, or None if there is none or it is settled."""
    return await conn.fetchrow(SELECT_OPEN_BY_ID, letter)


async def select_oldest_age(conn: asyncpg.Connection) -> float:
    """Return the age of the oldest open dead letter in seconds; 0 if there is none."""
    return float(await conn.fetchval(SELECT_OLDEST_AGE))


async def count_open(conn: asyncpg.Connection) -> dict[str, int]:
    """Return the number of open dead letters by status."""
    return {"buried": 0, "parked": 0} | {row[0]: row[1] for row in await conn.fetch(COUNT_OPEN)}

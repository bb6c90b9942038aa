"""Snapshot of the whole system: four schemas, all topics, committed offsets and the mailbox, read without service code."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts import SERVICES
from shared.contracts.topics import Service

NAMES = tuple(service.name for service in SERVICES)
TOPICS = tuple(topic for service in SERVICES for topic in (service.topic, service.dead_topic))
Position = tuple[str, int, int]  # topic, partition, offset
Offsets = dict[tuple[str, int], int]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """Record on Kafka; `event` is None if it is no CloudEvent."""

    position: Position
    event: dict[str, Any] | None


class OutboxRow(NamedTuple):
    """Row of an outbox; `key` is the complaint id."""

    topic: str
    event: str
    key: str


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """Progress of a consumer group: committed offsets, and the event ids new in its inbox since the sample before."""

    service: str
    committed: Offsets
    handled: frozenset[str]


@dataclass(slots=True)
class Snapshot:
    """Stored and published data of all services; ids are strings, states and facts plain dictionaries."""

    states: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)  # of intake's public record
    keys: dict[str, str] = field(default_factory=dict)  # idempotency key → complaint
    timeline: dict[str, list[str]] = field(default_factory=dict)  # kinds in the order they were recorded
    inbox: dict[str, set[str]] = field(default_factory=dict)
    dead_letters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outbox: dict[str, list[OutboxRow]] = field(default_factory=dict)
    unpublished: dict[str, float] = field(default_factory=dict)  # age of the oldest row in seconds; 0 if there is none
    messages: list[Message] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)  # in offset order within a partition
    committed: dict[str, Offsets] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)  # copies by message id
    samples: list[ProgressSample] = field(default_factory=list)
    malformed: frozenset[Position] = frozenset()  # records published by the fault injectors
    changed: frozenset[str] = frozenset()  # complaints with events published while the snapshot was taken

    def events(self, topic: str) -> Iterator[tuple[Position, dict[str, Any]]]:
        """Yield position and event of the records that the owner of the topic published."""
        records = (record for record in self.records.get(topic, ()) if record.position not in self.malformed)
        return (
            (record.position, record.event)
            for record in records
            if record.event is not None and self.is_unchanged(record.event["subject"])
        )

    def is_unchanged(self, complaint: object) -> bool:
        """Return True if no event of the complaint was published while the snapshot was taken."""
        return str(complaint) not in self.changed

    def lag_by_partition(self, service: Service) -> dict[tuple[str, int], int]:
        """Count the records per partition that a group has not committed, without those of changed complaints."""
        committed, topics = self.committed[service.name], {source.topic for source in service.sources}
        waiting = Counter(
            record.position[:2]
            for topic in topics
            for record in self.records.get(topic, ())
            if record.position[2] >= committed.get(record.position[:2], 0)
            and (
                record.event is None or record.position in self.malformed or self.is_unchanged(record.event["subject"])
            )
        )
        return dict(waiting)

    def messages_by_complaint(self) -> dict[str, list[Message]]:
        """Return the messages by complaint id."""
        by_complaint: dict[str, list[Message]] = defaultdict(list)
        for message in self.messages:
            by_complaint[str(message["complaint_id"])].append(message)
        return by_complaint


async def take_snapshot(dsn: str, bootstrap: str, mailbox: Path, since: str | None) -> Snapshot:
    """Read all data once. `dsn` is the administrator's; `since` is the first transaction id after the system was idle.

    Reading takes seconds, and timers go on meanwhile: complaints with events published since then are excluded, and the
    next snapshot covers them.
    """
    snapshot = Snapshot()
    conn = await asyncpg.connect(dsn)
    try:
        for name in NAMES:
            await _read_schema(conn, name, snapshot)
        await _read_intake(conn, snapshot)
        snapshot.messages = [dict(row) for row in await conn.fetch(SELECT_MESSAGES)]
        snapshot.records = await _read_records(bootstrap)
        snapshot.committed, _ = await read_offsets(bootstrap)
        snapshot.mails = _read_mails(mailbox)
        if since is not None:
            exclude_complaints(snapshot, await _select_changed(conn, since), await conn.fetch(SELECT_MESSAGES))
    finally:
        await conn.close()
    return snapshot


SELECT_MESSAGES = """
select m.*, (select count(*) from notify.attempt a where a.message_id = m.message_id
    and (a.outcome = 'uncertain' or a.outcome is null)) as uncertain from notify.message m
"""


async def _select_changed(conn: asyncpg.Connection, since: str) -> frozenset[str]:
    query = "select key::text from {}.outbox where xid >= $1::text::xid8"
    rows = await conn.fetch(" union ".join(query.format(name) for name in NAMES), since)
    return frozenset(row[0] for row in rows)


def exclude_complaints(snapshot: Snapshot, changed: frozenset[str], messages: Iterable[Mapping[str, Any]]) -> None:
    """Remove these complaints from the snapshot; `messages` are all messages, also those newer than the snapshot."""
    snapshot.changed = changed
    for name in NAMES:
        snapshot.states[name] = {key: state for key, state in snapshot.states[name].items() if key not in changed}
        snapshot.outbox[name] = [row for row in snapshot.outbox[name] if row.key not in changed]
    snapshot.statuses = {key: status for key, status in snapshot.statuses.items() if key not in changed}
    snapshot.timeline = {key: lines for key, lines in snapshot.timeline.items() if key not in changed}
    snapshot.messages = [message for message in snapshot.messages if snapshot.is_unchanged(message["complaint_id"])]
    for message in messages:
        if not snapshot.is_unchanged(message["complaint_id"]):
            snapshot.mails.pop(str(message["message_id"]), None)


SELECT_UNPUBLISHED_AGE = """
select coalesce(extract(epoch from clock_timestamp() - min(o.said_at)), 0) from outbox o
where o.xid >= (select done from relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
    and not (o.xid < (select horizon from relay) and o.id <= (select id from relay))
"""
SELECT_INBOX = "select event_id::text from inbox"


async def _set_search_path(conn: asyncpg.Connection, name: str) -> None:
    """Set the search path of the connection to the schema of a service."""
    await conn.execute("select set_config('search_path', $1, false)", name)


async def _read_schema(conn: asyncpg.Connection, name: str, snapshot: Snapshot) -> None:
    await _set_search_path(conn, name)
    rows = await conn.fetch("select complaint_id::text, state from complaint")
    snapshot.states[name] = {row[0]: json.loads(row[1]) for row in rows}
    snapshot.inbox[name] = {row[0] for row in await conn.fetch(SELECT_INBOX)}
    dead_letters = await conn.fetch("select topic, partition, record_offset, status, error from dead_letter")
    snapshot.dead_letters[name] = [dict(row) for row in dead_letters]
    rows = await conn.fetch("select topic, event_id::text, key::text from outbox")
    snapshot.outbox[name] = [OutboxRow(*row) for row in rows]
    snapshot.unpublished[name] = float(await conn.fetchval(SELECT_UNPUBLISHED_AGE))


async def _read_intake(conn: asyncpg.Connection, snapshot: Snapshot) -> None:
    rows = await conn.fetch("select complaint_id::text, status from intake.complaint")
    snapshot.statuses = {row[0]: row[1] for row in rows}
    rows = await conn.fetch("select key, complaint_id::text from intake.idempotency")
    snapshot.keys = {row[0]: row[1] for row in rows}
    for row in await conn.fetch("select complaint_id::text, kind from intake.timeline order by id"):
        snapshot.timeline.setdefault(row[0], []).append(row[1])


async def _read_records(bootstrap: str) -> dict[str, list[Record]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=5000
    )
    await consumer.start()
    records_by_topic: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
    try:
        parts = [TopicPartition(topic, number) for topic in TOPICS for number in _partitions(consumer, topic)]
        consumer.assign(parts)
        left = {part: end for part, end in (await consumer.end_offsets(parts)).items() if end}
        while left:
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                records_by_topic[part.topic] += [
                    _parse_record(record) for record in records if record.offset < left.get(part, 0)
                ]
                if records and records[-1].offset + 1 >= left.get(part, 0):
                    left.pop(part, None)
    finally:
        await consumer.stop()
    return records_by_topic


def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    return consumer.partitions_for_topic(topic) or set(range(12))


def _parse_record(record: Any) -> Record:
    try:
        event = json.loads(record.value)
        is_event = isinstance(event, dict) and {"id", "source", "type", "subject", "sequence"} <= event.keys()
    except (ValueError, TypeError, RecursionError):
        event, is_event = None, False
    return Record((record.topic, record.partition, record.offset), event if is_event else None)


async def read_offsets(bootstrap: str) -> tuple[dict[str, Offsets], Offsets]:
    """Return the committed offsets of each group and the end offsets of the topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await admin.start()
    await consumer.start()
    try:
        committed: dict[str, Offsets] = {}
        for name in NAMES:
            offsets = await admin.list_consumer_group_offsets(f"redress-{name}")
            committed[name] = {(part.topic, part.partition): meta.offset for part, meta in offsets.items()}
        parts = [TopicPartition(service.topic, n) for service in SERVICES for n in range(12)]
        ends = {(part.topic, part.partition): end for part, end in (await consumer.end_offsets(parts)).items()}
    finally:
        await consumer.stop()
        await admin.close()
    return committed, ends


async def sample_progress(dsn: str, bootstrap: str, handled_before: Mapping[str, set[str]]) -> list[ProgressSample]:
    """Sample each group: first its committed offsets, then the ids in its inbox that are not in `handled_before`.

    In this order every event below a committed offset must be in the inbox.
    """
    committed, _ = await read_offsets(bootstrap)
    conn = await asyncpg.connect(dsn, timeout=5)
    seen = []
    try:
        for name in NAMES:
            await _set_search_path(conn, name)
            event_ids = frozenset(row[0] for row in await conn.fetch(SELECT_INBOX))
            seen.append(ProgressSample(name, committed[name], event_ids - handled_before[name]))
    finally:
        await conn.close()
    return seen


def _read_mails(file: Path) -> Counter[str]:
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        rows = db.execute("select message_id from mail").fetchall()
    finally:
        db.close()
    return Counter(row[0].strip("<>").partition("@")[0] for row in rows)

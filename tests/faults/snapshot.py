"""What is really there: four schemas, all topics, the groups' offsets and the mailbox, read past the services' code."""

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
Place = tuple[str, int, int]  # topic, partition, offset
Offsets = dict[tuple[str, int], int]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A record on Kafka; `event` None when it is no CloudEvent."""

    place: Place
    event: dict[str, Any] | None


class Said(NamedTuple):
    """A row of an outbox; `key` is the complaint."""

    topic: str
    event: str
    key: str


@dataclass(frozen=True, slots=True)
class Glance:
    """How far a group had committed, and what it had heard a moment later that it had not at the glance before."""

    service: str
    committed: Offsets
    handled: frozenset[str]


@dataclass(slots=True)
class Picture:
    """One look at everything; ids are texts, states and facts plain dictionaries."""

    states: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)  # of intake's public record
    keys: dict[str, str] = field(default_factory=dict)  # idempotency key → complaint
    timeline: dict[str, list[str]] = field(default_factory=dict)  # kinds in the order they were recorded
    inbox: dict[str, set[str]] = field(default_factory=dict)
    dead: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outbox: dict[str, list[Said]] = field(default_factory=dict)
    unpublished: dict[str, float] = field(default_factory=dict)  # age of the oldest, seconds; 0 when there is none
    messages: list[Message] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)  # in offset order within a partition
    committed: dict[str, Offsets] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)  # copies by message id
    glances: list[Glance] = field(default_factory=list)
    poison: frozenset[Place] = frozenset()  # what we put there ourselves
    moved: frozenset[str] = frozenset()  # complaints about which something was said while we looked

    def events(self, topic: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        """The records of a topic that a service said."""
        records = (record for record in self.records.get(topic, ()) if record.place not in self.poison)
        return (
            (record.place, record.event)
            for record in records
            if record.event is not None and self.is_still(record.event["subject"])
        )

    def is_still(self, complaint: object) -> bool:
        """Whether all that is seen of a complaint is of one moment. What moved is left to the next look."""
        return str(complaint) not in self.moved

    def left(self, service: Service) -> dict[tuple[str, int], int]:
        """Records per partition that a group has not committed, but those of complaints that moved."""
        committed, topics = self.committed[service.name], {source.topic for source in service.sources}
        waiting = Counter(
            record.place[:2]
            for topic in topics
            for record in self.records.get(topic, ())
            if record.place[2] >= committed.get(record.place[:2], 0)
            and (record.event is None or record.place in self.poison or self.is_still(record.event["subject"]))
        )
        return dict(waiting)

    def messages_by_complaint(self) -> dict[str, list[Message]]:
        """The messages of each complaint."""
        by_complaint: dict[str, list[Message]] = defaultdict(list)
        for message in self.messages:
            by_complaint[str(message["complaint_id"])].append(message)
        return by_complaint


async def look(dsn: str, bootstrap: str, mailbox: Path, since: str | None) -> Picture:
    """Read everything once. `dsn` is the admin's; `since` the transaction before which all was settled.

    That takes a while, and timers do not wait: complaints about which something was said since then are taken out.
    """
    picture = Picture()
    conn = await asyncpg.connect(dsn)
    try:
        for name in NAMES:
            await _schema(conn, name, picture)
        await _intake(conn, picture)
        picture.messages = [dict(row) for row in await conn.fetch(MESSAGES)]
        picture.records = await _records(bootstrap)
        picture.committed, _ = await offsets(bootstrap)
        picture.mails = _mails(mailbox)
        if since is not None:
            take_out(picture, await _moved(conn, since), await conn.fetch(MESSAGES))
    finally:
        await conn.close()
    return picture


MESSAGES = """
select m.*, (select count(*) from notify.attempt a where a.message_id = m.message_id
    and (a.outcome = 'uncertain' or a.outcome is null)) as uncertain from notify.message m
"""


async def _moved(conn: asyncpg.Connection, since: str) -> frozenset[str]:
    moved = "select key::text from {}.outbox where xid >= $1::text::xid8"
    rows = await conn.fetch(" union ".join(moved.format(name) for name in NAMES), since)
    return frozenset(row[0] for row in rows)


def take_out(picture: Picture, moved: frozenset[str], messages: Iterable[Mapping[str, Any]]) -> None:
    """Leave out what is seen of these complaints; `messages` are all there are, also the newest."""
    picture.moved = moved
    for name in NAMES:
        picture.states[name] = {key: state for key, state in picture.states[name].items() if key not in moved}
        picture.outbox[name] = [row for row in picture.outbox[name] if row.key not in moved]
    picture.statuses = {key: status for key, status in picture.statuses.items() if key not in moved}
    picture.timeline = {key: lines for key, lines in picture.timeline.items() if key not in moved}
    picture.messages = [message for message in picture.messages if picture.is_still(message["complaint_id"])]
    for message in messages:
        if not picture.is_still(message["complaint_id"]):
            picture.mails.pop(str(message["message_id"]), None)


UNPUBLISHED = """
select coalesce(extract(epoch from clock_timestamp() - min(o.said_at)), 0) from outbox o
where o.xid >= (select done from relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
    and not (o.xid < (select horizon from relay) and o.id <= (select id from relay))
"""
HEARD = "select event_id::text from inbox"


async def _turn_to(conn: asyncpg.Connection, name: str) -> None:
    """Unqualified names mean that service's tables from now on."""
    await conn.execute("select set_config('search_path', $1, false)", name)


async def _schema(conn: asyncpg.Connection, name: str, picture: Picture) -> None:
    await _turn_to(conn, name)
    rows = await conn.fetch("select complaint_id::text, state from complaint")
    picture.states[name] = {row[0]: json.loads(row[1]) for row in rows}
    picture.inbox[name] = {row[0] for row in await conn.fetch(HEARD)}
    dead = await conn.fetch("select topic, partition, record_offset, status, error from dead_letter")
    picture.dead[name] = [dict(row) for row in dead]
    rows = await conn.fetch("select topic, event_id::text, key::text from outbox")
    picture.outbox[name] = [Said(*row) for row in rows]
    picture.unpublished[name] = float(await conn.fetchval(UNPUBLISHED))


async def _intake(conn: asyncpg.Connection, picture: Picture) -> None:
    rows = await conn.fetch("select complaint_id::text, status from intake.complaint")
    picture.statuses = {row[0]: row[1] for row in rows}
    rows = await conn.fetch("select key, complaint_id::text from intake.idempotency")
    picture.keys = {row[0]: row[1] for row in rows}
    for row in await conn.fetch("select complaint_id::text, kind from intake.timeline order by id"):
        picture.timeline.setdefault(row[0], []).append(row[1])


async def _records(bootstrap: str) -> dict[str, list[Record]]:
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
                    _record(record) for record in records if record.offset < left.get(part, 0)
                ]
                if records and records[-1].offset + 1 >= left.get(part, 0):
                    left.pop(part, None)
    finally:
        await consumer.stop()
    return records_by_topic


def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    return consumer.partitions_for_topic(topic) or set(range(12))


def _record(record: Any) -> Record:
    try:
        event = json.loads(record.value)
        is_event = isinstance(event, dict) and {"id", "source", "type", "subject", "sequence"} <= event.keys()
    except (ValueError, TypeError, RecursionError):
        event, is_event = None, False
    return Record((record.topic, record.partition, record.offset), event if is_event else None)


async def offsets(bootstrap: str) -> tuple[dict[str, Offsets], Offsets]:
    """Committed offsets of each group, and where the topics end."""
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


async def glance(dsn: str, bootstrap: str, handled_before: Mapping[str, set[str]]) -> list[Glance]:
    """First how far each group has committed, then what it has heard beyond `known`: nothing below may be missing."""
    committed, _ = await offsets(bootstrap)
    conn = await asyncpg.connect(dsn, timeout=5)
    seen = []
    try:
        for name in NAMES:
            await _turn_to(conn, name)
            event_ids = frozenset(row[0] for row in await conn.fetch(HEARD))
            seen.append(Glance(name, committed[name], event_ids - handled_before[name]))
    finally:
        await conn.close()
    return seen


def _mails(file: Path) -> Counter[str]:
    db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        rows = db.execute("select message_id from mail").fetchall()
    finally:
        db.close()
    return Counter(row[0].strip("<>").partition("@")[0] for row in rows)

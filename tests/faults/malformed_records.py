"""Malformed records for Kafka, copies of all events with unusual headers, and reset of group offsets."""

import json
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import INTAKE, NOTIFY, SERVICES, SLA, TRIAGE, write
from shared.contracts.topics import Service
from tests.factories import complaint_id, event, received
from tests.faults.snapshot import Position

LARGEST_PADDING = 1_048_300  # bytes; with key and record overhead just below the broker's limit of 1 MiB and 12 bytes
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """Record to publish; the default key belongs to no complaint."""

    topic: str
    value: bytes | None
    headers: Headers
    key: bytes = b"malformed"


def build_malformed_records(round_: int = 0) -> list[OutgoingRecord]:
    """Build each kind of malformed record once, spread over the topics.

    They are fewer than half of a batch, so that the circuit breaker of the consumers stays closed.
    """
    null, binary = [("h", None)], [("h", b"\xff\xfe")]
    valid = write(event(received()))
    kinds: list[tuple[bytes | None, Headers]] = [
        (b"{not json", []),
        (b"\xff\xfe\xfd", []),
        (None, []),
        (_with_changes(valid, data={"facts": {"reference": 7}}), []),
        (_with_changes(valid, type="redress.complaint.received.v9"), []),
        (b"[" * 50_000, null),
        (b'{"id": NaN}', binary),
        (b"{" + b" " * LARGEST_PADDING, []),
    ]
    topics = (INTAKE.topic, TRIAGE.topic, SLA.topic, NOTIFY.topic)
    records = [
        OutgoingRecord(topics[(n + round_) % len(topics)], value, headers) for n, (value, headers) in enumerate(kinds)
    ]
    return [*records, *_misplaced_events(valid)]


def _misplaced_events(valid: bytes) -> list[OutgoingRecord]:
    """Return valid events with a wrong key or on a wrong topic."""
    subject = str(json.loads(valid)["subject"]).encode()
    return [OutgoingRecord(INTAKE.topic, valid, [], b"not-its-key"), OutgoingRecord(TRIAGE.topic, valid, [], subject)]


def _with_changes(value: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(value) | changes | {"subject": str(complaint_id())}).encode()


async def publish(bootstrap: str, records: list[OutgoingRecord]) -> frozenset[Position]:
    """Publish records, wait for each acknowledgement, and return their positions."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    await producer.start()
    try:
        positions = [await producer.send_and_wait(o.topic, o.value, key=o.key, headers=o.headers) for o in records]
    finally:
        await producer.stop()
    return frozenset((position.topic, position.partition, position.offset) for position in positions)


async def republish_all(bootstrap: str, *, excluding: frozenset[Position], headers: Headers | None = None) -> int:
    """Publish every event of every topic again, in order, with these headers; return the number of events."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    await producer.start()
    try:
        count = 0
        for service in SERVICES:
            records = await _read_topic(bootstrap, service)
            remaining = [
                record for record in records if (record.topic, record.partition, record.offset) not in excluding
            ]
            waits = [
                await producer.send(
                    record.topic, record.value, key=record.key, partition=record.partition, headers=headers
                )
                for record in remaining
            ]
            for wait in waits:
                await wait
            count += len(remaining)
        return count
    finally:
        await producer.stop()


async def _read_topic(bootstrap: str, service: Service) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=5000
    )
    await consumer.start()
    collected: list[Any] = []
    try:
        parts = [TopicPartition(service.topic, number) for number in range(12)]
        consumer.assign(parts)
        left = {part: end for part, end in (await consumer.end_offsets(parts)).items() if end}
        while left:
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                collected += [record for record in records if record.offset < left.get(part, 0)]
                if records and records[-1].offset + 1 >= left.get(part, 0):
                    left.pop(part, None)
    finally:
        await consumer.stop()
    return collected


async def rewind_group(bootstrap: str, name: str) -> None:
    """Reset the offsets of a stopped consumer group to 0 on all its topics."""
    service = next(candidate for candidate in SERVICES if candidate.name == name)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=f"redress-{name}", enable_auto_commit=False, session_timeout_ms=10_000
    )
    await consumer.start()
    try:
        parts = [TopicPartition(source.topic, number) for source in service.sources for number in range(12)]
        consumer.assign(parts)
        await consumer.commit(dict.fromkeys(parts, 0))
    finally:
        await consumer.stop()

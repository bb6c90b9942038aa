"""Records that nobody can apply, and odd ones that everybody must."""

import json
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts import INTAKE, NOTIFY, SERVICES, SLA, TRIAGE, write
from shared.contracts.topics import Service
from tests.factories import complaint_id, event, received
from tests.faults.snapshot import Place

LARGEST = 1_048_300  # bytes: with key and record overhead just below what the broker takes, 1 MiB and 12 bytes
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Odd:
    """A record to send. Without a key it belongs to no complaint."""

    topic: str
    value: bytes | None
    headers: Headers
    key: bytes = b"poison"


def poisons(round_: int = 0) -> list[Odd]:
    """Each kind once, spread over the topics; fewer than half of a batch, so that no breaker trips."""
    null, wild = [("h", None)], [("h", b"\xff\xfe")]
    valid = write(event(received()))
    kinds: list[tuple[bytes | None, Headers]] = [
        (b"{not json", []),
        (b"\xff\xfe\xfd", []),
        (None, []),
        (_changed(valid, data={"facts": {"reference": 7}}), []),
        (_changed(valid, type="redress.complaint.received.v9"), []),
        (b"[" * 50_000, null),
        (b'{"id": NaN}', wild),
        (b"{" + b" " * LARGEST, []),
    ]
    topics = (INTAKE.topic, TRIAGE.topic, SLA.topic, NOTIFY.topic)
    odd = [Odd(topics[(n + round_) % len(topics)], value, headers) for n, (value, headers) in enumerate(kinds)]
    return [*odd, *_strangers(valid)]


def _strangers(valid: bytes) -> list[Odd]:
    """Events that stand where they do not belong."""
    subject = str(json.loads(valid)["subject"]).encode()
    return [Odd(INTAKE.topic, valid, [], b"not-its-key"), Odd(TRIAGE.topic, valid, [], subject)]


def _changed(value: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(value) | changes | {"subject": str(complaint_id())}).encode()


async def send(bootstrap: str, records: list[Odd]) -> frozenset[Place]:
    """Put them on Kafka, each acknowledged. Returns where they stand."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    await producer.start()
    try:
        places = [await producer.send_and_wait(o.topic, o.value, key=o.key, headers=o.headers) for o in records]
    finally:
        await producer.stop()
    return frozenset((place.topic, place.partition, place.offset) for place in places)


async def repeat(bootstrap: str, *, but: frozenset[Place], headers: Headers | None = None) -> int:
    """Every event on every topic once more, in its order, with odd headers if wanted. Returns how many."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    await producer.start()
    try:
        count = 0
        for service in SERVICES:
            records = await _all(bootstrap, service)
            remaining = [record for record in records if (record.topic, record.partition, record.offset) not in but]
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


async def _all(bootstrap: str, service: Service) -> list[Any]:
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


async def rewind(bootstrap: str, name: str) -> None:
    """Set a group that is stopped back to the beginning of everything it hears."""
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

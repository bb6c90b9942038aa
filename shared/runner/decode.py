"""Decoding of Kafka records: sort them into events for this service, records to skip, and dead letters."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiokafka import ConsumerRecord

from shared.contracts.envelope import Event
from shared.contracts.registry import InvalidEvent, read
from shared.contracts.topics import SERVICES, Service
from shared.storage import dead_letters
from shared.storage.dead_letters import DeadLetter

# Start of an event as `contracts.write` produces it. The type can be read from it without parsing the whole event,
# which makes it cheap to skip events for other services.
EVENT_START = re.compile(rb'\{"specversion":"1\.0","id":"[^"]{36}","source":"[^"]*","type":"([^"]+)"')
TOPIC_OWNERS = {service.topic: service for service in SERVICES}


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """Event with its position in Kafka and its original bytes."""

    event: Event[Any]
    topic: str
    partition: int
    offset: int
    value: bytes

    def to_dead_letter(self, error: str, *, parked: bool = False) -> DeadLetter:
        """Return the dead letter of this event."""
        subject, event_id = self.event.subject, self.event.id
        return DeadLetter(subject, event_id, self.topic, self.partition, self.offset, self.value, error, parked)


@dataclass(slots=True)
class DecodedBatch:
    """Decoded records of one poll. `skipped` counts valid events that this service does not subscribe to."""

    events: list[ReceivedEvent] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.events) + len(self.dead) + self.skipped


def decode_records(records: Sequence["ConsumerRecord[Any, Any]"], service: Service) -> DecodedBatch:
    """Decode each record by itself: an invalid record becomes a dead letter and does not affect its neighbours.

    The events contain only personal data of the purposes that the service declares.
    """
    batch = DecodedBatch()
    subscribed_types = _subscribed_types(service)
    for record in records:
        if (start := EVENT_START.match(record.value or b"")) and start[1] in _skipped_types(service, record.topic):
            batch.skipped += 1
            continue
        try:
            event = _decode(record)
        except InvalidEvent as error:
            batch.dead.append(dead_letters.from_record(record, error.detail))
            continue
        if event.type.encode() in subscribed_types:
            event = event.keep_purposes(service.purposes)
            batch.events.append(ReceivedEvent(event, record.topic, record.partition, record.offset, record.value))
        else:
            batch.skipped += 1
    return batch


def is_behind_dead_letter(received: ReceivedEvent, dead: Iterable[DeadLetter]) -> bool:
    """Return True if an earlier record of the same complaint and partition is a dead letter.

    Only records of one partition have an order; events on other topics do not wait.
    """
    return any(
        letter.subject == received.event.subject
        and (letter.topic, letter.partition) == (received.topic, received.partition)
        and letter.offset < received.offset
        for letter in dead
    )


@cache
def _subscribed_types(service: Service) -> frozenset[bytes]:
    return frozenset(fact.wire_type().encode() for fact in service.subscribes)


@cache
def _skipped_types(service: Service, topic: str) -> frozenset[bytes]:
    """Return the types that are published on this topic and to which the service does not subscribe."""
    owner = TOPIC_OWNERS.get(topic)
    published = frozenset(fact.wire_type().encode() for fact in owner.publishes) if owner else frozenset()
    return published - _subscribed_types(service)


def _decode(record: "ConsumerRecord[Any, Any]") -> Event[Any]:
    event = read(record.value)
    owner = TOPIC_OWNERS.get(record.topic)
    if owner is None or event.source != owner.source:
        raise InvalidEvent(f"source: expected {owner.source if owner else 'a known topic'}")
    if record.key != str(event.subject).encode():
        raise InvalidEvent("key: expected the complaint id that `subject` names")
    return event

"""Records to events: what is readable, what is for us, and what has to be laid aside."""

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

# How `contracts.write` begins an event. What is for others need not be parsed to be skipped.
WRITTEN = re.compile(rb'\{"specversion":"1\.0","id":"[^"]{36}","source":"[^"]*","type":"([^"]+)"')
OWNERS = {service.topic: service for service in SERVICES}


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event with the place it came from."""

    event: Event[Any]
    topic: str
    partition: int
    offset: int
    value: bytes

    def dead(self, error: str, *, parked: bool = False) -> DeadLetter:
        """This event, laid aside."""
        subject, event_id = self.event.subject, self.event.id
        return DeadLetter(subject, event_id, self.topic, self.partition, self.offset, self.value, error, parked)


@dataclass(slots=True)
class DecodedBatch:
    """One poll, sorted out. `skipped` were readable but are nothing this service hears."""

    heard: list[ReceivedEvent] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.heard) + len(self.dead) + self.skipped


def decode_records(records: Sequence["ConsumerRecord[Any, Any]"], service: Service) -> DecodedBatch:
    """Each record by itself: one that is no event must not take its neighbours with it."""
    batch = DecodedBatch()
    hears = _heard(service)
    for record in records:
        if (written := WRITTEN.match(record.value or b"")) and written[1] in _for_others(service, record.topic):
            batch.skipped += 1
            continue
        try:
            event = _read(record)
        except InvalidEvent as error:
            batch.dead.append(dead_letters.of_record(record, error.detail))
            continue
        if event.type.encode() in hears:
            seen = event.only(service.purposes)
            batch.heard.append(ReceivedEvent(seen, record.topic, record.partition, record.offset, record.value))
        else:
            batch.skipped += 1
    return batch


def parked_behind(one: ReceivedEvent, dead: Iterable[DeadLetter]) -> bool:
    """Whether a record of the same complaint that came before this one is laid aside (order across topics is open)."""
    return any(
        other.subject == one.event.subject
        and (other.topic, other.partition) == (one.topic, one.partition)
        and other.offset < one.offset
        for other in dead
    )


@cache
def _heard(service: Service) -> frozenset[bytes]:
    return frozenset(fact.wire_type().encode() for fact in service.subscribes)


@cache
def _for_others(service: Service, topic: str) -> frozenset[bytes]:
    """Types that belong on this topic and are nothing to this service."""
    owner = OWNERS.get(topic)
    said = frozenset(fact.wire_type().encode() for fact in owner.publishes) if owner else frozenset()
    return said - _heard(service)


def _read(record: "ConsumerRecord[Any, Any]") -> Event[Any]:
    event = read(record.value)
    owner = OWNERS.get(record.topic)
    if owner is None or event.source != owner.source:
        raise InvalidEvent(f"source: expected {owner.source if owner else 'a known topic'}")
    if record.key != str(event.subject).encode():
        raise InvalidEvent("key: expected the complaint id that `subject` names")
    return event

"""Factories of events, records and settings for tests: valid defaults, with keywords for single fields."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord
from uuid_utils.compat import uuid7

from shared.contracts import (
    EVENTS,
    ComplaintId,
    Contact,
    Event,
    Fact,
    Narrative,
    Party,
    PersonalContact,
    PersonalNarrative,
    write,
)
from shared.contracts.events import ComplaintReceived
from shared.contracts.topics import SERVICES, Service
from shared.settings import ServiceSettings

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday


def complaint_id() -> ComplaintId:
    return ComplaintId(uuid7())


def received(**changes: Any) -> ComplaintReceived:
    fields: dict[str, Any] = {"reference": "RC-TEST", "client": "shop", "channel": "web", "received_at": NOON} | changes
    return ComplaintReceived(**fields)


def event(
    facts: Fact, *, subject: UUID | None = None, sequence: int = 1, time: datetime = NOON, **data: Any
) -> Event[Any]:
    owner = next(service for service in SERVICES if type(facts) in service.publishes)
    return EVENTS[type(facts)](
        id=uuid7(),
        source=owner.source,
        subject=subject or uuid4(),
        time=time,
        sequence=sequence,
        data={"facts": facts, **data},
    )


def personal(text: str = "The parcel never came.", email: str = "customer-1@example.com") -> dict[str, Any]:
    return {
        "parties": [Party(id="customer", role="complainant")],
        "personal": [
            PersonalContact(
                party="customer", fields=Contact(name="Customer 1", email=email, locale="en", timezone="UTC")
            ),
            PersonalNarrative(party="customer", fields=Narrative(subject="Parcel", text=text)),
        ],
    }


def owner_of(event_: Event[Any]) -> Service:
    return next(service for service in SERVICES if service.source == event_.source)


def record(
    content: Event[Any] | bytes | None,
    *,
    topic: str | None = None,
    offset: int = 0,
    key: bytes | None = None,
    headers: Any = (),
) -> ConsumerRecord:
    value = write(content) if isinstance(content, Event) else content
    name = topic or (owner_of(content).topic if isinstance(content, Event) else "complaints.intake.v1")
    chosen = key if key is not None else (str(content.subject).encode() if isinstance(content, Event) else b"no-key")
    return ConsumerRecord(
        topic=name,
        partition=0,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=chosen,
        value=value,
        checksum=None,
        serialized_key_size=len(chosen),
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )


def settings(dsn: str, public_key: Path, **changes: Any) -> ServiceSettings:
    return ServiceSettings(postgres=dsn, auth_public_key_file=public_key, port=0, **changes)

"""Envelope of all events: CloudEvents 1.0 in structured mode, with personal data separate from facts.

An event is parsed and validated once per record; outbox, Kafka, dead letter and replay contain the same bytes.
Source: CloudEvents specification 1.0.2, its Sequence, Partitioning and Distributed Tracing extensions.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, NewType, Self, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

ComplaintId = NewType("ComplaintId", UUID)
EventId = NewType("EventId", UUID)
PartyId = NewType("PartyId", str)

Role = Literal["complainant", "representative", "third_party", "handler"]
Purpose = Literal["contact", "narrative", "special", "staff"]

CONTENT_TYPE = b"application/cloudevents+json"
SEQUENCE_DIGITS = 10  # zero-padded: the Sequence extension wants strings that sort


class FrozenModel(BaseModel):
    """Base class of values: immutable, and ignores fields that a newer producer has added."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these fields changed: `model_copy(update=…)` at half its cost, for the hot path."""
        new = object.__new__(self.__class__)
        new.__dict__.update(self.__dict__, **changes)
        object.__setattr__(new, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        object.__setattr__(new, "__pydantic_extra__", None)
        object.__setattr__(new, "__pydantic_private__", None)
        return new


class Fact(FrozenModel):
    """Base class of the typed content of an event; contains no personal data.

    `kind` is the event type without prefix and version.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def wire_type(cls) -> str:
        """Return the CloudEvents `type`, for example `redress.complaint.received.v1`."""
        return f"redress.{cls.kind}.v{cls.version}"


class Party(FrozenModel):
    """Participant of a complaint. `id` is unique only within the complaint, for example `customer`."""

    id: PartyId
    role: Role


class Contact(FrozenModel):
    """Contact data of a person. `locale` is BCP 47, `timezone` an IANA name."""

    name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    locale: str | None = None
    timezone: str | None = None


class Narrative(FrozenModel):
    """Free text about a complaint, as a person wrote it."""

    subject: str | None = Field(default=None, repr=False)
    text: str | None = Field(default=None, repr=False)
    expected_outcome: str | None = Field(default=None, repr=False)
    attributes: dict[str, str] = Field(default_factory=dict, repr=False)


class Staff(FrozenModel):
    """Data of a handler that customers may see."""

    name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)


class PersonalContact(FrozenModel):
    """Contact data of one party."""

    party: PartyId
    purpose: Literal["contact"] = "contact"
    fields: Contact


class PersonalNarrative(FrozenModel):
    """Free text of one party, or about them."""

    party: PartyId
    purpose: Literal["narrative"] = "narrative"
    fields: Narrative


class PersonalStaff(FrozenModel):
    """Data of a handler, stored with the complaint."""

    party: PartyId
    purpose: Literal["staff"] = "staff"
    fields: Staff


class PersonalSpecial(FrozenModel):
    """Sensitive data (health, vulnerability, beliefs) of one party."""

    party: PartyId
    purpose: Literal["special"] = "special"
    fields: dict[str, str] = Field(default_factory=dict, repr=False)


Personal = Annotated[
    PersonalContact | PersonalNarrative | PersonalStaff | PersonalSpecial, Field(discriminator="purpose")
]

F_co = TypeVar("F_co", bound=Fact, covariant=True)


class Data(FrozenModel, Generic[F_co]):
    """Payload of an event: facts, participants, and their personal data.

    `sealed` is reserved for encrypted personal data by `party/purpose`, so that a person's data can be erased by
    deleting the key while the log stays complete.
    """

    facts: F_co
    parties: tuple[Party, ...] = ()
    personal: tuple[Personal, ...] = ()
    sealed: dict[str, str] | None = None


def _parse_sequence(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


Sequence = Annotated[
    int,
    BeforeValidator(_parse_sequence, json_schema_input_type=str),
    PlainSerializer(lambda value: f"{value:0{SEQUENCE_DIGITS}d}", return_type=str),
    Field(ge=1),
]


class Event(FrozenModel, Generic[F_co]):
    """Event with its envelope. `sequence` counts from 1 without gaps per complaint (`subject`) and `source`."""

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: str
    type: str
    subject: ComplaintId
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Sequence
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    prevhash: str | None = None  # reserved: tamper evidence
    data: Data[F_co]

    @property
    def facts(self) -> F_co:
        """Facts of this event."""
        return self.data.facts

    def keep_purposes(self, purposes: Collection[Purpose]) -> "Event[F_co]":
        """Return the event without personal data of other purposes."""
        kept = tuple(item for item in self.data.personal if item.purpose in purposes)
        if len(kept) == len(self.data.personal):
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"personal": kept})})

    def contact(self, role: Role = "complainant") -> Contact | None:
        """Return the contact data of the first party in this role; None if there is none or it was removed."""
        ids = {party.id for party in self.data.parties if party.role == role}
        contacts = (p.fields for p in self.data.personal if p.purpose == "contact" and p.party in ids)
        return next(contacts, None)

    def narrative(self) -> Narrative | None:
        """Return the free text of this event; None if there is none or it was removed."""
        return next((p.fields for p in self.data.personal if p.purpose == "narrative"), None)

    def staff(self) -> Staff | None:
        """Return the handler data of this event; None if there is none or it was removed."""
        return next((p.fields for p in self.data.personal if p.purpose == "staff"), None)


class NewEvent(FrozenModel, Generic[F_co]):
    """Event that a `decide` returns to be published; the runner adds id, sequence and time."""

    facts: F_co
    parties: tuple[Party, ...] = ()
    personal: tuple[Personal, ...] = ()
    occurred_at: datetime | None = None  # the fact's own time, where it differs from the moment of recording

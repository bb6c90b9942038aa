"""A new complaint straight to bytes: what `filing.file` decides, without building the models in between.

The hot path's share of the processor is what limits acceptance, so this is written by hand; a test proves that reading
the bytes back gives exactly what `decide` gives.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from services.intake.domain.commands import File
from services.intake.domain.filing import COMPLAINANT, CUSTOMER, REPRESENTED
from shared.contracts import INTAKE, Contact
from shared.contracts.envelope import SEQUENCE_DIGITS
from shared.contracts.events import ComplaintReceived

FIRST: Final = f"{1:0{SEQUENCE_DIGITS}d}"
_COMPLAINANT: Final[dict[str, str]] = {"id": COMPLAINANT.id, "role": COMPLAINANT.role}
_THIRD_PARTY: Final[dict[str, str]] = {"id": REPRESENTED, "role": "third_party"}


@dataclass(frozen=True, slots=True)
class Written:
    """What is stored of a new complaint: its document, its event, its first line in the timeline, its answer."""

    state: str
    event: bytes
    entry: str
    answer: str


def write_filed(given: File, event_id: UUID, now: datetime) -> Written:
    """The four texts that go into one statement."""
    contact = _present(given.customer)
    narrative = given.narrative.model_dump(exclude_none=True)
    represented = _present(given.represented) if given.represented else None
    return Written(
        state=to_json(_state(given, now, contact, narrative, represented)).decode(),
        event=to_json(_event(given, event_id, now, _data(given, contact, narrative, represented))),
        entry=f'{{"channel": "{given.channel}"}}',
        answer=answer(given, now),
    )


def answer(given: File, now: datetime) -> str:
    """What the client is told, now and on every repetition."""
    told = {
        "id": given.complaint_id,
        "reference": given.reference,
        "status": "received",
        "received_at": given.received_at,
        "recorded_at": now,
    }
    return to_json(told).decode()


def _present(contact: Contact) -> dict[str, Any]:
    return {name: value for name, value in contact.__dict__.items() if value is not None}


def _state(given: File, now: datetime, contact: Any, narrative: Any, represented: Any) -> dict[str, Any]:
    filed = {
        "reference": given.reference,
        "client": given.client,
        "channel": given.channel,
        "received_at": given.received_at,
        "recorded_at": now,
    }
    if given.product is not None:
        filed["product"] = given.product
    if given.authority is not None:
        filed["authority"] = given.authority
    state = {
        "complaint_id": given.complaint_id,
        "said": 1,
        "version": 1,
        "stage": "received",
        "filed": filed,
        "customer": contact,
        "narrative": narrative,
    }
    if represented is not None:
        state["represented"] = represented
    return state


def _data(given: File, contact: Any, narrative: Any, represented: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "reference": given.reference,
        "client": given.client,
        "channel": given.channel,
        "received_at": given.received_at,
        "locale": given.customer.locale,
        "timezone": given.customer.timezone,
        "on_behalf": represented is not None,
    }
    if given.product is not None:
        facts["product"] = given.product
    parties = [_COMPLAINANT]
    personal = [
        {"party": CUSTOMER, "purpose": "contact", "fields": contact},
        {"party": CUSTOMER, "purpose": "narrative", "fields": narrative},
    ]
    if represented is not None:
        attributes = {"authority": given.authority} if given.authority else {}
        parties = [_COMPLAINANT, _THIRD_PARTY]
        personal += [
            {"party": REPRESENTED, "purpose": "contact", "fields": represented},
            {"party": REPRESENTED, "purpose": "narrative", "fields": {"attributes": attributes}},
        ]
    return {"facts": facts, "parties": parties, "personal": personal}


def _event(given: File, event_id: UUID, now: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": INTAKE.source,
        "type": ComplaintReceived.wire_type(),
        "subject": given.complaint_id,
        "time": now,
        "datacontenttype": "application/json",
        "sequence": FIRST,
        "correlationid": str(event_id),  # it begins a thread of its own
        "data": data,
    }

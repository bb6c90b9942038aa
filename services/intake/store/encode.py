"""A new complaint straight to bytes: what `filing.file` decides, without building the models in between.

The hot path's share of the processor is what limits acceptance, so its documents are put together by hand from parts
that are serialised once. A test proves that reading the bytes back gives exactly what `decide` gives.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic_core import to_json

from services.intake.domain.commands import FileComplaint
from services.intake.domain.create import COMPLAINANT, CUSTOMER, REPRESENTED
from shared.contracts import INTAKE, Contact
from shared.contracts.envelope import SEQUENCE_DIGITS
from shared.contracts.events import ComplaintReceived

_HEAD: Final = (
    f'"source":"{INTAKE.source}","type":"{ComplaintReceived.wire_type()}",'
    f'"specversion":"1.0","datacontenttype":"application/json","sequence":"{1:0{SEQUENCE_DIGITS}d}"'
)
_COMPLAINANT: Final = f'{{"id":"{COMPLAINANT.id}","role":"{COMPLAINANT.role}"}}'
_THIRD_PARTY: Final = f'{{"id":"{REPRESENTED}","role":"third_party"}}'


@dataclass(frozen=True, slots=True)
class EncodedComplaint:
    """What is stored of a new complaint: its document, its event, its first line in the timeline, its answer."""

    state: str
    event: bytes
    entry: str
    answer: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """What stands in several of the texts, as JSON."""

    filed: str
    contact: str
    narrative: str
    represented: str | None


def write_filed(given: FileComplaint, event_id: UUID, now: datetime) -> EncodedComplaint:
    """The four texts that go into one statement."""
    recorded = now.isoformat()
    received = given.received_at.isoformat()
    parts = _Parts(
        filed=_filed(given, received),
        contact=_json(_present(given.customer)),
        narrative=given.narrative.__pydantic_serializer__.to_json(given.narrative, exclude_none=True).decode(),
        represented=_json(_present(given.represented)) if given.represented else None,
    )
    return EncodedComplaint(
        state=_state(given, parts, recorded),
        event=_event(given, parts, event_id, recorded).encode(),
        entry=f'{{"channel":"{given.channel}"}}',
        answer=(
            f'{{"id":"{given.complaint_id}","reference":"{given.reference}","status":"received",'
            f'"received_at":"{received}","recorded_at":"{recorded}"}}'
        ),
    )


def _json(value: object) -> str:
    return to_json(value).decode()


def _present(contact: Contact) -> dict[str, str]:
    return {name: value for name, value in contact.__dict__.items() if value is not None}


def _filed(given: FileComplaint, received: str) -> str:
    """What record and event share. `client` and `product` are others' words, so they are escaped."""
    product = f',"product":{_json(given.product)}' if given.product is not None else ""
    return (
        f'"reference":"{given.reference}","client":{_json(given.client)},"channel":"{given.channel}",'
        f'"received_at":"{received}"{product}'
    )


def _state(given: FileComplaint, parts: _Parts, recorded: str) -> str:
    authority = f',"authority":{_json(given.authority)}' if given.authority is not None else ""
    represented = f',"represented":{parts.represented}' if parts.represented else ""
    return (
        f'{{"complaint_id":"{given.complaint_id}","said":1,"version":1,"stage":"received",'
        f'"filed":{{{parts.filed},"recorded_at":"{recorded}"{authority}}},'
        f'"customer":{parts.contact},"narrative":{parts.narrative}{represented}}}'
    )


def _event(given: FileComplaint, parts: _Parts, event_id: UUID, recorded: str) -> str:
    parties, personal = _COMPLAINANT, _personal(CUSTOMER, parts.contact, parts.narrative)
    if parts.represented:
        attributes = {"authority": given.authority} if given.authority else {}
        parties += f",{_THIRD_PARTY}"
        personal += "," + _personal(REPRESENTED, parts.represented, _json({"attributes": attributes}))
    behalf = "true" if parts.represented else "false"
    places = "".join(
        f',"{name}":{_json(value)}'
        for name, value in (("locale", given.customer.locale), ("timezone", given.customer.timezone))
        if value is not None
    )
    return (  # the event begins a thread of its own, hence its id as `correlationid`
        f'{{"id":"{event_id}",{_HEAD},"subject":"{given.complaint_id}","time":"{recorded}",'
        f'"correlationid":"{event_id}","data":{{"facts":{{{parts.filed},"on_behalf":{behalf}{places}}},'
        f'"parties":[{parties}],"personal":[{personal}]}}}}'
    )


def _personal(party: str, contact: str, narrative: str) -> str:
    return (
        f'{{"party":"{party}","purpose":"contact","fields":{contact}}},'
        f'{{"party":"{party}","purpose":"narrative","fields":{narrative}}}'
    )

"""Encoding of a new complaint: the same documents as `create_complaint` decides, without building the models.

Processor time of this path limits the rate of new complaints. So the documents are joined by hand from parts, and a
part that occurs in several documents is serialised once. A test compares the decoded bytes with the result of `decide`.
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
    """Stored texts of a new complaint: state, event, first timeline entry, and body of the response."""

    state: str
    event: bytes
    entry: str
    answer: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts that occur in several of the texts, as JSON."""

    filed: str
    contact: str
    narrative: str
    represented: str | None


def encode_complaint(command: FileComplaint, event_id: UUID, now: datetime) -> EncodedComplaint:
    """Encode a new complaint. Members of the JSON objects without a value are left out."""
    recorded = now.isoformat()
    received = command.received_at.isoformat()
    parts = _Parts(
        filed=_shared_members(command, received),
        contact=_json(_present_fields(command.customer)),
        narrative=command.narrative.__pydantic_serializer__.to_json(command.narrative, exclude_none=True).decode(),
        represented=_json(_present_fields(command.represented)) if command.represented else None,
    )
    return EncodedComplaint(
        state=_state(command, parts, recorded),
        event=_event(command, parts, event_id, recorded).encode(),
        entry=f'{{"channel":"{command.channel}"}}',
        answer=(
            f'{{"id":"{command.complaint_id}","reference":"{command.reference}","status":"received",'
            f'"received_at":"{received}","recorded_at":"{recorded}"}}'
        ),
    )


def _json(value: object) -> str:
    return to_json(value).decode()


def _present_fields(contact: Contact) -> dict[str, str]:
    return {name: value for name, value in contact.__dict__.items() if value is not None}


def _shared_members(command: FileComplaint, received: str) -> str:
    """Members that state and event share. `client` and `product` are free text, so they are escaped."""
    product = f',"product":{_json(command.product)}' if command.product is not None else ""
    return (
        f'"reference":"{command.reference}","client":{_json(command.client)},"channel":"{command.channel}",'
        f'"received_at":"{received}"{product}'
    )


def _state(command: FileComplaint, parts: _Parts, recorded: str) -> str:
    authority = f',"authority":{_json(command.authority)}' if command.authority is not None else ""
    represented = f',"represented":{parts.represented}' if parts.represented else ""
    return (
        f'{{"complaint_id":"{command.complaint_id}","said":1,"version":1,"stage":"received",'
        f'"filed":{{{parts.filed},"recorded_at":"{recorded}"{authority}}},'
        f'"customer":{parts.contact},"narrative":{parts.narrative}{represented}}}'
    )


def _event(command: FileComplaint, parts: _Parts, event_id: UUID, recorded: str) -> str:
    parties, personal = _COMPLAINANT, _personal(CUSTOMER, parts.contact, parts.narrative)
    if parts.represented:
        attributes = {"authority": command.authority} if command.authority else {}
        parties += f",{_THIRD_PARTY}"
        personal += "," + _personal(REPRESENTED, parts.represented, _json({"attributes": attributes}))
    on_behalf = "true" if parts.represented else "false"
    locality = "".join(
        f',"{name}":{_json(value)}'
        for name, value in (("locale", command.customer.locale), ("timezone", command.customer.timezone))
        if value is not None
    )
    return (  # the first event of a complaint starts a correlation, so its own id is the `correlationid`
        f'{{"id":"{event_id}",{_HEAD},"subject":"{command.complaint_id}","time":"{recorded}",'
        f'"correlationid":"{event_id}","data":{{"facts":{{{parts.filed},"on_behalf":{on_behalf}{locality}}},'
        f'"parties":[{parties}],"personal":[{personal}]}}}}'
    )


def _personal(party: str, contact: str, narrative: str) -> str:
    return (
        f'{{"party":"{party}","purpose":"contact","fields":{contact}}},'
        f'{{"party":"{party}","purpose":"narrative","fields":{narrative}}}'
    )

"""Creation of a complaint. The hot path writes the same bytes faster (store/encode.py); a test compares the two."""

from datetime import datetime

from services.intake.domain.commands import FileComplaint
from services.intake.domain.state import FilingRecord, IntakeState, TimelineEntry
from shared.contracts.envelope import (
    Contact,
    Narrative,
    NewEvent,
    Party,
    PartyId,
    Personal,
    PersonalContact,
    PersonalNarrative,
)
from shared.contracts.events import ComplaintReceived
from shared.errors import Conflict

CUSTOMER = PartyId("customer")
REPRESENTED = PartyId("represented")
HANDLER = PartyId("handler")
COMPLAINANT = Party(id=CUSTOMER, role="complainant")


def create_complaint(
    state: IntakeState | None, command: FileComplaint, now: datetime
) -> tuple[IntakeState, NewEvent[ComplaintReceived]]:
    """Return the state and the event of a new complaint. Raises `Conflict` if the complaint was created before.

    `state` is not None if events of other services about the complaint arrived earlier; their parts are kept.
    """
    if state is not None and state.filed is not None:
        raise Conflict
    before = state or IntakeState(complaint_id=command.complaint_id)
    event: NewEvent[ComplaintReceived] = NewEvent(
        facts=_facts(command), parties=_parties(command), personal=_personal(command)
    )
    entry = TimelineEntry(at=command.received_at, kind=ComplaintReceived.kind, facts={"channel": command.channel})
    created = before.model_copy(
        update={
            "stage": "received",
            "filed": FilingRecord(
                reference=command.reference,
                client=command.client,
                channel=command.channel,
                received_at=command.received_at,
                recorded_at=now,
                product=command.product,
                authority=command.authority,
            ),
            "customer": command.customer,
            "represented": command.represented,
            "narrative": command.narrative,
            "new_entries": (*before.new_entries, entry),
        }
    )
    return created, event


def _facts(command: FileComplaint) -> ComplaintReceived:
    return ComplaintReceived(
        reference=command.reference,
        client=command.client,
        channel=command.channel,
        received_at=command.received_at,
        product=command.product,
        locale=command.customer.locale,
        timezone=command.customer.timezone,
        on_behalf=command.represented is not None,
    )


def _parties(command: FileComplaint) -> tuple[Party, ...]:
    if command.represented is None:
        return (COMPLAINANT,)
    # The person who complains is the complainant, also on behalf of another (ISO 10002, 3.1), and gets the messages.
    return (COMPLAINANT, Party(id=REPRESENTED, role="third_party"))


def _personal(command: FileComplaint) -> tuple[Personal, ...]:
    own: tuple[Personal, ...] = (
        PersonalContact(party=CUSTOMER, fields=command.customer),
        PersonalNarrative(party=CUSTOMER, fields=command.narrative),
    )
    if command.represented is None:
        return own
    attributes = {"authority": command.authority} if command.authority else {}
    return (
        *own,
        PersonalContact(party=REPRESENTED, fields=Contact(**dict(command.represented))),
        PersonalNarrative(party=REPRESENTED, fields=Narrative(attributes=attributes)),
    )

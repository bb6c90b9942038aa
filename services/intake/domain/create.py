"""A complaint comes in. The hot path writes the same bytes faster; a test holds the two together."""

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


def file(
    state: IntakeState | None, given: FileComplaint, now: datetime
) -> tuple[IntakeState, NewEvent[ComplaintReceived]]:
    """The record and the event of a new complaint. What others said of it before we knew it is kept."""
    if state is not None and state.filed is not None:
        raise Conflict
    known = state or IntakeState(complaint_id=given.complaint_id)
    say: NewEvent[ComplaintReceived] = NewEvent(facts=_facts(given), parties=_parties(given), personal=_personal(given))
    entry = TimelineEntry(at=given.received_at, kind=ComplaintReceived.kind, facts={"channel": given.channel})
    filed = known.model_copy(
        update={
            "stage": "received",
            "filed": FilingRecord(
                reference=given.reference,
                client=given.client,
                channel=given.channel,
                received_at=given.received_at,
                recorded_at=now,
                product=given.product,
                authority=given.authority,
            ),
            "customer": given.customer,
            "represented": given.represented,
            "narrative": given.narrative,
            "fresh": (*known.fresh, entry),
        }
    )
    return filed, say


def _facts(given: FileComplaint) -> ComplaintReceived:
    return ComplaintReceived(
        reference=given.reference,
        client=given.client,
        channel=given.channel,
        received_at=given.received_at,
        product=given.product,
        locale=given.customer.locale,
        timezone=given.customer.timezone,
        on_behalf=given.represented is not None,
    )


def _parties(given: FileComplaint) -> tuple[Party, ...]:
    if given.represented is None:
        return (COMPLAINANT,)
    # Whoever complains is the complainant, also for somebody else (ISO 10002, 3.1); we talk to them.
    return (COMPLAINANT, Party(id=REPRESENTED, role="third_party"))


def _personal(given: FileComplaint) -> tuple[Personal, ...]:
    own: tuple[Personal, ...] = (
        PersonalContact(party=CUSTOMER, fields=given.customer),
        PersonalNarrative(party=CUSTOMER, fields=given.narrative),
    )
    if given.represented is None:
        return own
    attributes = {"authority": given.authority} if given.authority else {}
    return (
        *own,
        PersonalContact(party=REPRESENTED, fields=Contact(**dict(given.represented))),
        PersonalNarrative(party=REPRESENTED, fields=Narrative(attributes=attributes)),
    )

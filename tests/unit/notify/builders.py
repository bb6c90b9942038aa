"""Builders of the events of one complaint, and a fold of notify over them.

A builder is named after the event that it returns. `minutes` is the time of the event after `START`.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import UUID, uuid5

from services.notify.domain import NotifyContext, NotifyState, decide
from shared.contracts import EVENTS, Contact, Event, Fact, Narrative, Party, PersonalContact, PersonalNarrative
from shared.contracts import events as e
from shared.contracts.envelope import NewEvent, PersonalStaff, Staff
from shared.contracts.topics import SERVICES

START = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)  # a Sunday, late
SUBJECT = UUID("01900000-0000-7000-8000-000000000001")
CUSTOMER = (Party(id="customer", role="complainant"),)
CONTEXT = NotifyContext(
    START, acknowledge_within=timedelta(seconds=15), receipt_window=timedelta(minutes=15), default_locale="en"
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def build_event(facts: Fact, sequence: int, minutes: float, **data: Any) -> Event[Any]:
    """Return an event of the service that publishes the fact; the same arguments give the same event."""
    owner = next(service for service in SERVICES if type(facts) in service.publishes)
    return EVENTS[type(facts)](
        id=uuid5(SUBJECT, f"{owner.name}:{sequence}"),
        source=owner.source,
        subject=SUBJECT,
        time=at(minutes),
        sequence=sequence,
        data={"facts": facts, **data},
    )


def personal_text(text: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "parties": CUSTOMER,
        "personal": (PersonalNarrative(party="customer", fields=Narrative(text=text, **fields)),),
    }


def complaint_received(email: str | None = "customer-12@example.com", **contact: Any) -> Event[Any]:
    fields = {"name": "Customer 12", "locale": "en", "timezone": "Asia/Jakarta"} | contact
    personal = (
        PersonalContact(party="customer", fields=Contact(email=email, **fields)),
        PersonalNarrative(
            party="customer",
            fields=Narrative(subject="Kettle", text="The kettle leaks.", expected_outcome="A new kettle"),
        ),
    )
    facts = e.ComplaintReceived(reference="RD-1", client="shop", channel="web", received_at=START)
    return build_event(facts, 1, 0, parties=CUSTOMER, personal=personal)


def triaged(sequence: int = 1, minutes: float = 0.1, category: str = "delivery") -> Event[Any]:
    facts = e.Triaged(
        category=(category,), severity="normal", language="id", confidence=0.9, decided_by="rules", decider_version="1"
    )
    return build_event(facts, sequence, minutes)


def assigned(sequence: int = 2, minutes: float = 0.2) -> Event[Any]:
    staff = (PersonalStaff(party="handler", fields=Staff(name="Handler 3")),)
    parties = (Party(id="handler", role="handler"),)
    return build_event(e.Assigned(team="deliveries", handler="h-3"), sequence, minutes, parties=parties, personal=staff)


def promise_made(
    number: int = 1, sequence: int = 1, minutes: float = 0.3, due: float = 4000, **changes: Any
) -> Event[Any]:
    terms = {"policy": "standard", "policy_version": 1, "calendar": "office", "calendar_version": 1}
    return build_event(e.PromiseMade(promise=number, due_at=at(due), **terms, **changes), sequence, minutes)


def promise_revised(
    number: int = 2, sequence: int = 2, minutes: float = 100, due: float = 6000, **changes: Any
) -> Event[Any]:
    facts = e.PromiseRevised(promise=number, old_due_at=at(4000), due_at=at(due), reason="supplier_delay", **changes)
    return build_event(facts, sequence, minutes)


def promise_broken(number: int = 1, sequence: int = 2, minutes: float = 4001, **changes: Any) -> Event[Any]:
    return build_event(e.PromiseBroken(promise=number, due_at=at(4000), **changes), sequence, minutes)


def promise_at_risk(number: int = 1, sequence: int = 2, minutes: float = 60, **changes: Any) -> Event[Any]:
    fields = {"promise": number, "due_at": at(4000), "cause": "downtime"} | changes
    return build_event(e.PromiseAtRisk(**fields), sequence, minutes)


def letter_due(letter: str = "delay", sequence: int = 2, minutes: float = 70, **changes: Any) -> Event[Any]:
    fields = {"pack": "uk", "letter": letter, "limit_at": at(5000), "reasons": ("investigation",)} | changes
    return build_event(e.LetterDue(**fields), sequence, minutes)


def silence_noticed(
    since: float = 0.5, sequence: int = 2, minutes: float = 20_000, tried: float | None = None
) -> Event[Any]:
    tried_at = None if tried is None else at(tried)
    return build_event(e.SilenceNoticed(since=at(since), days=14, tried_at=tried_at), sequence, minutes)


def message_added(sequence: int = 3, minutes: float = 80, author: str = "customer") -> Event[Any]:
    return build_event(e.MessageAdded(author=author), sequence, minutes, **personal_text("The blue one."))  # type: ignore[arg-type]


def question(sequence: int = 2, minutes: float = 50) -> Event[Any]:
    return build_event(
        e.ProgressRecorded(state="awaiting_customer"), sequence, minutes, **personal_text("Which colour?")
    )


def progress_recorded(
    sequence: int = 2, minutes: float = 50, text: str | None = "We spoke to the courier."
) -> Event[Any]:
    return build_event(e.ProgressRecorded(state="awaiting_third_party"), sequence, minutes, **personal_text(text))


def resolved(sequence: int = 3, minutes: float = 200) -> Event[Any]:
    redress = (e.Redress(kind="refund", amount=Decimal("12.50"), currency="EUR"),)
    facts = e.Resolved(outcome="upheld", resolved_at=at(minutes), redress=redress)
    return build_event(facts, sequence, minutes, **personal_text("It broke on the way."))


def reopened(sequence: int = 4, minutes: float = 300) -> Event[Any]:
    return build_event(e.Reopened(), sequence, minutes)


def withdrawn(sequence: int = 5, minutes: float = 400) -> Event[Any]:
    return build_event(e.Withdrawn(), sequence, minutes)


def fold(
    inputs: Iterable[Any], state: NotifyState | None = None, context: NotifyContext = CONTEXT
) -> tuple[NotifyState, list[NewEvent[Any]]]:
    """Decide all inputs in order. Return the state and the published events."""
    events: list[NewEvent[Any]] = []
    for input_ in inputs:
        decision = decide(state, input_, context)
        state = decision.state
        events.extend(decision.events)
    assert state is not None
    return state, events


def visible_text(html: str) -> str:
    """Return the text that a reader of the HTML part sees."""
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|title).*?</\1>", "", html)))


def planned_kinds(state: NotifyState) -> list[str]:
    return [message.kind for message in state.planned]


OPENING_EVENTS = (complaint_received(), triaged(), assigned(), promise_made())

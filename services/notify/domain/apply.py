"""Effects of events of intake and triage on the state. Messages are queued here and composed later, see `plan`.

Topics arrive in any order, so no event needs another one to be applied first.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from services.notify.domain.apply_sla_events import apply_sla_event
from services.notify.domain.context import NotifyContext
from services.notify.domain.queue import build_origin, enqueue
from services.notify.domain.state import (
    ANY_PROMISE,
    Assignee,
    NotifyState,
    PendingMessage,
    ReceivedComplaint,
    Recipient,
)
from shared.contracts import events as e
from shared.contracts.envelope import Contact, Event, Fact, PartyId

EXCERPT = 160  # characters of the narrative that replace a missing subject


def apply(state: NotifyState, event: Event[Any], context: NotifyContext) -> NotifyState:
    """Return the state with the facts of the event stored, and with the message that it causes queued."""
    if apply_event := _APPLY.get(type(event.facts)):
        return apply_event(state, event, context.now + context.acknowledge_within)
    return apply_sla_event(state, event)


def _apply_received(state: NotifyState, event: Event[Any], wait_until: datetime) -> NotifyState:
    received = state.replace(received=_received_complaint(event))
    return enqueue(received, PendingMessage(kind="acknowledgement", origin=build_origin(event), wait_until=wait_until))


def _apply_reopened(state: NotifyState, event: Event[Any], wait_until: datetime) -> NotifyState:
    """Open the complaint again. The cycle is the position among all reopenings, in whatever order they arrive."""
    origin = build_origin(event)
    sequences = tuple(sorted({*state.reopened, origin.sequence}))
    reopened = state.replace(closed=None, progress=None, reopened=sequences)
    cycle = 2 + sequences.index(origin.sequence)
    return enqueue(reopened, PendingMessage(kind="reopened", origin=origin, wait_until=wait_until, cycle=cycle))


def _apply_triaged(state: NotifyState, event: Event[e.Triaged], _: datetime) -> NotifyState:
    return state.replace(category=event.facts.category, language=event.facts.language)


def _apply_assigned(state: NotifyState, event: Event[e.Assigned], _: datetime) -> NotifyState:
    staff = event.staff()
    return state.replace(owner=Assignee(team=event.facts.team, handler=staff.name if staff else None))


def _apply_message(state: NotifyState, event: Event[e.MessageAdded], _: datetime) -> NotifyState:
    """End the wait for the customer when the customer wrote, so that no message asks them again."""
    if event.facts.author != "customer" or state.progress != "awaiting_customer":
        return state
    return state.replace(progress="investigating")


def _apply_progress(state: NotifyState, event: Event[e.ProgressRecorded], _: datetime) -> NotifyState:
    """Store the progress; queue a message if the handler wrote a text for the customer.

    If the progress moves the date, a new promise follows with a message of its own. This message then states no date,
    because the present one is about to change.
    """
    facts, text = event.facts, _narrative_text(event)
    recorded = state.replace(progress=facts.state)
    if not (text and text.strip()):
        return recorded
    moves_date = facts.state == "awaiting_customer" or facts.expected_at is not None
    promise = None if moves_date else ANY_PROMISE
    pending = PendingMessage(
        kind="progress", origin=build_origin(event), words=text, progress=facts.state, promise=promise
    )
    return enqueue(recorded, pending)


def _apply_resolved(state: NotifyState, event: Event[e.Resolved], _: datetime) -> NotifyState:
    facts, text = event.facts, _narrative_text(event)
    answer = PendingMessage(
        kind="resolution", origin=build_origin(event), words=text, outcome=facts.outcome, redress=facts.redress
    )
    return enqueue(_close(state, event, "resolved"), answer)


def _apply_withdrawn(state: NotifyState, event: Event[e.Withdrawn], _: datetime) -> NotifyState:
    return enqueue(_close(state, event, "withdrawn"), PendingMessage(kind="withdrawn", origin=build_origin(event)))


def _close(state: NotifyState, event: Event[Any], how: Literal["resolved", "withdrawn"]) -> NotifyState:
    return state.replace(closed=how, closed_at=max(event.time, state.closed_at or event.time))


def _received_complaint(event: Event[e.ComplaintReceived]) -> ReceivedComplaint:
    facts, narrative = event.facts, event.narrative()
    return ReceivedComplaint(
        reference=facts.reference,
        received_at=facts.received_at,
        recipient=_recipient(event),
        subject=_excerpt(narrative.subject or narrative.text) if narrative else None,
        expected_outcome=_excerpt(narrative.expected_outcome) if narrative else None,
    )


def _recipient(event: Event[e.ComplaintReceived]) -> Recipient:
    """Return the complainant, or their representative if only the representative has an address."""
    facts = event.facts
    party, contact = PartyId("customer"), Contact()
    for role in ("complainant", "representative"):
        candidate = event.contact(role)
        if candidate and (candidate.email or contact == Contact()):
            contact = candidate
            party = next(member.id for member in event.data.parties if member.role == role)
        if contact.email:
            break
    return Recipient(
        party=party,
        name=contact.name,
        email=contact.email,
        timezone=contact.timezone or facts.timezone,
        preferred_languages=tuple(tag for tag in (contact.locale, facts.locale) if tag),
    )


def _narrative_text(event: Event[Any]) -> str | None:
    narrative = event.narrative()
    return narrative.text if narrative else None


def _excerpt(text: str | None) -> str | None:
    line = " ".join((text or "").split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1].rstrip()}…"


_APPLY: Final[Mapping[type[Fact], Callable[[NotifyState, Event[Any], datetime], NotifyState]]] = {
    e.ComplaintReceived: _apply_received,
    e.MessageAdded: _apply_message,
    e.Reopened: _apply_reopened,
    e.ProgressRecorded: _apply_progress,
    e.Resolved: _apply_resolved,
    e.Withdrawn: _apply_withdrawn,
    e.Triaged: _apply_triaged,
    e.Assigned: _apply_assigned,
}

"""What each event teaches. Facts are put in their place and news is queued; nothing is written to anybody here.

Topics arrive in any interleaving, so no fact waits for another one to be understood.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from services.notify.domain import apply_promises
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

EXCERPT = 160  # characters of the story that stand in for a missing subject


def learn(state: NotifyState, event: Event[Any], *, patience: timedelta, now: datetime) -> NotifyState:
    """The state with what this event states. `patience` is how long an opening letter may wait to be complete."""
    kind = type(event.facts)
    if lesson := _LESSONS.get(kind):
        return lesson(state, event, now + patience)
    return apply_promises.learn(state, event)


def _opened(state: NotifyState, event: Event[Any], wait_until: datetime) -> NotifyState:
    known = state.replace(received=_received(event))
    return enqueue(known, PendingMessage(kind="acknowledgement", origin=build_origin(event), wait_until=wait_until))


def _reopened(state: NotifyState, event: Event[Any], wait_until: datetime) -> NotifyState:
    origin = build_origin(event)
    reopened = tuple(sorted({*state.reopened, origin.sequence}))
    known = state.replace(closed=None, progress=None, reopened=reopened)
    cycle = 2 + reopened.index(origin.sequence)
    return enqueue(known, PendingMessage(kind="reopened", origin=origin, wait_until=wait_until, cycle=cycle))


def _triaged(state: NotifyState, event: Event[e.Triaged], _: datetime) -> NotifyState:
    return state.replace(category=event.facts.category, language=event.facts.language)


def _assigned(state: NotifyState, event: Event[e.Assigned], _: datetime) -> NotifyState:
    staff = event.staff()
    return state.replace(owner=Assignee(team=event.facts.team, handler=staff.name if staff else None))


def _received(event: Event[e.ComplaintReceived]) -> ReceivedComplaint:
    facts, story = event.facts, event.narrative()
    return ReceivedComplaint(
        reference=facts.reference,
        received_at=facts.received_at,
        recipient=_recipient(event),
        subject=_excerpt(story.subject or story.text) if story else None,
        expected_outcome=_excerpt(story.expected_outcome) if story else None,
    )


def _recipient(event: Event[e.ComplaintReceived]) -> Recipient:
    """The complainant; their representative where only that one can be written to."""
    facts = event.facts
    party, contact = PartyId("customer"), Contact()
    for role in ("complainant", "representative"):
        found = event.contact(role)
        if found and (found.email or contact == Contact()):
            contact = found
            party = next(p.id for p in event.data.parties if p.role == role)
        if contact.email:
            break
    return Recipient(
        party=party,
        name=contact.name,
        email=contact.email,
        timezone=contact.timezone or facts.timezone,
        wishes=tuple(wish for wish in (contact.locale, facts.locale) if wish),
    )


def _message_added(state: NotifyState, event: Event[e.MessageAdded], _: datetime) -> NotifyState:
    """A customer who answered is not asked again."""
    if event.facts.author != "customer" or state.progress != "awaiting_customer":
        return state
    return state.replace(progress="investigating")


def _progressed(state: NotifyState, event: Event[e.ProgressRecorded], _: datetime) -> NotifyState:
    facts, words = event.facts, _words(event)
    known = state.replace(progress=facts.state)
    if not (words and words.strip()):
        return known  # a move on the inside is no news to the customer
    moves_date = facts.state == "awaiting_customer" or facts.expected_at is not None
    promise = None if moves_date else ANY_PROMISE
    told = PendingMessage(kind="progress", origin=build_origin(event), words=words, progress=facts.state, promise=promise)
    return enqueue(known, told)


def _resolved(state: NotifyState, event: Event[e.Resolved], _: datetime) -> NotifyState:
    facts, words = event.facts, _words(event)
    answer = PendingMessage(
        kind="resolution", origin=build_origin(event), words=words, outcome=facts.outcome, redress=facts.redress
    )
    return enqueue(_closed(state, event, "resolved"), answer)


def _withdrawn(state: NotifyState, event: Event[e.Withdrawn], _: datetime) -> NotifyState:
    return enqueue(_closed(state, event, "withdrawn"), PendingMessage(kind="withdrawn", origin=build_origin(event)))


def _closed(state: NotifyState, event: Event[Any], how: Literal["resolved", "withdrawn"]) -> NotifyState:
    return state.replace(closed=how, closed_at=max(event.time, state.closed_at or event.time))


def _words(event: Event[Any]) -> str | None:
    story = event.narrative()
    return story.text if story else None


def _excerpt(text: str | None) -> str | None:
    words = " ".join((text or "").split())
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1].rstrip()}…"


# By class, since asking pydantic classes one after the other costs more than all that is learned.
_LESSONS: Final[Mapping[type[Fact], Callable[[NotifyState, Event[Any], datetime], NotifyState]]] = {
    e.ComplaintReceived: _opened,
    e.MessageAdded: _message_added,
    e.Reopened: _reopened,
    e.ProgressRecorded: _progressed,
    e.Resolved: _resolved,
    e.Withdrawn: _withdrawn,
    e.Triaged: _triaged,
    e.Assigned: _assigned,
}

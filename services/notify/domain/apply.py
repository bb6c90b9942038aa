"""What each event teaches. Facts are put in their place and news is queued; nothing is written to anybody here.

Topics arrive in any interleaving, so no fact waits for another one to be understood.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from services.notify.domain import apply_promises
from services.notify.domain.queue import origin_of, queue
from services.notify.domain.state import ANY_PROMISE, News, Notices, Owner, Received, Recipient
from shared.contracts import events as e
from shared.contracts.envelope import Contact, Event, Fact, PartyId

EXCERPT = 160  # characters of the story that stand in for a missing subject


def learn(state: Notices, event: Event[Any], *, patience: timedelta, now: datetime) -> Notices:
    """The state with what this event states. `patience` is how long an opening letter may wait to be complete."""
    kind = type(event.facts)
    if lesson := _LESSONS.get(kind):
        return lesson(state, event, now + patience)
    return apply_promises.learn(state, event)


def _opened(state: Notices, event: Event[Any], wait_until: datetime) -> Notices:
    known = state.but(received=_received(event))
    return queue(known, News(kind="acknowledgement", origin=origin_of(event), wait_until=wait_until))


def _reopened(state: Notices, event: Event[Any], wait_until: datetime) -> Notices:
    origin = origin_of(event)
    reopened = tuple(sorted({*state.reopened, origin.sequence}))
    known = state.but(closed=None, progress=None, reopened=reopened)
    cycle = 2 + reopened.index(origin.sequence)
    return queue(known, News(kind="reopened", origin=origin, wait_until=wait_until, cycle=cycle))


def _triaged(state: Notices, event: Event[e.Triaged], _: datetime) -> Notices:
    return state.but(category=event.facts.category, language=event.facts.language)


def _assigned(state: Notices, event: Event[e.Assigned], _: datetime) -> Notices:
    staff = event.staff()
    return state.but(owner=Owner(team=event.facts.team, handler=staff.name if staff else None))


def _received(event: Event[e.ComplaintReceived]) -> Received:
    facts, story = event.facts, event.narrative()
    return Received(
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


def _message_added(state: Notices, event: Event[e.MessageAdded], _: datetime) -> Notices:
    """A customer who answered is not asked again."""
    if event.facts.author != "customer" or state.progress != "awaiting_customer":
        return state
    return state.but(progress="investigating")


def _progressed(state: Notices, event: Event[e.ProgressRecorded], _: datetime) -> Notices:
    facts, words = event.facts, _words(event)
    known = state.but(progress=facts.state)
    if not (words and words.strip()):
        return known  # a move on the inside is no news to the customer
    moves_date = facts.state == "awaiting_customer" or facts.expected_at is not None
    promise = None if moves_date else ANY_PROMISE
    told = News(kind="progress", origin=origin_of(event), words=words, progress=facts.state, promise=promise)
    return queue(known, told)


def _resolved(state: Notices, event: Event[e.Resolved], _: datetime) -> Notices:
    facts, words = event.facts, _words(event)
    answer = News(kind="resolution", origin=origin_of(event), words=words, outcome=facts.outcome, redress=facts.redress)
    return queue(_closed(state, event, "resolved"), answer)


def _withdrawn(state: Notices, event: Event[e.Withdrawn], _: datetime) -> Notices:
    return queue(_closed(state, event, "withdrawn"), News(kind="withdrawn", origin=origin_of(event)))


def _closed(state: Notices, event: Event[Any], how: Literal["resolved", "withdrawn"]) -> Notices:
    return state.but(closed=how, closed_at=max(event.time, state.closed_at or event.time))


def _words(event: Event[Any]) -> str | None:
    story = event.narrative()
    return story.text if story else None


def _excerpt(text: str | None) -> str | None:
    words = " ".join((text or "").split())
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1].rstrip()}…"


# By class, since asking pydantic classes one after the other costs more than all that is learned.
_LESSONS: Final[Mapping[type[Fact], Callable[[Notices, Event[Any], datetime], Notices]]] = {
    e.ComplaintReceived: _opened,
    e.MessageAdded: _message_added,
    e.Reopened: _reopened,
    e.ProgressRecorded: _progressed,
    e.Resolved: _resolved,
    e.Withdrawn: _withdrawn,
    e.Triaged: _triaged,
    e.Assigned: _assigned,
}

"""What each event teaches. Facts are put in their place and news is queued; nothing is written to anybody here.

Topics arrive in any interleaving, so no fact waits for another one to be understood.
"""

from datetime import datetime, timedelta
from typing import Any

from services.notify.domain.state import ANY_PROMISE, News, Notices, Origin, Owner, Promise, Received, Recipient, order
from shared.contracts import events as e
from shared.contracts.envelope import Contact, Event, PartyId

EXCERPT = 160  # characters of the story that stand in for a missing subject


def learn(state: Notices, event: Event[Any], *, patience: timedelta, now: datetime) -> Notices:
    """The state with what this event states. `patience` is how long an opening letter may wait to be complete."""
    match event.facts:
        case e.ComplaintReceived() | e.Reopened():
            return _opened(state, event, now + patience)
        case e.ProgressRecorded() | e.Resolved() | e.Withdrawn():
            return _handled(state, event)
        case e.Triaged() as facts:
            return state.model_copy(update={"category": facts.category, "language": facts.language})
        case e.Assigned() as facts:
            staff = event.staff()
            owner = Owner(team=facts.team, handler=staff.name if staff else None)
            return state.model_copy(update={"owner": owner})
        case e.PromiseMade() | e.PromiseRevised() | e.PromiseBroken():
            return _promised(state, event)
    return state


def _opened(state: Notices, event: Event[Any], wait_until: datetime) -> Notices:
    origin = _origin(event)
    if isinstance(event.facts, e.Reopened):
        return _queue(state, News(kind="reopened", origin=origin, wait_until=wait_until))
    known = state.model_copy(update={"received": _received(event)})
    return _queue(known, News(kind="acknowledgement", origin=origin, wait_until=wait_until))


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


def _handled(state: Notices, event: Event[Any]) -> Notices:
    facts, origin, story = event.facts, _origin(event), event.narrative()
    words = story.text if story else None
    if isinstance(facts, e.ProgressRecorded):
        if not (words and words.strip()):
            return state  # a move on the inside is no news to the customer
        moves_date = facts.state == "awaiting_customer" or facts.expected_at is not None
        promise = None if moves_date else ANY_PROMISE
        return _queue(state, News(kind="progress", origin=origin, words=words, progress=facts.state, promise=promise))
    closed = state.model_copy(update={"closed_at": max(origin.time, state.closed_at or origin.time)})
    if isinstance(facts, e.Withdrawn):
        return _queue(closed, News(kind="withdrawn", origin=origin))
    answer = News(kind="resolution", origin=origin, words=words, outcome=facts.outcome, redress=facts.redress)
    return _queue(closed, answer)


def _promised(state: Notices, event: Event[Any]) -> Notices:
    facts, origin = event.facts, _origin(event)
    if isinstance(facts, e.PromiseBroken):
        late = News(kind="delay", origin=origin, promise=facts.promise, old_due_at=facts.due_at)
        return _queue(_break(state, facts.promise), late)
    promise = Promise(number=facts.promise, due_at=facts.due_at, made_at=origin.time)
    known = _with_promise(state, promise)
    moved = News(kind="promise_moved", origin=origin, promise=facts.promise, due_at=facts.due_at)
    if isinstance(facts, e.PromiseRevised):
        why = {"old_due_at": facts.old_due_at, "reason": facts.reason}
        return _queue(known, moved.model_copy(update=why))
    return _queue(known, moved) if state.owes_date else known


def _break(state: Notices, number: int) -> Notices:
    if state.promise is None or state.promise.number > number:
        return state
    return state.model_copy(update={"promise": state.promise.model_copy(update={"broken": True})})


def _with_promise(state: Notices, promise: Promise) -> Notices:
    if state.promise and state.promise.number > promise.number:
        return state
    return state.model_copy(update={"promise": promise})


def _queue(state: Notices, news: News) -> Notices:
    """Put news in its place in the queue, once."""
    told = any(intent.cause == news.origin.id and intent.kind == news.kind for intent in state.intents.values())
    if told or any(other.origin.id == news.origin.id for other in state.waiting):
        return state
    return state.model_copy(update={"waiting": tuple(sorted((*state.waiting, news), key=order))})


def _origin(event: Event[Any]) -> Origin:
    return Origin(id=event.id, sequence=event.sequence, time=event.time)


def _excerpt(text: str | None) -> str | None:
    words = " ".join((text or "").split())
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1].rstrip()}…"

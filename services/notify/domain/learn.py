"""What each event teaches. Facts are put in their place and news is queued; nothing is written to anybody here.

Topics arrive in any interleaving, so no fact waits for another one to be understood.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.notify.domain.state import ANY_PROMISE, News, Notices, Origin, Owner, Promise, Received, Recipient, order
from shared.contracts import events as e
from shared.contracts.envelope import Contact, Event, Fact, PartyId

EXCERPT = 160  # characters of the story that stand in for a missing subject


def learn(state: Notices, event: Event[Any], *, patience: timedelta, now: datetime) -> Notices:
    """The state with what this event states. `patience` is how long an opening letter may wait to be complete."""
    lesson = _LESSONS.get(type(event.facts))
    return lesson(state, event, now + patience) if lesson else state


def _opened(state: Notices, event: Event[Any], wait_until: datetime) -> Notices:
    known = state.but(received=_received(event))
    return _queue(known, News(kind="acknowledgement", origin=_origin(event), wait_until=wait_until))


def _reopened(state: Notices, event: Event[Any], wait_until: datetime) -> Notices:
    return _queue(state, News(kind="reopened", origin=_origin(event), wait_until=wait_until))


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


def _progressed(state: Notices, event: Event[e.ProgressRecorded], _: datetime) -> Notices:
    facts, words = event.facts, _words(event)
    if not (words and words.strip()):
        return state  # a move on the inside is no news to the customer
    moves_date = facts.state == "awaiting_customer" or facts.expected_at is not None
    promise = None if moves_date else ANY_PROMISE
    told = News(kind="progress", origin=_origin(event), words=words, progress=facts.state, promise=promise)
    return _queue(state, told)


def _resolved(state: Notices, event: Event[e.Resolved], _: datetime) -> Notices:
    facts, words = event.facts, _words(event)
    answer = News(kind="resolution", origin=_origin(event), words=words, outcome=facts.outcome, redress=facts.redress)
    return _queue(_closed(state, event), answer)


def _withdrawn(state: Notices, event: Event[e.Withdrawn], _: datetime) -> Notices:
    return _queue(_closed(state, event), News(kind="withdrawn", origin=_origin(event)))


def _closed(state: Notices, event: Event[Any]) -> Notices:
    return state.but(closed_at=max(event.time, state.closed_at or event.time))


def _promise_made(state: Notices, event: Event[e.PromiseMade], _: datetime) -> Notices:
    facts = event.facts
    known = _with_promise(state, event)
    if not state.owes_date:
        return known
    return _queue(known, News(kind="promise_moved", origin=_origin(event), promise=facts.promise, due_at=facts.due_at))


def _promise_revised(state: Notices, event: Event[e.PromiseRevised], _: datetime) -> Notices:
    facts = event.facts
    moved = News(
        kind="promise_moved",
        origin=_origin(event),
        promise=facts.promise,
        due_at=facts.due_at,
        old_due_at=facts.old_due_at,
        reason=facts.reason,
    )
    return _queue(_with_promise(state, event), moved)


def _promise_broken(state: Notices, event: Event[e.PromiseBroken], _: datetime) -> Notices:
    facts, promise = event.facts, state.promise
    if promise is not None and promise.number <= facts.promise:
        state = state.but(promise=promise.but(broken=True))
    late = News(kind="delay", origin=_origin(event), promise=facts.promise, old_due_at=facts.due_at)
    return _queue(state, late)


def _with_promise(state: Notices, event: Event[e.PromiseMade] | Event[e.PromiseRevised]) -> Notices:
    facts = event.facts
    if state.promise and state.promise.number > facts.promise:
        return state
    return state.but(promise=Promise(number=facts.promise, due_at=facts.due_at, made_at=event.time))


def _queue(state: Notices, news: News) -> Notices:
    """Put news in its place in the queue, once."""
    told = any(intent.cause == news.origin.id and intent.kind == news.kind for intent in state.intents.values())
    if told or any(other.origin.id == news.origin.id for other in state.waiting):
        return state
    return state.but(waiting=tuple(sorted((*state.waiting, news), key=order)))


def _origin(event: Event[Any]) -> Origin:
    return Origin(id=event.id, sequence=event.sequence, time=event.time)


def _words(event: Event[Any]) -> str | None:
    story = event.narrative()
    return story.text if story else None


def _excerpt(text: str | None) -> str | None:
    words = " ".join((text or "").split())
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1].rstrip()}…"


# By class, since asking pydantic classes one after the other costs more than all that is learned.
_LESSONS: Final[Mapping[type[Fact], Callable[[Notices, Event[Any], datetime], Notices]]] = {
    e.ComplaintReceived: _opened,
    e.Reopened: _reopened,
    e.ProgressRecorded: _progressed,
    e.Resolved: _resolved,
    e.Withdrawn: _withdrawn,
    e.Triaged: _triaged,
    e.Assigned: _assigned,
    e.PromiseMade: _promise_made,
    e.PromiseRevised: _promise_revised,
    e.PromiseBroken: _promise_broken,
}

"""What sla teaches: dates to be told, moved, broken or at risk, letters that a rule wants, and our own silence.

The date of the answer stands in the letters that open a case; the other dates have a message of their own.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from services.notify.domain.queue import origin_of, queue
from services.notify.domain.state import ANY_PROMISE, AnnouncedPromise, NotificationState, PendingMessage
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

Dated = Event[e.PromiseMade] | Event[e.PromiseRevised]
# What a rule wants explained, beside why it takes so long, by when, and where it stands, which every letter says.
RECOURSE: Final = ("ombudsman", "adr")
UNDERSTANDING: Final = frozenset({"issues_understood", "outcome_sought"})


def learn(state: NotificationState, event: Event[Any]) -> NotificationState:
    """The state with what this event states."""
    lesson = _LESSONS.get(type(event.facts))
    return lesson(state, event) if lesson else state


def _made(state: NotificationState, event: Event[e.PromiseMade]) -> NotificationState:
    facts = event.facts
    known = _with_promise(state, event)
    if facts.subject != "outcome":
        return queue(known, _other_date(event))
    if not state.owes_date:
        return known
    return queue(
        known, PendingMessage(kind="promise_moved", origin=origin_of(event), promise=facts.promise, due_at=facts.due_at)
    )


def _revised(state: NotificationState, event: Event[e.PromiseRevised]) -> NotificationState:
    facts = event.facts
    was = {"old_due_at": facts.old_due_at, "reasons": (facts.reason,)}
    known = _with_promise(state, event)
    if facts.subject != "outcome":
        return queue(known, _other_date(event).replace(**was))
    moved = PendingMessage(kind="promise_moved", origin=origin_of(event), promise=facts.promise, due_at=facts.due_at)
    return queue(known, moved.replace(**was))


def _other_date(event: Dated) -> PendingMessage:
    """By when we write again, or by when something agreed is done. Told only once a message states it."""
    facts = event.facts
    return PendingMessage(
        kind="progress",
        origin=origin_of(event),
        ground=f"promise-{facts.promise}",
        about=facts.subject,
        promise=facts.promise,
        due_at=facts.due_at,
    )


def _broken(state: NotificationState, event: Event[e.PromiseBroken]) -> NotificationState:
    facts = event.facts
    late = PendingMessage(
        kind="delay",
        origin=origin_of(event),
        about=facts.subject,
        promise=facts.promise,
        old_due_at=facts.due_at,
        reasons=(facts.cause,),
    )
    return queue(_with_broken(state, facts), late)


def _at_risk(state: NotificationState, event: Event[e.PromiseAtRisk]) -> NotificationState:
    facts = event.facts
    warning = PendingMessage(
        kind="holding",
        origin=origin_of(event),
        ground=f"risk-{facts.promise}-{facts.cause}",
        about=facts.subject,
        promise=facts.promise,
        old_due_at=facts.due_at,
        reasons=(facts.cause,),
    )
    return queue(state, warning)


def _letter_due(state: NotificationState, event: Event[e.LetterDue]) -> NotificationState:
    facts = event.facts
    parts = frozenset(facts.letter.lower().replace("-", "_").split("_"))
    if (
        "final" in parts and "delay" not in parts
    ):  # people write it when they resolve: we must not claim to have done so
        return state
    wanted = PendingMessage(
        kind="holding",
        origin=origin_of(event),
        ground=f"letter-{facts.pack}/{facts.letter}/{facts.limit_at.astimezone(UTC).isoformat()}",
        promise=ANY_PROMISE,
        reasons=facts.reasons,
        letter=f"{facts.pack}:{facts.letter}",
        recourse="delay" in parts or any(reason.startswith(RECOURSE) for reason in facts.reasons),
        repeats=not UNDERSTANDING.isdisjoint(facts.reasons),
    )
    return queue(state, wanted)


def _silence(state: NotificationState, event: Event[e.SilenceNoticed]) -> NotificationState:
    since, tried_at = event.facts.since, event.facts.tried_at
    ground = f"silence-{(tried_at or since).astimezone(UTC).isoformat()}"  # one note a silence, and one a note lost
    return queue(
        state,
        PendingMessage(
            kind="progress", origin=origin_of(event), ground=ground, silent_since=since, promise=ANY_PROMISE
        ),
    )


def _with_promise(state: NotificationState, event: Dated) -> NotificationState:
    """The newest date of its subject. Actions run side by side and cannot be told apart, so none stands for all."""
    facts = event.facts
    reason = facts.reason if isinstance(facts, e.PromiseRevised) else None
    cycle = facts.cycle if isinstance(facts, e.PromiseMade) else state.promise.cycle if state.promise else 1
    promise = AnnouncedPromise(number=facts.promise, due_at=facts.due_at, cycle=cycle, reason=reason)
    match facts.subject:
        case "outcome" if not state.promise or state.promise.number < promise.number:
            return state.replace(promise=promise)
        case "next_update" if not state.next_update or state.next_update.number < promise.number:
            return state.replace(next_update=promise)
    return state


def _with_broken(state: NotificationState, facts: e.PromiseBroken) -> NotificationState:
    known = {"outcome": state.promise, "next_update": state.next_update, "action": None}[facts.subject]
    if known is None or known.number > facts.promise:
        return state
    broken = known.replace(broken=True)
    return state.replace(promise=broken) if facts.subject == "outcome" else state.replace(next_update=broken)


_LESSONS: Final[Mapping[type[Fact], Callable[[NotificationState, Event[Any]], NotificationState]]] = {
    e.PromiseMade: _made,
    e.PromiseRevised: _revised,
    e.PromiseBroken: _broken,
    e.PromiseAtRisk: _at_risk,
    e.LetterDue: _letter_due,
    e.SilenceNoticed: _silence,
}

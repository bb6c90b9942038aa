"""What sla teaches: dates to be told, moved, broken or at risk, letters that a rule wants, and our own silence.

The date of the answer stands in the letters that open a case; the other dates have a message of their own.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from services.notify.domain.queue import build_origin, enqueue
from services.notify.domain.state import ANY_PROMISE, AnnouncedPromise, NotifyState, PendingMessage
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

Dated = Event[e.PromiseMade] | Event[e.PromiseRevised]
# What a rule wants explained, beside why it takes so long, by when, and where it stands, which every letter says.
RECOURSE: Final = ("ombudsman", "adr")
UNDERSTANDING: Final = frozenset({"issues_understood", "outcome_sought"})


def learn(state: NotifyState, event: Event[Any]) -> NotifyState:
    """The state with what this event states."""
    lesson = _LESSONS.get(type(event.facts))
    return lesson(state, event) if lesson else state


def _made(state: NotifyState, event: Event[e.PromiseMade]) -> NotifyState:
    facts = event.facts
    known = _with_promise(state, event)
    if facts.subject != "outcome":
        return enqueue(known, _other_date(event))
    if not state.owes_date:
        return known
    return enqueue(
        known, PendingMessage(kind="promise_moved", origin=build_origin(event), promise=facts.promise, due_at=facts.due_at)
    )


def _revised(state: NotifyState, event: Event[e.PromiseRevised]) -> NotifyState:
    facts = event.facts
    was = {"old_due_at": facts.old_due_at, "reasons": (facts.reason,)}
    known = _with_promise(state, event)
    if facts.subject != "outcome":
        return enqueue(known, _other_date(event).replace(**was))
    moved = PendingMessage(kind="promise_moved", origin=build_origin(event), promise=facts.promise, due_at=facts.due_at)
    return enqueue(known, moved.replace(**was))


def _other_date(event: Dated) -> PendingMessage:
    """By when we write again, or by when something agreed is done. Told only once a message states it."""
    facts = event.facts
    return PendingMessage(
        kind="progress",
        origin=build_origin(event),
        ground=f"promise-{facts.promise}",
        about=facts.subject,
        promise=facts.promise,
        due_at=facts.due_at,
    )


def _broken(state: NotifyState, event: Event[e.PromiseBroken]) -> NotifyState:
    facts = event.facts
    late = PendingMessage(
        kind="delay",
        origin=build_origin(event),
        about=facts.subject,
        promise=facts.promise,
        old_due_at=facts.due_at,
        reasons=(facts.cause,),
    )
    return enqueue(_with_broken(state, facts), late)


def _at_risk(state: NotifyState, event: Event[e.PromiseAtRisk]) -> NotifyState:
    facts = event.facts
    warning = PendingMessage(
        kind="holding",
        origin=build_origin(event),
        ground=f"risk-{facts.promise}-{facts.cause}",
        about=facts.subject,
        promise=facts.promise,
        old_due_at=facts.due_at,
        reasons=(facts.cause,),
    )
    return enqueue(state, warning)


def _letter_due(state: NotifyState, event: Event[e.LetterDue]) -> NotifyState:
    facts = event.facts
    parts = frozenset(facts.letter.lower().replace("-", "_").split("_"))
    if (
        "final" in parts and "delay" not in parts
    ):  # people write it when they resolve: we must not claim to have done so
        return state
    wanted = PendingMessage(
        kind="holding",
        origin=build_origin(event),
        ground=f"letter-{facts.pack}/{facts.letter}/{facts.limit_at.astimezone(UTC).isoformat()}",
        promise=ANY_PROMISE,
        reasons=facts.reasons,
        letter=f"{facts.pack}:{facts.letter}",
        recourse="delay" in parts or any(reason.startswith(RECOURSE) for reason in facts.reasons),
        repeats=not UNDERSTANDING.isdisjoint(facts.reasons),
    )
    return enqueue(state, wanted)


def _silence(state: NotifyState, event: Event[e.SilenceNoticed]) -> NotifyState:
    since, tried_at = event.facts.since, event.facts.tried_at
    ground = f"silence-{(tried_at or since).astimezone(UTC).isoformat()}"  # one note a silence, and one a note lost
    return enqueue(
        state,
        PendingMessage(
            kind="progress", origin=build_origin(event), ground=ground, silent_since=since, promise=ANY_PROMISE
        ),
    )


def _with_promise(state: NotifyState, event: Dated) -> NotifyState:
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


def _with_broken(state: NotifyState, facts: e.PromiseBroken) -> NotifyState:
    known = {"outcome": state.promise, "next_update": state.next_update, "action": None}[facts.subject]
    if known is None or known.number > facts.promise:
        return state
    broken = known.replace(broken=True)
    return state.replace(promise=broken) if facts.subject == "outcome" else state.replace(next_update=broken)


_LESSONS: Final[Mapping[type[Fact], Callable[[NotifyState, Event[Any]], NotifyState]]] = {
    e.PromiseMade: _made,
    e.PromiseRevised: _revised,
    e.PromiseBroken: _broken,
    e.PromiseAtRisk: _at_risk,
    e.LetterDue: _letter_due,
    e.SilenceNoticed: _silence,
}

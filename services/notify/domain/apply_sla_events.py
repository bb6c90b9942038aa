"""Effects of events of sla on the state: promises, dates at risk, letters of regulators' rules, long silences.

The date of the answer is normally stated by the opening message, so its promise causes a message of its own only if
that message was sent without a date. Dates of updates and actions always have their own message.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from services.notify.domain.queue import build_origin, enqueue
from services.notify.domain.state import ANY_PROMISE, AnnouncedPromise, NotifyState, PendingMessage
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

PromiseEvent = Event[e.PromiseMade] | Event[e.PromiseRevised]
# Reasons of a letter that require more than every letter contains (the cause, the date, the state of work).
RECOURSE: Final = ("ombudsman", "adr")
UNDERSTANDING: Final = frozenset({"issues_understood", "outcome_sought"})


def apply_sla_event(state: NotifyState, event: Event[Any]) -> NotifyState:
    """Return the state with an event of sla applied. Events of other types change nothing."""
    apply_event = _APPLY.get(type(event.facts))
    return apply_event(state, event) if apply_event else state


def _apply_made(state: NotifyState, event: Event[e.PromiseMade]) -> NotifyState:
    facts = event.facts
    stored = _store_promise(state, event)
    if facts.subject != "outcome":
        return enqueue(stored, _date_message(event))
    if not state.owes_date:
        return stored
    return enqueue(stored, _answer_date_message(event))


def _apply_revised(state: NotifyState, event: Event[e.PromiseRevised]) -> NotifyState:
    facts = event.facts
    stored = _store_promise(state, event)
    pending = _date_message(event) if facts.subject != "outcome" else _answer_date_message(event)
    return enqueue(stored, pending.replace(old_due_at=facts.old_due_at, reasons=(facts.reason,)))


def _answer_date_message(event: PromiseEvent) -> PendingMessage:
    facts = event.facts
    return PendingMessage(kind="promise_moved", origin=build_origin(event), promise=facts.promise, due_at=facts.due_at)


def _date_message(event: PromiseEvent) -> PendingMessage:
    """Return the message about the date of an update or an action."""
    facts = event.facts
    return PendingMessage(
        kind="progress",
        origin=build_origin(event),
        ground=f"promise-{facts.promise}",
        about=facts.subject,
        promise=facts.promise,
        due_at=facts.due_at,
    )


def _apply_broken(state: NotifyState, event: Event[e.PromiseBroken]) -> NotifyState:
    facts = event.facts
    apology = PendingMessage(
        kind="delay",
        origin=build_origin(event),
        about=facts.subject,
        promise=facts.promise,
        old_due_at=facts.due_at,
        reasons=(facts.cause,),
    )
    return enqueue(_store_broken(state, facts), apology)


def _apply_at_risk(state: NotifyState, event: Event[e.PromiseAtRisk]) -> NotifyState:
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


def _apply_letter_due(state: NotifyState, event: Event[e.LetterDue]) -> NotifyState:
    """Queue the letter, unless it is the final response: that is the answer, which a person writes."""
    facts = event.facts
    parts = frozenset(facts.letter.lower().replace("-", "_").split("_"))
    if "final" in parts and "delay" not in parts:
        return state
    letter = PendingMessage(
        kind="holding",
        origin=build_origin(event),
        ground=f"letter-{facts.pack}/{facts.letter}/{facts.limit_at.astimezone(UTC).isoformat()}",
        promise=ANY_PROMISE,
        reasons=facts.reasons,
        letter=f"{facts.pack}:{facts.letter}",
        recourse="delay" in parts or any(reason.startswith(RECOURSE) for reason in facts.reasons),
        repeats=not UNDERSTANDING.isdisjoint(facts.reasons),
    )
    return enqueue(state, letter)


def _apply_silence(state: NotifyState, event: Event[e.SilenceNoticed]) -> NotifyState:
    """Queue a sign of life: one per silence, and one more for each that could not be sent (`tried_at`)."""
    since, tried_at = event.facts.since, event.facts.tried_at
    ground = f"silence-{(tried_at or since).astimezone(UTC).isoformat()}"
    return enqueue(
        state,
        PendingMessage(
            kind="progress", origin=build_origin(event), ground=ground, silent_since=since, promise=ANY_PROMISE
        ),
    )


def _store_promise(state: NotifyState, event: PromiseEvent) -> NotifyState:
    """Store the promise if it is the newest of its subject.

    The dates of actions are not stored: several actions run at the same time, and their promises have no order.
    """
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


def _store_broken(state: NotifyState, facts: e.PromiseBroken) -> NotifyState:
    promise = {"outcome": state.promise, "next_update": state.next_update, "action": None}[facts.subject]
    if promise is None or promise.number > facts.promise:
        return state
    broken = promise.replace(broken=True)
    return state.replace(promise=broken) if facts.subject == "outcome" else state.replace(next_update=broken)


_APPLY: Final[Mapping[type[Fact], Callable[[NotifyState, Event[Any]], NotifyState]]] = {
    e.PromiseMade: _apply_made,
    e.PromiseRevised: _apply_revised,
    e.PromiseBroken: _apply_broken,
    e.PromiseAtRisk: _apply_at_risk,
    e.LetterDue: _apply_letter_due,
    e.SilenceNoticed: _apply_silence,
}

"""Handle commands about promises. A command of a person that is not allowed is rejected with the reason."""

from datetime import datetime, timedelta

from services.sla.domain import promise_dates
from services.sla.domain.commands import (
    DecideExtension,
    MakePromise,
    MarkAtRisk,
    PromiseCommand,
    RevisePromise,
    VersionConflict,
)
from services.sla.domain.context import SlaContext
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import chain_key, promise_fields, promise_statuses
from services.sla.domain.state import ExtensionRequest, Promise, SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import PromiseAtRisk
from shared.errors import IllegalMove, ImplausibleTime, NotFound, Rejected

ACTION = frozenset({"action_agreed", "action_completed"})
SAME_OUTAGE = ("downtime", "lag")  # events that waited during a downtime are lag afterwards


def handle(state: SlaState | None, command: PromiseCommand, context: SlaContext) -> SlaState:
    """Return the state after the command. Raises `Rejected`."""
    if state is None or not cycles(state.moments):
        raise NotFound
    if command.version is not None and command.version != state.version:
        raise VersionConflict
    match command:
        case MakePromise():
            return _make(state, command, context)
        case RevisePromise():
            return _revise(state, command, context)
        case DecideExtension():
            return _decide(state, command, context)
    raise Rejected(f"expected a promise to make, move or approve, got {type(command).__name__}")


def _check_ahead(due_at: datetime, now: datetime) -> None:
    if not now < due_at < now + promise_dates.FARTHEST:
        example = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        expected = f"a time that is still to come, within ten years, such as {example.isoformat()}"
        raise ImplausibleTime("due_at", expected)


def _make(state: SlaState, command: MakePromise, context: SlaContext) -> SlaState:
    if command.subject == "outcome":
        raise IllegalMove("the date of the outcome is made by policy; revise it instead, with a reason")
    if command.subject == "next_update" and cycles(state.moments)[-1].ended_at is not None:
        raise IllegalMove("the complaint is closed; there is no next update to promise")
    if command.subject == "action" and _is_completed(state, command.item):
        raise IllegalMove("that action is completed already; there is nothing to promise unless it is agreed again")
    if not state.terms:
        raise NotFound
    _check_ahead(command.due_at, context.now)
    terms = state.terms[-1].terms
    promise = Promise(
        number=len(state.promises) + 1,
        cycle=len(cycles(state.moments)),
        due_at=promise_dates.into_hours(terms, command.due_at, context.rulebook),
        made_at=context.now,
        terms=terms,
        subject=command.subject,
        item=command.item,
        by=command.actor,
    )
    for status in promise_statuses(state):
        other = status.promise
        same = (other.subject, other.item) == (promise.subject, promise.item)
        if same and other.due_at > context.now and not status.is_over:
            raise IllegalMove(f"there is such a promise already; revise {other.number} instead, with a reason")
    return state.replace(promises=(*state.promises, promise))


def _is_completed(state: SlaState, item: str) -> bool:
    """Return True if the last entry about that action is its completion."""
    about = [entry.what for entry in state.moments if entry.item == item and entry.what in ACTION]
    return about[-1:] == ["action_completed"]


def _current(state: SlaState, number: int) -> Promise:
    promise = next((each for each in state.promises if each.number == number), None)
    if promise is None:
        raise NotFound(f"there is no promise {number} here")
    return [each for each in state.promises if chain_key(each) == chain_key(promise)][-1]


def _revise(state: SlaState, command: RevisePromise, context: SlaContext) -> SlaState:
    current = _current(state, command.promise)
    if current.number != command.promise:
        raise IllegalMove(f"promise {command.promise} was moved already; revise {current.number}")
    _check_movable(state, current)
    _check_ahead(command.due_at, context.now)
    due_at = promise_dates.revised_due_time(current, command.due_at, context.now, context.rulebook)
    if due_at is None:
        raise ImplausibleTime("due_at", f"a date later than what was promised, {current.due_at.isoformat()}")
    limit = None if command.approved else promise_dates.exceeded_limit(state, current, due_at, context.rulebook)
    if limit is None:
        return promise_dates.revise(state, current, due_at, context.now, command.reason, command.actor)
    if promise_dates.is_extension_pending(state, current, due_at):
        raise IllegalMove("that date waits for approval already")
    return promise_dates.request_extension(state, current, due_at, context.now, limit, command.reason)


def _decide(state: SlaState, command: DecideExtension, context: SlaContext) -> SlaState:
    waiting = [each for each in state.extensions if each.promise == command.promise and each.approved is None]
    if not waiting:
        raise NotFound(f"no extension waits for approval for promise {command.promise}")
    last, decision = waiting[-1], {"by": command.actor, "decided_at": context.now}
    if command.approve:
        state = _approve(state, last, command, context.now)
    extensions = [
        request.replace(approved=command.approve and request == last, **decision) if request in waiting else request
        for request in state.extensions
    ]
    return state.replace(extensions=tuple(extensions))


def _approve(state: SlaState, request: ExtensionRequest, command: DecideExtension, now: datetime) -> SlaState:
    current = _current(state, request.promise)
    _check_movable(state, current)
    if request.expected_at <= now:
        raise IllegalMove("the date that was asked for is over; ask for a new one")
    if request.expected_at <= current.due_at:
        raise IllegalMove(f"promise {current.number} was moved beyond that date meanwhile")
    return promise_dates.revise(state, current, request.expected_at, now, request.reason, command.actor)


def _check_movable(state: SlaState, current: Promise) -> None:
    """Raise `IllegalMove` for a promise that is over. A date that has passed can still be moved to a new one."""
    if cycles(state.moments)[current.cycle - 1].ended_at is not None and current.subject != "action":
        raise IllegalMove("the complaint is closed; its dates no longer move")
    status = next(each for each in promise_statuses(state) if each.promise == current)
    if status.done_at is not None:
        raise IllegalMove("what was promised has been done; its date no longer moves, make a new promise instead")
    if status.is_over:
        raise IllegalMove("it was cancelled with the complaint; its date no longer moves")


def mark_at_risk(state: SlaState, command: MarkAtRisk, context: SlaContext) -> tuple[SlaState, tuple[Fact, ...]]:
    """Return the state with the marks of the promises at risk, and the facts to publish, once per promise and cause.

    Notify can then tell the customer before the date passes. A promise is at risk if the customer was told its date, it
    is open, and it falls due before the outage is expected to end. After a finished downtime it is at risk only if
    business hours between its making and its due time were lost in it; a downtime at night costs it nothing.

    For the customer downtime and the lag after it are one outage, so a promise marked for one of them is not marked
    again for the other. Marks are stored in `SlaState.fired`.
    """
    causes = SAME_OUTAGE if command.cause in SAME_OUTAGE else (command.cause,)
    at_risk = [
        status.promise
        for status in promise_statuses(state)
        if status.status == "open"
        and context.now < status.promise.due_at <= command.until
        and not any(_mark(status.promise, cause) in state.fired for cause in causes)
        and _has_lost_time(status.promise, command, context.rulebook)
    ]
    if not at_risk:
        return state, ()
    marks = {_mark(promise, command.cause) for promise in at_risk}
    facts = tuple(
        PromiseAtRisk(**promise_fields(promise), due_at=promise.due_at, cause=command.cause) for promise in at_risk
    )
    return state.replace(fired=tuple(sorted({*state.fired, *marks}))), facts


def _mark(promise: Promise, cause: str) -> str:
    return f"risk:{promise.number}:{cause}"


def _has_lost_time(promise: Promise, command: MarkAtRisk, rulebook: Rulebook) -> bool:
    """Return True if business hours of the promise are lost; during an outage any promise may lose some."""
    if command.lost is None:
        return True
    since, until = max(command.lost[0], promise.made_at), command.lost[1]
    return since < until and rulebook.promise_calendar(promise.terms).elapsed(seconds(since), seconds(until)) > 0

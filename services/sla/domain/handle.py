"""Promises made, moved and approved by people. What may not be is refused with the reason, and nothing has changed."""

from datetime import datetime, timedelta

from services.sla.domain.commands import (
    DecideExtension,
    MakePromise,
    PromiseCommand,
    RevisePromise,
    VersionConflict,
)
from services.sla.domain.context import SlaContext
from services.sla.domain.cycles import cycles
from services.sla.domain.promise_dates import FARTHEST, ask_for, beyond, into_hours, is_waiting, moved_to, revise
from services.sla.domain.promise_status import chain_key, promise_statuses
from services.sla.domain.state import ExtensionRequest, Promise, SlaState
from shared.errors import IllegalMove, ImplausibleTime, NotFound, Rejected

ACTION = frozenset({"action_agreed", "action_completed"})


def ask(state: SlaState | None, given: PromiseCommand, context: SlaContext) -> SlaState:
    """The complaint as it is after what was asked. Raises `Rejected`."""
    if state is None or not cycles(state.moments):
        raise NotFound
    if given.version is not None and given.version != state.version:
        raise VersionConflict
    match given:
        case MakePromise():
            return _make(state, given, context)
        case RevisePromise():
            return _revise(state, given, context)
        case DecideExtension():
            return _decide(state, given, context)
    raise Rejected(f"expected a promise to make, move or approve, got {type(given).__name__}")


def _ahead(due_at: datetime, now: datetime) -> None:
    if not now < due_at < now + FARTHEST:
        example = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        expected = f"a time that is still to come, within ten years, such as {example.isoformat()}"
        raise ImplausibleTime("due_at", expected)


def _make(state: SlaState, given: MakePromise, context: SlaContext) -> SlaState:
    if given.subject == "outcome":
        raise IllegalMove("the date of the outcome is made by policy; revise it instead, with a reason")
    if given.subject == "next_update" and cycles(state.moments)[-1].ended_at is not None:
        raise IllegalMove("the complaint is closed; there is no next update to promise")
    if given.subject == "action" and _is_completed(state, given.item):
        raise IllegalMove("that action is completed already; there is nothing to promise unless it is agreed anew")
    if not state.terms:
        raise NotFound
    _ahead(given.due_at, context.now)
    terms, cycle = state.terms[-1].terms, len(cycles(state.moments))
    promise = Promise(
        number=len(state.promises) + 1,
        cycle=cycle,
        due_at=into_hours(terms, given.due_at, context.rulebook),
        made_at=context.now,
        terms=terms,
        subject=given.subject,
        item=given.item,
        by=given.actor,
    )
    if standing := _standing(state, given, context.now):
        raise IllegalMove(f"there is such a promise already; revise {standing.number} instead, with a reason")
    return state.replace(promises=(*state.promises, promise))


def _is_completed(state: SlaState, item: str) -> bool:
    """Whether the last that we heard of that action is that it was completed."""
    heard = [one.what for one in state.moments if one.item == item and one.what in ACTION]
    return heard[-1:] == ["action_completed"]


def _standing(state: SlaState, given: MakePromise, now: datetime) -> Promise | None:
    """A promise of the same that is still to be kept."""
    found = (one.promise for one in promise_statuses(state) if one.promise.due_at > now and not one.is_over)
    return next((one for one in found if (one.subject, one.item) == (given.subject, given.item)), None)


def _current(state: SlaState, number: int) -> Promise:
    promise = next((one for one in state.promises if one.number == number), None)
    if promise is None:
        raise NotFound(f"there is no promise {number} here")
    return [one for one in state.promises if chain_key(one) == chain_key(promise)][-1]


def _revise(state: SlaState, given: RevisePromise, context: SlaContext) -> SlaState:
    current = _current(state, given.promise)
    if current.number != given.promise:
        raise IllegalMove(f"promise {given.promise} was moved already; revise {current.number}")
    _still_moves(state, current)
    _ahead(given.due_at, context.now)
    due_at = moved_to(current, given.due_at, context.now, context.rulebook)
    if due_at is None:
        raise ImplausibleTime("due_at", f"a date later than what was promised, {current.due_at.isoformat()}")
    limit = None if given.approved else beyond(state, current, due_at, context.rulebook)
    if limit is None:
        return revise(state, current, due_at, context.now, given.reason, given.actor)
    if is_waiting(state, current, due_at):
        raise IllegalMove("that date waits for approval already")
    return ask_for(state, current, due_at, context.now, limit.at, given.reason)


def _decide(state: SlaState, given: DecideExtension, context: SlaContext) -> SlaState:
    waiting = [n for n, one in enumerate(state.extensions) if one.promise == given.promise and one.approved is None]
    if not waiting:
        raise NotFound(f"no extension waits for approval for promise {given.promise}")
    asked = state.extensions[waiting[-1]]
    if given.approve:
        state = _approved(state, asked, given, context.now)
    answer = {"by": given.actor, "decided_at": context.now}
    answers = {n: state.extensions[n].replace(approved=given.approve and n == waiting[-1], **answer) for n in waiting}
    return state.replace(extensions=tuple(answers.get(n, one) for n, one in enumerate(state.extensions)))


def _approved(state: SlaState, asked: ExtensionRequest, given: DecideExtension, now: datetime) -> SlaState:
    current = _current(state, asked.promise)
    _still_moves(state, current)
    if asked.expected_at <= now:
        raise IllegalMove("the date that was asked for is over; ask for a new one")
    if asked.expected_at <= current.due_at:
        raise IllegalMove(f"promise {current.number} was moved beyond that date meanwhile")
    return revise(state, current, asked.expected_at, now, asked.reason, given.actor)


def _still_moves(state: SlaState, current: Promise) -> None:
    """Raises `IllegalMove` for what is over. A date that has passed still moves: what is owed may get a new one."""
    if cycles(state.moments)[current.cycle - 1].ended_at is not None and current.subject != "action":
        raise IllegalMove("the complaint is closed; its dates no longer move")
    pledge = next(one for one in promise_statuses(state) if one.promise == current)
    if pledge.done_at is not None:
        raise IllegalMove("what was promised has been done; its date no longer moves, make a new promise instead")
    if pledge.is_over:
        raise IllegalMove("it fell away with the complaint; its date no longer moves")

"""Handle commands: make, revise and approve promises. A command that is not allowed is rejected with the reason."""

from datetime import datetime, timedelta

from services.sla.domain.commands import (
    DecideExtension,
    MakePromise,
    PromiseCommand,
    RevisePromise,
    VersionConflict,
)
from services.sla.domain.context import SlaContext
from services.sla.domain.history import cycles
from services.sla.domain.promise_dates import (
    FARTHEST,
    exceeded_limit,
    into_hours,
    is_extension_pending,
    request_extension,
    revise,
    revised_due_time,
)
from services.sla.domain.promise_status import chain_key, promise_statuses
from services.sla.domain.state import ExtensionRequest, Promise, SlaState
from shared.errors import IllegalMove, ImplausibleTime, NotFound, Rejected

ACTION = frozenset({"action_agreed", "action_completed"})


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
    if not now < due_at < now + FARTHEST:
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
    terms, cycle = state.terms[-1].terms, len(cycles(state.moments))
    promise = Promise(
        number=len(state.promises) + 1,
        cycle=cycle,
        due_at=into_hours(terms, command.due_at, context.rulebook),
        made_at=context.now,
        terms=terms,
        subject=command.subject,
        item=command.item,
        by=command.actor,
    )
    if existing := _open_promise(state, command, context.now):
        raise IllegalMove(f"there is such a promise already; revise {existing.number} instead, with a reason")
    return state.replace(promises=(*state.promises, promise))


def _is_completed(state: SlaState, item: str) -> bool:
    """Return True if the last entry about that action is its completion."""
    about = [entry.what for entry in state.moments if entry.item == item and entry.what in ACTION]
    return about[-1:] == ["action_completed"]


def _open_promise(state: SlaState, command: MakePromise, now: datetime) -> Promise | None:
    """Return a promise of the same subject and item that is still to be kept."""
    waiting = (each.promise for each in promise_statuses(state) if each.promise.due_at > now and not each.is_over)
    return next((each for each in waiting if (each.subject, each.item) == (command.subject, command.item)), None)


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
    due_at = revised_due_time(current, command.due_at, context.now, context.rulebook)
    if due_at is None:
        raise ImplausibleTime("due_at", f"a date later than what was promised, {current.due_at.isoformat()}")
    limit = None if command.approved else exceeded_limit(state, current, due_at, context.rulebook)
    if limit is None:
        return revise(state, current, due_at, context.now, command.reason, command.actor)
    if is_extension_pending(state, current, due_at):
        raise IllegalMove("that date waits for approval already")
    return request_extension(state, current, due_at, context.now, limit.at, command.reason)


def _decide(state: SlaState, command: DecideExtension, context: SlaContext) -> SlaState:
    waiting = [
        place
        for place, each in enumerate(state.extensions)
        if each.promise == command.promise and each.approved is None
    ]
    if not waiting:
        raise NotFound(f"no extension waits for approval for promise {command.promise}")
    request = state.extensions[waiting[-1]]
    if command.approve:
        state = _approve(state, request, command, context.now)
    decision = {"by": command.actor, "decided_at": context.now}
    extensions = list(state.extensions)
    for place in waiting:
        extensions[place] = extensions[place].replace(approved=command.approve and place == waiting[-1], **decision)
    return state.replace(extensions=tuple(extensions))


def _approve(state: SlaState, request: ExtensionRequest, command: DecideExtension, now: datetime) -> SlaState:
    current = _current(state, request.promise)
    _check_movable(state, current)
    if request.expected_at <= now:
        raise IllegalMove("the date that was asked for is over; ask for a new one")
    if request.expected_at <= current.due_at:
        raise IllegalMove(f"promise {current.number} was moved beyond that date meanwhile")
    return revise(state, current, request.expected_at, now, request.reason, command.actor)


def _check_movable(state: SlaState, current: Promise) -> None:
    """Raise `IllegalMove` for a promise that is over. A date that has passed can still be moved to a new one."""
    if cycles(state.moments)[current.cycle - 1].ended_at is not None and current.subject != "action":
        raise IllegalMove("the complaint is closed; its dates no longer move")
    status = next(each for each in promise_statuses(state) if each.promise == current)
    if status.done_at is not None:
        raise IllegalMove("what was promised has been done; its date no longer moves, make a new promise instead")
    if status.is_over:
        raise IllegalMove("it was cancelled with the complaint; its date no longer moves")

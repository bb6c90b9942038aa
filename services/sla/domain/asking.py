"""Promises made, moved and approved by people. What may not be is refused with the reason, and nothing has changed."""

from datetime import datetime, timedelta

from services.sla.domain.commands import Asking, Changed, DecideExtension, Implausible, MakePromise, RevisePromise
from services.sla.domain.context import SlaContext
from services.sla.domain.cycles import cycles
from services.sla.domain.promises import chain_key
from services.sla.domain.promising import FARTHEST, into_hours, limit_of, moved_to, revise
from services.sla.domain.state import Complaint, Extension, Promise
from shared.errors import IllegalMove, NotFound, Rejected


def ask(state: Complaint | None, given: Asking, context: SlaContext) -> Complaint:
    """The complaint as it is after what was asked. Raises `Rejected`."""
    if state is None or not cycles(state.moments):
        raise NotFound
    if given.version is not None and given.version != state.version:
        raise Changed
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
        raise Implausible("due_at", f"a time that is still to come, within ten years, such as {example.isoformat()}")


def _make(state: Complaint, given: MakePromise, context: SlaContext) -> Complaint:
    if given.subject == "outcome":
        raise IllegalMove("the date of the outcome is made by policy; revise it instead, with a reason")
    if given.subject == "next_update" and cycles(state.moments)[-1].ended_at is not None:
        raise IllegalMove("the complaint is closed; there is no next update to promise")
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
    if any(chain_key(one) == chain_key(promise) and one.due_at > context.now for one in state.promises):
        raise IllegalMove("there is such a promise already; revise it instead, with a reason")
    return state.but(promises=(*state.promises, promise))


def _current(state: Complaint, number: int) -> Promise:
    promise = next((one for one in state.promises if one.number == number), None)
    if promise is None:
        raise NotFound(f"there is no promise {number} here")
    return [one for one in state.promises if chain_key(one) == chain_key(promise)][-1]


def _revise(state: Complaint, given: RevisePromise, context: SlaContext) -> Complaint:
    current = _current(state, given.promise)
    if current.number != given.promise:
        raise IllegalMove(f"promise {given.promise} was moved already; revise {current.number}")
    if cycles(state.moments)[current.cycle - 1].ended_at is not None and current.subject != "action":
        raise IllegalMove("the complaint is closed; its dates no longer move")
    _ahead(given.due_at, context.now)
    due_at = moved_to(current, given.due_at, context.now, context.rulebook)
    if due_at is None:
        raise Implausible("due_at", f"a date later than what was promised, {current.due_at.isoformat()}")
    limit = limit_of(state, current, context.rulebook)
    if limit and due_at > limit.at and not given.approved:
        asked = Extension(
            asked_at=context.now,
            promise=current.number,
            cycle=current.cycle,
            expected_at=due_at,
            limit_at=limit.at,
            reason=given.reason,
        )
        return state.but(extensions=(*state.extensions, asked))
    return revise(state, current, due_at, context.now, given.reason, given.actor)


def _decide(state: Complaint, given: DecideExtension, context: SlaContext) -> Complaint:
    waiting = [n for n, one in enumerate(state.extensions) if one.promise == given.promise and one.approved is None]
    if not waiting:
        raise NotFound(f"no extension waits for approval for promise {given.promise}")
    place = waiting[-1]
    asked = state.extensions[place]
    decided = asked.but(approved=given.approve, by=given.actor)
    changed = state.but(extensions=(*state.extensions[:place], decided, *state.extensions[place + 1 :]))
    if not given.approve:
        return changed
    current = _current(state, given.promise)
    if asked.expected_at <= context.now:
        raise IllegalMove("the date that was asked for is over; ask for a new one")
    return revise(changed, current, asked.expected_at, context.now, asked.reason, given.actor)

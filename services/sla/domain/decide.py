"""The heart of sla: facts in, dates and warnings out. What is said is the difference between two ledgers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.sla.domain.apply import hear
from services.sla.domain.at_risk import endanger
from services.sla.domain.commands import MarkAtRisk, PromiseCommand, Recompute
from services.sla.domain.context import SlaContext
from services.sla.domain.diff import ChangeCause, asked_for, difference
from services.sla.domain.evaluation import PROMISES, Evaluation, evaluate, reached
from services.sla.domain.handle import ask
from services.sla.domain.promise_dates import settle_promises
from services.sla.domain.recompute import change_of
from services.sla.domain.state import SlaState
from services.sla.domain.terms import rebased, settle_terms
from services.sla.domain.ticking import Reached, reach
from shared.contracts.envelope import Event, Fact, NewEvent
from shared.runner.types import Decision, Input, Tick

Decided = Decision[SlaState, SlaContext]


def decide(state: SlaState | None, given: Input, context: SlaContext) -> Decided:
    """Fold one event, let time pass, or do what is asked. Absorbs what is late or repeated.

    Raises `Rejected` for a command that may not be, and for nothing else.
    """
    match given:
        case Event():
            return _heard(state, given, context)
        case Tick():
            return _ticked(state, context) if state else Decision(state)
        case Recompute():
            return _rebased(state, context) if state else Decision(state)
        case MarkAtRisk():
            return _settled(state, *endanger(state, given, context), context) if state else Decision(state)
        case PromiseCommand():
            return _settled(state, ask(state, given, context), (), context)
    return Decision(state)


def _heard(state: SlaState | None, event: Event[Any], context: SlaContext) -> Decided:
    known = state or SlaState(complaint_id=event.subject)
    heard = hear(known, event)
    if heard is known:
        return Decision(state)
    settled = settle_promises(settle_terms(heard, context.rulebook), context.rulebook)
    cause = ChangeCause("heard", late=_is_late(known, heard), event=str(event.id))
    return _decided(state, settled, context, cause)


def _is_late(before: SlaState, after: SlaState) -> bool:
    """Whether what was heard happened before something that was known already, or takes back what was known."""
    if not before.moments or len(after.moments) == len(before.moments):
        return False
    last = after.moments[-1]
    return last is before.moments[-1] or last.what == "returned"


def _ticked(state: SlaState, context: SlaContext) -> Decided:
    before = reached(state, context.rulebook, context.now)
    return _moved(before, reach(state, before, context.rulebook, context.now), context, ChangeCause("time"))


def _rebased(state: SlaState, context: SlaContext) -> Decided:
    """What is open goes on under what is current; rungs that now lie in the past are over, and said as one at most."""
    moved = rebased(state, context.now, context.rulebook)
    if moved is state:
        return Decision(state)
    by = context.rulebook.revisions[moved.terms[-1].terms.revision]
    cause = ChangeCause("published", actor=by.actor, reason=by.reason)
    change = change_of(state, moved, context.rulebook, context.now)
    looked = reach(change.complaint, change.after, context.rulebook, context.now)
    return _moved(change.before, looked, context, cause)


def _moved(before: Evaluation, looked: Reached, context: SlaContext, cause: ChangeCause) -> Decided:
    facts = (*looked.said, *difference(before, looked.book, context, cause))
    return Decision(noted(looked.state, looked.book), tuple(NewEvent(facts=fact) for fact in facts))


def _settled(state: SlaState | None, after: SlaState, said: Sequence[Fact], context: SlaContext) -> Decided:
    return _decided(state, after, context, ChangeCause("heard"), said)


def _decided(
    before: SlaState | None, after: SlaState, context: SlaContext, cause: ChangeCause, said: Sequence[Fact] = ()
) -> Decided:
    book = evaluate(after, context.rulebook)
    changes = difference(evaluate(before, context.rulebook), book, context, cause)
    facts = (*said, *changes, *asked_for(before, after))
    return Decision(noted(after, book), tuple(NewEvent(facts=fact) for fact in facts))


def noted(state: SlaState, book: Evaluation) -> SlaState:
    """The state with what follows from it, for those who ask over all complaints.

    Where the ledger is about a part, time has reached that part and changed nothing else.
    """
    ahead = book.beside(state.ahead)
    changes: dict[str, Any] = {"ahead": ahead, "due_at": ahead[0][1] if ahead else None}
    if book.only is None or PROMISES in book.only:
        changes |= {"promised_at": book.promised_at, "untold_since": book.untold_since}
    if book.only is None:
        due = book.tightest.due_at if book.tightest else None
        changes |= {"is_open": book.is_open, "tightest_at": due, "spent_seconds": book.spent_seconds}
    changes["last_due_at"] = _last_due(state, book)
    same = all(getattr(state, name) == value for name, value in changes.items())
    return state if same else state.replace(**changes)  # what changes nothing is not written


def _last_due(state: SlaState, book: Evaluation) -> datetime | None:
    """By a part it only grows: what is not here may be due later. Where it is not known, a part does not tell it."""
    here, known = book.last_due_at, state.last_due_at
    if book.only is None or known is None:
        return here if book.only is None else None
    return max(known, here) if here else known

"""Decisions of sla: facts in, due dates, warnings and breaches out.

A decision is one pipeline. Each stage is a function of the one before it:

    input        apply an event, handle a command, let time pass, or apply a publication
    terms        pin the terms that the new facts select (`pin_terms`)
    promises     make the dates that can be made now (`make_promises`)
    evaluation   history → clocks → promise statuses → notices (`evaluate`), for the state before and the state after
    diff         publish what differs between the two evaluations (`diff_evaluations`)
    summary      store the figures that are queried over all complaints (`summarize`)
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from services.sla.domain.apply import apply
from services.sla.domain.at_risk import mark_at_risk
from services.sla.domain.clocks import Clock, PendingStep
from services.sla.domain.commands import MarkAtRisk, PromiseCommand, Recompute
from services.sla.domain.context import SlaContext
from services.sla.domain.diff import ChangeCause, clock_fields, diff_evaluations, requested_extensions
from services.sla.domain.evaluation import PROMISES, Evaluation, evaluate
from services.sla.domain.handle import handle
from services.sla.domain.history import History, read_history
from services.sla.domain.incremental import calendar_change, evaluate_due, merged_ahead
from services.sla.domain.promise_dates import make_promises
from services.sla.domain.state import SlaState
from services.sla.domain.terms import apply_publications, pin_terms
from services.sla.policies import Rulebook
from shared.contracts.envelope import Event, Fact, NewEvent
from shared.contracts.events import ClockEscalated, ClockWarned
from shared.runner.types import Decision, Input, Tick

SlaDecision = Decision[SlaState, SlaContext]


def decide(state: SlaState | None, input_: Input, context: SlaContext) -> SlaDecision:
    """Apply an event, let time pass, or handle a command. A late or repeated event is absorbed.

    Raises `Rejected` for a command that is not allowed, and for nothing else.
    """
    match input_:
        case Event():
            return _on_event(state, input_, context)
        case PromiseCommand():
            return _decision(state, handle(state, input_, context), context, ChangeCause("heard"))
        case Tick() if state:
            return _on_tick(state, context)
        case Recompute() if state:
            return _on_publication(state, context)
        case MarkAtRisk() if state:
            after, facts = mark_at_risk(state, input_, context)
            return _decision(state, after, context, ChangeCause("heard"), facts)
    return Decision(state)


def _on_event(state: SlaState | None, event: Event[Any], context: SlaContext) -> SlaDecision:
    before = state or SlaState(complaint_id=event.subject)
    applied = apply(before, event)
    if applied is before:
        return Decision(state)
    after = make_promises(pin_terms(applied, context.rulebook), context.rulebook)
    cause = ChangeCause("heard", late=_is_late(before, applied), event=str(event.id))
    return _decision(state, after, context, cause)


def _is_late(before: SlaState, after: SlaState) -> bool:
    """Return True if the new entry happened before the last one already stored, or takes a message back."""
    if not before.moments or len(after.moments) == len(before.moments):
        return False
    last = after.moments[-1]
    return last is before.moments[-1] or last.what == "returned"


def _decision(
    before: SlaState | None, after: SlaState, context: SlaContext, cause: ChangeCause, facts: Iterable[Fact] = ()
) -> SlaDecision:
    earlier = evaluate(before, context.rulebook, with_notices=False)
    evaluation = evaluate(after, context.rulebook, reuse=earlier.history)
    changes = diff_evaluations(earlier, evaluation, context, cause)
    return _published(summarize(after, evaluation), (*facts, *changes, *requested_extensions(before, after)))


def _published(state: SlaState, facts: Iterable[Fact]) -> SlaDecision:
    return Decision(state, tuple(NewEvent(facts=fact) for fact in facts))


def _on_tick(state: SlaState, context: SlaContext) -> SlaDecision:
    before = evaluate_due(state, context.rulebook, context.now)
    advanced = advance(state, context.rulebook, context.now, before.only, before.history)
    changes = diff_evaluations(before, advanced.evaluation, context, ChangeCause("time"))
    return _published(summarize(advanced.state, advanced.evaluation), (*advanced.facts, *changes))


def _on_publication(state: SlaState, context: SlaContext) -> SlaDecision:
    """Recompute an open complaint under the current revision. Steps that now lie in the past fire as one at most.

    If only calendars changed, clocks with the same hours until they are due keep their due times and are not derived.
    """
    rulebook = context.rulebook
    moved = apply_publications(state, context.now, rulebook)
    if moved is state:
        return Decision(state)
    by = rulebook.revisions[moved.terms[-1].terms.revision]
    history = read_history(state.moments)
    change = calendar_change(state, moved, history, rulebook, context.now)
    only = change.names if change else None
    before = evaluate(state, rulebook, only, reuse=history, with_notices=False)
    advanced = advance(moved, rulebook, context.now, only, history)
    after, evaluation = advanced.state, advanced.evaluation
    if change:
        after = after.replace(tightest_at=change.tightest_at(evaluation))
    cause = ChangeCause("published", actor=by.actor, reason=by.reason)
    changes = diff_evaluations(before, evaluation, context, cause)
    return _published(summarize(after, evaluation), (*advanced.facts, *changes))


class AdvancedState(NamedTuple):
    """State after time has passed, its evaluation, and the steps and notices that fired."""

    state: SlaState
    evaluation: Evaluation
    facts: tuple[Fact, ...] = ()


def advance(
    state: SlaState,
    rulebook: Rulebook,
    now: datetime,
    only: frozenset[str] | None = None,
    reuse: History | None = None,
) -> AdvancedState:
    """Let time pass up to `now`: every step and notice that is due fires once. For `only` and `reuse` see `evaluate`.

    Of the steps that one clock missed together only the last fires; of a clock that is due only the breach.
    """
    reached = state.replace(reached_at=max(now, state.reached_at or now))
    evaluation = evaluate(reached, rulebook, only, reuse=reuse)
    due = [(clock, steps) for clock in evaluation.clocks if (steps := [step for step in clock.steps if step.at <= now])]
    notices = [notice for notice in evaluation.notices if notice.at <= now]
    if not due and not notices:
        return AdvancedState(reached, evaluation)
    marks = {f"{clock.key}:{step.name}" for clock, steps in due for step in steps}
    marks.update(notice.mark for notice in notices)
    facts = (
        *(fact for clock, steps in due for fact in _fired(clock, steps[-1], now)),
        *(each.fact for each in notices),
    )
    after = reached.replace(fired=tuple(sorted({*state.fired, *marks})))
    return AdvancedState(after, evaluation.without_fired(now), facts)


def _fired(clock: Clock, step: PendingStep, now: datetime) -> Iterator[Fact]:
    if clock.due_at is None:
        return
    if step.after:
        yield ClockEscalated(**clock_fields(clock), rung=step.name, to=step.to, late_by=now - clock.due_at)
    else:
        yield ClockWarned(**clock_fields(clock), rung=step.name, to=step.to)


def summarize(state: SlaState, evaluation: Evaluation) -> SlaState:
    """Return the state with the figures that are queried over all complaints; the same object if none changed.

    A partial evaluation updates the figures that it covers; time has changed nothing else.
    """
    only = evaluation.only
    ahead = evaluation.ahead if only is None else merged_ahead(state, evaluation, only)
    changes: dict[str, Any] = {"ahead": ahead, "due_at": ahead[0][1] if ahead else None}
    if only is None or PROMISES in only:
        changes |= {"promised_at": evaluation.promised_at, "untold_since": evaluation.untold_since}
    if only is None:
        tightest = evaluation.tightest.due_at if evaluation.tightest else None
        changes |= {"is_open": evaluation.is_open, "tightest_at": tightest, "spent_seconds": evaluation.spent_seconds}
    changes["last_due_at"] = _last_due_at(state, evaluation)
    same = all(getattr(state, name) == value for name, value in changes.items())
    return state if same else state.replace(**changes)


def _last_due_at(state: SlaState, evaluation: Evaluation) -> datetime | None:
    """Return the latest due time; a partial evaluation can only raise it, and cannot replace an unknown one."""
    here, stored = evaluation.last_due_at, state.last_due_at
    if evaluation.only is None or stored is None:
        return here if evaluation.only is None else None
    return max(stored, here) if here else stored

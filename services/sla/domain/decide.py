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
from datetime import timedelta
from typing import Any

from services.sla.domain.apply import apply, apply_publications, pin_terms
from services.sla.domain.clocks import Clock
from services.sla.domain.commands import MarkAtRisk, PromiseCommand, Recompute
from services.sla.domain.context import ChangeCause, SlaContext
from services.sla.domain.evaluation import Evaluation, evaluate, summarize
from services.sla.domain.handle import handle, mark_at_risk
from services.sla.domain.history import read_history
from services.sla.domain.incremental import calendar_change, evaluate_due, fire, reach
from services.sla.domain.promise_dates import make_promises
from services.sla.domain.promise_status import PromiseStatus, chain_key, promise_fields
from services.sla.domain.state import Promise, SlaState
from shared.contracts import events
from shared.contracts.envelope import Event, Fact, NewEvent
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
            return _decision(state, handle(state, input_, context), context, ChangeCause("input"))
        case Tick() if state:
            return _on_tick(state, context)
        case Recompute() if state:
            return _on_publication(state, context)
        case MarkAtRisk() if state:
            after, facts = mark_at_risk(state, input_, context)
            return _decision(state, after, context, ChangeCause("input"), facts)
    return Decision(state)


def _on_event(state: SlaState | None, event: Event[Any], context: SlaContext) -> SlaDecision:
    before = state or SlaState(complaint_id=event.subject)
    applied = apply(before, event)
    if applied is before:
        return Decision(state)
    after = make_promises(pin_terms(applied, context.rulebook), context.rulebook)
    cause = ChangeCause("input", late=_is_late(before, applied), event=str(event.id))
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
    requests = after.extensions[len(before.extensions) if before else 0 :]
    extensions = (events.ExtensionRequested.model_validate(request, from_attributes=True) for request in requests)
    return _published(summarize(after, evaluation), (*facts, *changes, *extensions))


def _published(state: SlaState, facts: Iterable[Fact]) -> SlaDecision:
    return Decision(state, tuple(NewEvent(facts=fact) for fact in facts))


def _on_tick(state: SlaState, context: SlaContext) -> SlaDecision:
    before = evaluate_due(state, context.rulebook, context.now)
    reached = reach(state, context.now)
    after = evaluate(reached, context.rulebook, before.only, reuse=before.history)
    return _fire(reached, before, after, context, ChangeCause("time"))


def _fire(
    state: SlaState, before: Evaluation, after: Evaluation, context: SlaContext, cause: ChangeCause
) -> SlaDecision:
    fired, left, facts = fire(state, after, context.now)
    return _published(summarize(fired, left), (*facts, *diff_evaluations(before, left, context, cause)))


def _on_publication(state: SlaState, context: SlaContext) -> SlaDecision:
    """Recompute an open complaint under the current revision. If several steps are past, only the last is published.

    If only calendars changed, clocks with the same hours until they are due keep their due times and are not derived.
    """
    rulebook = context.rulebook
    moved = apply_publications(state, context.now, rulebook)
    if moved is state:
        return Decision(state)
    moved, history = reach(moved, context.now), read_history(state.moments)
    change = calendar_change(state, moved, history, rulebook, context.now)
    if change is None:
        before = evaluate(state, rulebook, reuse=history, with_notices=False)
        after = evaluate(moved, rulebook, reuse=history)
    else:
        moved = moved.replace(tightest_at=change.tightest_at)
        before = evaluate(state, rulebook, change.names, reuse=history, derived=change.before, with_notices=False)
        after = evaluate(moved, rulebook, change.names, reuse=history, derived=change.after)
    by = rulebook.revisions[moved.terms[-1].terms.revision]
    cause = ChangeCause("published", actor=by.actor, reason=by.reason)
    return _fire(moved, before, after, context, cause)


def diff_evaluations(before: Evaluation, after: Evaluation, context: SlaContext, cause: ChangeCause) -> Iterator[Fact]:
    """Yield the facts that lead from one evaluation to the other: clocks first, then promises."""
    earlier = {clock.key: clock for clock in before.clocks}
    for clock in after.clocks:
        was = earlier.get(clock.key)
        if was is not None and was.breached and not clock.breached:
            yield from _voided(was, cause)
        if clock.due_at is not None:
            yield from _diff_clock(was, clock, context, cause)
    left = {clock.key for clock in after.clocks}
    for was in before.clocks:
        if was.breached and was.key not in left:
            yield from _voided(was, cause, "superseded")
    older: dict[int, Promise] = {}
    earlier_statuses = {status.promise.number: status for status in before.promise_statuses}
    for status in after.promise_statuses:
        promise = status.promise
        yield from _diff_promise(earlier_statuses.get(promise.number), status, older.get(chain_key(promise)), context)
        older[chain_key(promise)] = promise


def _diff_clock(was: Clock | None, clock: Clock, context: SlaContext, cause: ChangeCause) -> Iterator[Fact]:
    assert clock.due_at is not None  # noqa: S101  # the caller checked it
    if was is not None and was.due_at is not None:
        if was.due_at != clock.due_at:
            yield from _moved(was, clock, cause)
        elif cause.late and was.phase == "stopped" and clock.is_open:  # the message that had stopped it was returned
            yield events.ClockCorrected(**clock.event_fields, old_due_at=was.due_at, cause_event=cause.event)
    if clock.breached and not (was and was.breached) and not clock.is_optional:
        late_by = max(context.now - clock.due_at, timedelta())
        yield events.ClockBreached(**clock.event_fields, late_by=late_by, cause=context.cause(clock.due_at))
    old_stop = (was.ended_at, was.breached) if was and was.phase == "stopped" else None
    if clock.phase == "stopped" and clock.ended_at and old_stop != (clock.ended_at, clock.breached):
        yield events.ClockStopped(**clock.event_fields, stopped_at=clock.ended_at, met=not clock.breached)


def _voided(was: Clock, cause: ChangeCause, reason: str = "late_fact") -> Iterator[Fact]:
    """Yield the withdrawal of a breach that was published; reports still show both."""
    if not was.is_optional:
        reason = cause.reason if cause.why == "published" else reason
        yield events.ClockBreachVoided(**was.event_fields, reason=reason, cause_event=cause.event)


def _moved(was: Clock, clock: Clock, cause: ChangeCause) -> Iterator[Fact]:
    """Yield the event about a new due time: by a publication, a late fact or other terms, not by the end of a pause.

    Before triage has decided, dates are provisional and their changes are not published, unless the clock has stopped.
    """
    assert was.due_at is not None  # noqa: S101  # the caller checked it
    if cause.why == "published" and was.applied != clock.applied:
        yield events.ClockRebased(
            **clock.event_fields,
            old_due_at=was.due_at,
            from_version=_version(was),
            to_version=_version(clock),
            reason=cause.reason,
            actor=cause.actor,
        )
    elif cause.late or (was.applied.terms != clock.applied.terms and (not was.provisional or was.phase == "stopped")):
        yield events.ClockCorrected(**clock.event_fields, old_due_at=was.due_at, cause_event=cause.event)


def _version(clock: Clock) -> str:
    calendar = clock.spec.compiled.calendar
    source = clock.spec.source
    return f"{source.id} {source.version}, {calendar.id} {calendar.version}, revision {clock.applied.terms.revision}"


def _diff_promise(
    was: PromiseStatus | None, status: PromiseStatus, older: Promise | None, context: SlaContext
) -> Iterator[Fact]:
    promise, fields = status.promise, promise_fields(status.promise)
    if was is None and not (status.is_over and status.told_at is None):  # over before the customer was told
        if older and promise.reason:
            yield events.PromiseRevised(**fields, old_due_at=older.due_at, due_at=promise.due_at, reason=promise.reason)
        else:
            yield _made(promise, context)
    if status.status == "broken" and not (was and was.status == "broken"):
        yield events.PromiseBroken(**fields, due_at=promise.due_at, cause=context.cause(promise.due_at))
    if status.status == "kept" and status.is_last and not (was and was.status == "kept" and was.is_last):
        yield events.PromiseKept(**fields, first=status.outcome == "kept_first")


def _made(promise: Promise, context: SlaContext) -> events.PromiseMade:
    terms, calendar = promise.terms, context.rulebook.promise_calendar(promise.terms).calendar
    return events.PromiseMade(
        **promise_fields(promise),
        due_at=promise.due_at,
        policy=terms.policy,
        policy_version=terms.policy_version,
        calendar=calendar.id,
        calendar_version=calendar.version,
        cycle=promise.cycle,
    )

"""Difference between two evaluations, as the events to publish about clocks and promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.clocks import Clock
from services.sla.domain.context import SlaContext
from services.sla.domain.evaluation import Evaluation
from services.sla.domain.promise_status import PromiseStatus, chain_key
from services.sla.domain.state import Promise, SlaState
from shared.contracts.envelope import Fact
from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockCorrected,
    ClockRebased,
    ClockStopped,
    ExtensionRequested,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """Cause of a change: an event or command (`late`: later entries were stored already), time, or a publication."""

    why: Literal["heard", "time", "published"] = "time"
    late: bool = False
    event: str | None = None
    actor: str = ""
    reason: str = ""


def clock_fields(clock: Clock) -> dict[str, Any]:
    """Return the fields that every event about a clock has."""
    return {
        "clock": clock.kind,
        "cycle": clock.cycle,
        "pack": clock.spec.pack,
        "item": clock.item,
        "obligation": clock.obligation,
        "due_at": clock.due_at,
    }


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
            yield ClockCorrected(**clock_fields(clock), old_due_at=was.due_at, cause_event=cause.event)
    if clock.breached and not (was and was.breached) and not CLOCK_TYPES[clock.kind].optional:
        late_by = max(context.now - clock.due_at, timedelta())
        yield ClockBreached(**clock_fields(clock), late_by=late_by, cause=context.cause(clock.due_at))
    if clock.phase == "stopped" and clock.ended_at and _is_new_stop(was, clock):
        yield ClockStopped(**clock_fields(clock), stopped_at=clock.ended_at, met=not clock.breached)


def _voided(was: Clock, cause: ChangeCause, reason: str = "late_fact") -> Iterator[Fact]:
    """Yield the withdrawal of a breach that was published; reports still show both."""
    if not CLOCK_TYPES[was.kind].optional:
        reason = cause.reason if cause.why == "published" else reason
        yield ClockBreachVoided(**clock_fields(was), reason=reason, cause_event=cause.event)


def _is_new_stop(was: Clock | None, clock: Clock) -> bool:
    return was is None or was.phase != "stopped" or (was.ended_at, was.breached) != (clock.ended_at, clock.breached)


def _moved(was: Clock, clock: Clock, cause: ChangeCause) -> Iterator[Fact]:
    """Yield the event about a new due time: by a publication, a late fact or other terms, not by the end of a pause.

    Before triage has decided, dates are provisional and their changes are not published, unless the clock has stopped.
    """
    assert was.due_at is not None  # noqa: S101  # the caller checked it
    if cause.why == "published" and was.applied != clock.applied:
        yield ClockRebased(
            **clock_fields(clock),
            old_due_at=was.due_at,
            from_version=_version(was),
            to_version=_version(clock),
            reason=cause.reason,
            actor=cause.actor,
        )
    elif cause.late or (was.applied.terms != clock.applied.terms and (not was.provisional or was.phase == "stopped")):
        yield ClockCorrected(**clock_fields(clock), old_due_at=was.due_at, cause_event=cause.event)


def _version(clock: Clock) -> str:
    calendar = clock.spec.compiled.calendar
    source = clock.spec.source
    return f"{source.id} {source.version}, {calendar.id} {calendar.version}, revision {clock.applied.terms.revision}"


def _diff_promise(
    was: PromiseStatus | None, status: PromiseStatus, older: Promise | None, context: SlaContext
) -> Iterator[Fact]:
    promise = status.promise
    if was is None and not (status.is_over and status.told_at is None):  # over before the customer was told
        yield _revised(promise, older) if older and promise.reason else _made(promise, context)
    number, subject = promise.number, promise.subject
    if status.status == "broken" and not (was and was.status == "broken"):
        cause = context.cause(promise.due_at)
        yield PromiseBroken(promise=number, due_at=promise.due_at, subject=subject, item=promise.item, cause=cause)
    if status.status == "kept" and status.is_last and not (was and was.status == "kept" and was.is_last):
        yield PromiseKept(promise=number, first=status.first, subject=subject, item=promise.item)


def _made(promise: Promise, context: SlaContext) -> PromiseMade:
    terms = promise.terms
    calendar = context.rulebook.promise_calendar(terms).calendar
    return PromiseMade(
        promise=promise.number,
        due_at=promise.due_at,
        policy=terms.policy,
        policy_version=terms.policy_version,
        calendar=calendar.id,
        calendar_version=calendar.version,
        subject=promise.subject,
        item=promise.item,
        cycle=promise.cycle,
    )


def _revised(promise: Promise, older: Promise) -> PromiseRevised:
    return PromiseRevised(
        promise=promise.number,
        old_due_at=older.due_at,
        due_at=promise.due_at,
        reason=promise.reason or "",
        subject=promise.subject,
        item=promise.item,
    )


def requested_extensions(before: SlaState | None, after: SlaState) -> Iterator[Fact]:
    """Yield the extensions that were requested by this decision."""
    for request in after.extensions[len(before.extensions) if before else 0 :]:
        yield ExtensionRequested(
            promise=request.promise,
            asked_at=request.asked_at,
            expected_at=request.expected_at,
            limit_at=request.limit_at,
            reason=request.reason,
        )

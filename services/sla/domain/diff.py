"""What has to be said about the way from one ledger to the next. Nothing else speaks of clocks and promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from services.sla.domain.clock_types import KINDS
from services.sla.domain.clocks import Clock
from services.sla.domain.context import SlaContext
from services.sla.domain.evaluation import Evaluation
from services.sla.domain.promise_status import PromiseStatus, chain_key
from services.sla.domain.state import ExtensionRequest, Promise, SlaState
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
    """Why the ledger changed: an event was heard (`late` where later ones were known), time, or a publication."""

    why: Literal["heard", "time", "published"] = "time"
    late: bool = False
    event: str | None = None
    actor: str = ""
    reason: str = ""


def named(clock: Clock) -> dict[str, Any]:
    """The fields that every event about a clock has."""
    return {
        "clock": clock.kind,
        "cycle": clock.cycle,
        "pack": clock.charge.pack,
        "item": clock.item,
        "obligation": clock.obligation,
        "due_at": clock.due_at,
    }


def difference(before: Evaluation, after: Evaluation, context: SlaContext, cause: ChangeCause) -> Iterator[Fact]:
    """Everything that is different and that somebody has to hear."""
    known = {clock.key: clock for clock in before.clocks}
    for clock in after.clocks:
        was = known.get(clock.key)
        if was is clock:
            continue
        if was is not None and was.breached and not clock.breached:
            yield from _voided(was, cause)
        if clock.due_at is not None:
            yield from _of_clock(was, clock, context, cause)
    left = {clock.key for clock in after.clocks}
    for was in before.clocks:
        if was.breached and was.key not in left:
            yield from _voided(was, cause, "superseded")
    older: dict[int, Promise] = {}
    pledged = {pledge.promise.number: pledge for pledge in before.promise_statuses}
    for pledge in after.promise_statuses:
        promise = pledge.promise
        yield from _of_pledge(pledged.get(promise.number), pledge, older.get(chain_key(promise)), context)
        older[chain_key(promise)] = promise


def _of_clock(was: Clock | None, clock: Clock, context: SlaContext, cause: ChangeCause) -> Iterator[Fact]:
    assert clock.due_at is not None  # noqa: S101  # the caller looked
    if was is not None and was.due_at is not None:
        if was.due_at != clock.due_at:
            yield from _moved(was, clock, cause)
        elif cause.late and was.phase == "stopped" and clock.is_open:  # what had stopped it was taken back
            yield ClockCorrected(**named(clock), old_due_at=was.due_at, cause_event=cause.event)
    if clock.breached and not (was and was.breached) and not KINDS[clock.kind].chance:
        late_by = max(context.now - clock.due_at, timedelta())
        yield ClockBreached(**named(clock), late_by=late_by, cause=context.cause(clock.due_at))
    if clock.phase == "stopped" and clock.ended_at and _stopped_anew(was, clock):
        yield ClockStopped(**named(clock), stopped_at=clock.ended_at, met=not clock.breached)


def _voided(was: Clock, cause: ChangeCause, reason: str = "late_fact") -> Iterator[Fact]:
    """A breach that was said is taken back, whatever took it away: it stays visible in reports."""
    if not KINDS[was.kind].chance:
        reason = cause.reason if cause.why == "published" else reason
        yield ClockBreachVoided(**named(was), reason=reason, cause_event=cause.event)


def _stopped_anew(was: Clock | None, clock: Clock) -> bool:
    return was is None or was.phase != "stopped" or (was.ended_at, was.breached) != (clock.ended_at, clock.breached)


def _moved(was: Clock, clock: Clock, cause: ChangeCause) -> Iterator[Fact]:
    """Another due time: by a publication, by a late fact, by other terms. A pause that ends is none of these.

    Before triage has spoken nobody has relied on a date, unless the clock stopped by it.
    """
    assert was.due_at is not None  # noqa: S101  # the caller looked
    if cause.why == "published" and was.under != clock.under:
        yield ClockRebased(
            **named(clock),
            old_due_at=was.due_at,
            from_version=_version(was),
            to_version=_version(clock),
            reason=cause.reason,
            actor=cause.actor,
        )
    elif cause.late or (was.under.terms != clock.under.terms and (not was.provisional or was.phase == "stopped")):
        yield ClockCorrected(**named(clock), old_due_at=was.due_at, cause_event=cause.event)


def _version(clock: Clock) -> str:
    calendar = clock.charge.compiled.calendar
    source = clock.charge.source
    return f"{source.id} {source.version}, {calendar.id} {calendar.version}, revision {clock.under.terms.revision}"


def _of_pledge(
    was: PromiseStatus | None, pledge: PromiseStatus, older: Promise | None, context: SlaContext
) -> Iterator[Fact]:
    promise = pledge.promise
    over = pledge.is_over
    if was is None and not (over and pledge.told_at is None):  # over before it was told: nobody was promised anything
        yield _revised(promise, older) if older and promise.reason else _made(promise, context)
    number, subject = promise.number, promise.subject
    if pledge.status == "broken" and not (was and was.status == "broken"):
        cause = context.cause(promise.due_at)
        yield PromiseBroken(promise=number, due_at=promise.due_at, subject=subject, item=promise.item, cause=cause)
    if pledge.status == "kept" and pledge.is_last and not (was and was.status == "kept" and was.is_last):
        yield PromiseKept(promise=number, first=pledge.first, subject=subject, item=promise.item)


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


def asked_for(before: SlaState | None, after: SlaState) -> Iterator[Fact]:
    """Extensions that were asked for just now."""
    known = len(before.extensions) if before else 0
    for one in after.extensions[known:]:
        yield _requested(one)


def _requested(one: ExtensionRequest) -> ExtensionRequested:
    return ExtensionRequested(
        promise=one.promise,
        asked_at=one.asked_at,
        expected_at=one.expected_at,
        limit_at=one.limit_at,
        reason=one.reason,
    )

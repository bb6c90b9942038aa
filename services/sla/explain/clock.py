"""Explanations of clocks in plain sentences, for handlers and for customers.

Customers see promises and what a regulator's rule gives them, no internal targets. Sentences are English; texts in
other languages belong to notify, and services depend on each other through contracts only.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.sla.calendar import Calendar
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.clocks import Clock
from services.sla.explain import counting
from services.sla.explain.format import (
    ExplainContext,
    Reader,
    calendar_name,
    cancellation_reason,
    format_seconds,
    format_time,
    select_zone,
)
from services.sla.explain.promise import explain_promise
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from services.sla.policies.goal import format_duration
from services.sla.policies.pack import Pack

__all__ = ["ExplainContext", "Reader", "explain_clock", "explain_promise"]
PASSED = "This optional limit has ended; this is not a breach."


def explain_clock(
    clock: Clock, rulebook: Rulebook, reader: Reader = "handler", context: ExplainContext | None = None
) -> str:
    """Return the sentences about a clock: goal, policy and calendar by version, pauses and holidays."""
    calendar = clock.spec.compiled.calendar
    zone = select_zone(reader, calendar, context)
    if reader == "customer":
        return " ".join(_for_customers(clock, zone, context))
    parts = (_rule(clock, calendar), _publication(clock, rulebook), _counted(clock, context), _state(clock, context))
    return " ".join(sentence for part in parts for sentence in part)


def _rule(clock: Clock, calendar: Calendar) -> Iterator[str]:
    goal, source, zone = clock.goal, clock.spec.source, calendar.zone
    where = "" if goal.unit in ("wall", "at") else f" on the calendar {calendar_name(calendar)}"
    counted = "counted day and night" if goal.unit == "wall" else "counted"
    rule = (
        f"the rules of {source.name} ({source.id} version {source.version}) apply"
        if isinstance(source, Pack)
        else f"policy '{source.id}' version {source.version} applies"
    )
    yield (
        f"{CLOCK_TYPES[clock.kind].label}{_about(clock)} "
        f"is due within {goal.text}{where}, "
        f"{counted} from {format_time(clock.started_at, zone)}{counting.restart_phrase(clock)}, because {rule}."
        + (" This is provisional until triage has decided." if clock.provisional else "")
    )
    if isinstance(source, Pack):
        cited = source.source_of(clock.kind)
        yield f"Source: {cited.title}{', ' + cited.paragraph if cited.paragraph else ''}."
    if clock.applied.why == "triage" and clock.cycle == 1:
        yield f"These rules have applied since the triage on {format_time(clock.applied.at, zone)}."


def _about(clock: Clock) -> str:
    return f" ({clock.item})" if clock.item else ""


def _publication(clock: Clock, rulebook: Rulebook) -> Iterator[str]:
    applied = clock.applied
    revision = rulebook.revisions.get(applied.terms.revision)
    if applied.why == "rebase" and revision is not None:
        rest = applied.mode == "rebase_remaining"
        kept = (
            f"what was left of it{counting.used_time_phrase(clock)}" if rest else "everything that had counted before"
        )
        reason = f", because of '{revision.reason}'" if revision.reason else ""
        at = format_time(applied.at, clock.spec.compiled.calendar.zone)
        yield f"Revision {revision.number} of the rulebook moved it {at}{reason}, keeping {kept}."


def _counted(clock: Clock, context: ExplainContext | None) -> Iterator[str]:
    zone = clock.spec.compiled.calendar.zone
    yield from counting.explain_pauses(clock, zone, context)
    yield from counting.explain_hours(clock, zone, clock.due_at or (clock.forecast(context.at) if context else None))
    if clock.phase == "paused":
        yield from counting.explain_wait(clock, zone, context)
    elif clock.due_at is not None:
        yield f"So it {'was' if clock.ended_at else 'is'} due {format_time(clock.due_at, zone)}."


def _state(clock: Clock, context: ExplainContext | None) -> Iterator[str]:
    if _is_opportunity_over(clock):
        yield PASSED
        return
    if clock.breached and clock.due_at is not None and clock.ended_at is not None:
        late = format_duration(clock.ended_at - clock.due_at)
        opening = format_seconds(clock.course.compiled.elapsed(seconds(clock.due_at), seconds(clock.ended_at)))
        yield f"It was missed by {late} ({opening} of opening time)."
    elif clock.breached:
        yield "It was missed."
    if clock.phase == "cancelled":
        yield cancellation_reason(context, clock.ended_at)


def _is_opportunity_over(clock: Clock) -> bool:
    """Return True if an optional clock ended at its due time, before anything else ended it."""
    if not clock.is_optional or clock.due_at is None:
        return False
    ended_late = clock.ended_at is not None and clock.ended_at >= clock.due_at
    return clock.breached or (clock.phase == "cancelled" and ended_late)


def _for_customers(clock: Clock, zone: ZoneInfo, context: ExplainContext | None) -> Iterator[str]:
    if clock.obligation != "regulatory" or clock.due_at is None:
        return
    what = f"{CLOCK_TYPES[clock.kind].label.lower()}{_about(clock)}"
    yield (
        f"Under the rules that apply to us ({clock.spec.source.name}), {what} "
        f"{'was' if clock.ended_at else 'is'} due by {format_time(clock.due_at, zone)}: {clock.goal.text} from "
        f"{format_time(clock.started_at, zone)}, {counting.start_phrase(clock)}."
    )
    yield from counting.explain_hours(clock, zone, clock.due_at)
    if _is_opportunity_over(clock):
        yield PASSED
    elif clock.breached:
        yield "We missed it."
    elif clock.phase == "cancelled":
        yield cancellation_reason(context, clock.ended_at)
    elif clock.phase == "stopped" and clock.ended_at is not None:
        yield f"It was done on {format_time(clock.ended_at, zone)}."

"""Sentences about the day and the hours from which a clock counts: enough to compute the same date by hand."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from services.sla.calendar.days import count_business_days, is_open_date
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.clocks import Clock
from services.sla.explain.format import ExplainContext, format_day, format_seconds, format_time, list_holidays
from services.sla.policies.deadlines import instant_of, seconds
from services.sla.policies.rule import Wait

DAYS = ("business_days", "calendar_days", "calendar_weeks", "calendar_months")
WHO: dict[Wait | None, str] = {"customer": "the customer", "third_party": "a third party", None: "somebody else"}
SINCE = {
    "received": "when your complaint reached us",
    "acknowledged": "when we acknowledged it",
    "assigned": "when somebody took it on",
    "customer_wrote": "when you wrote to us",
    "stage2_requested": "when you asked for the second stage",
    "action_agreed": "when it was agreed",
    "handed_over": "when it was handed over",
    "ombudsman_asked": "when the ombudsman asked us",
}
LAST_MESSAGE, REOPENED = "when you last heard from us", "when the complaint was opened again"
RESTARTS = {LAST_MESSAGE: ", when the customer last heard from us", REOPENED: f", {REOPENED}"}


def start_phrase(clock: Clock) -> str:
    """Return what this cycle of the clock began with, as told to a customer."""
    rule, kind = clock.spec.rule, CLOCK_TYPES[clock.kind]
    if kind.restarts and (clock.cycle > 1 or not rule.start):
        return LAST_MESSAGE
    if clock.cycle > 1 and (rule.reopen or kind.reopen) == "new_cycle":
        return REOPENED
    return SINCE.get(rule.start or min(kind.starts), "when this began")


def restart_phrase(clock: Clock) -> str:
    """Return the same for a handler, empty unless the clock was restarted."""
    return RESTARTS.get(start_phrase(clock), "")


def explain_hours(clock: Clock, zone: ZoneInfo, until: datetime | None) -> Iterator[str]:
    """Explain a start outside business hours, and list the holidays up to the end."""
    compiled, start = clock.course.compiled, clock.course.start
    if clock.goal.unit == "business_days":
        yield from _day_zero(clock, zone)
    elif clock.goal.unit == "business" and not compiled.is_open(start):
        opening = format_time(instant_of(compiled.next_open(start)), zone)
        yield f"That is outside opening hours, so time counts from {opening}."
    if clock.goal.unit in ("business", "business_days") and until is not None:
        yield from list_holidays(compiled.calendar, clock.started_at, until)


def _day_zero(clock: Clock, zone: ZoneInfo) -> Iterator[str]:
    """Explain which date is day 0, if it is not the date the clock is counted from."""
    goal, compiled, calendar = clock.goal, clock.course.compiled, clock.course.compiled.calendar
    local = instant_of(clock.course.start).astimezone(calendar.zone)
    counted = count_business_days(compiled, clock.course.start, 1, cutoff=goal.cutoff, day_zero=goal.day_zero)
    today, zero = format_day(local), format_day(counted.day_zero)
    as_of = "it counts as received on" if start_phrase(clock) == SINCE["received"] else "it counts from"
    where = "" if zone.key == calendar.tz else f" ({calendar.tz})"
    if goal.cutoff is not None and local.time() >= goal.cutoff:
        side = "after" if local.time() > goal.cutoff else "at"
        yield f"That is {side} {goal.cutoff:%H:%M}{where}, so {as_of} {zero}."
    elif counted.day_zero != local.date():
        yield f"{today}{where} is closed, so {as_of} {zero}."
    elif goal.day_zero == "receipt":
        closed = "" if is_open_date(compiled, local.date()) else ", though it is closed"
        yield f"{today}{where} is day 0{closed}; the first business day that counts is {format_day(counted.dates[0])}."


def explain_pauses(clock: Clock, zone: ZoneInfo, context: ExplainContext | None) -> Iterator[str]:
    """Explain every pause that moved the due time."""
    counts = "whole days of that do not count" if clock.goal.unit in DAYS else "that time does not count"
    for begun, over in clock.pauses:
        span = f"from {format_time(instant_of(begun), zone)} to {format_time(instant_of(over), zone)}"
        who = _awaited(clock, begun, context)
        closed = who is None and context is not None
        reason = "the complaint was closed" if closed else f"{WHO[who]} was awaited"
        yield f"It was paused {span}, while {reason}; {counts}."


def _awaited(clock: Clock, begun: int, context: ExplainContext | None) -> Wait | None:
    """Return the party awaited in a pause, None without one. Pauses are whole seconds, entries are not."""
    if context is not None:
        at = next((at for at, _ in clock.waits if seconds(at) == begun), instant_of(begun))
        return context.awaited(at)
    waits = CLOCK_TYPES[clock.kind].pauses if clock.spec.rule.pauses is None else clock.spec.rule.pauses
    return next(iter(waits)) if len(waits) == 1 else None


def explain_wait(clock: Clock, zone: ZoneInfo, context: ExplainContext | None) -> Iterator[str]:
    """Explain an open pause: since when, for whom, and the due time if it ended now."""
    begun = next((at for at, over in clock.waits if over is None), clock.started_at)
    who = WHO[_awaited(clock, seconds(begun), context)]
    yield f"It has been paused since {format_time(begun, zone)}, while {who} is awaited."
    if context is not None and (forecast := clock.forecast(context.at)) is not None:
        yield f"If it resumed now, it would be due {format_time(forecast, zone)}."


def used_time_phrase(clock: Clock) -> str:
    """Return how much of the goal was used when a publication continued with the rest."""
    return f" ({format_seconds(clock.course.spent)} had been used)" if clock.course.spent else ""

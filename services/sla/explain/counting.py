"""From which day and on which hours a clock counts, in sentences: what a reader needs to come to the same date."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from services.sla.calendar.days import count_business_days, is_open_date
from services.sla.domain.clock_types import KINDS
from services.sla.domain.clocks import Clock
from services.sla.explain.format import Look, closures, spoken, spoken_day, spoken_seconds
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


HEARD, REOPENED = "when you last heard from us", "when the complaint was opened again"
ANEW = {HEARD: ", when the customer last heard from us", REOPENED: f", {REOPENED}"}


def since(clock: Clock) -> str:
    """What this cycle of it began with, to the customer."""
    rule, kind = clock.charge.rule, KINDS[clock.kind]
    if kind.again and (clock.cycle > 1 or not rule.start):
        return HEARD
    if clock.cycle > 1 and (rule.reopen or kind.reopen) == "new_cycle":
        return REOPENED
    return SINCE.get(rule.start or min(kind.starts), "when this began")


def anew(clock: Clock) -> str:
    """The same for a handler, where it is not plain from the clock."""
    return ANEW.get(since(clock), "")


def hours(clock: Clock, zone: ZoneInfo, until: datetime | None) -> Iterator[str]:
    """Where it does not begin at the moment that it is counted from, and the holidays up to the end."""
    compiled, start = clock.course.compiled, clock.course.start
    if clock.goal.unit == "business_days":
        yield from _day_zero(clock, zone)
    elif clock.goal.unit == "business" and not compiled.is_open(start):
        opening = spoken(instant_of(compiled.next_open(start)), zone)
        yield f"That is outside opening hours, so time counts from {opening}."
    if clock.goal.unit in ("business", "business_days") and until is not None:
        yield from closures(compiled.calendar, clock.started_at, until)


def _day_zero(clock: Clock, zone: ZoneInfo) -> Iterator[str]:
    """Which date is day 0, where that is not plainly the one it is counted from."""
    goal, compiled, calendar = clock.goal, clock.course.compiled, clock.course.compiled.calendar
    local = instant_of(clock.course.start).astimezone(calendar.zone)
    counted = count_business_days(compiled, clock.course.start, 1, cutoff=goal.cutoff, day_zero=goal.day_zero)
    today, zero = spoken_day(local), spoken_day(counted.day_zero)
    as_of = "it counts as received on" if since(clock) == SINCE["received"] else "it counts from"
    where = "" if zone.key == calendar.tz else f" ({calendar.tz})"
    if goal.cutoff is not None and local.time() >= goal.cutoff:
        side = "after" if local.time() > goal.cutoff else "at"
        yield f"That is {side} {goal.cutoff:%H:%M}{where}, so {as_of} {zero}."
    elif counted.day_zero != local.date():
        yield f"{today}{where} is closed, so {as_of} {zero}."
    elif goal.day_zero == "receipt":
        closed = "" if is_open_date(compiled, local.date()) else ", though it is closed"
        yield f"{today}{where} is day 0{closed}; the first business day that counts is {spoken_day(counted.dates[0])}."


def pauses(clock: Clock, zone: ZoneInfo, look: Look | None) -> Iterator[str]:
    """Every time in which it stood still and that moved its date."""
    counts = "whole days of that do not count" if clock.goal.unit in DAYS else "that time does not count"
    for begun, over in clock.pauses:
        span = f"from {spoken(instant_of(begun), zone)} to {spoken(instant_of(over), zone)}"
        yield f"It stood still {span}{_while(clock, begun, look)}; {counts}."


def _while(clock: Clock, begun: int, look: Look | None) -> str:
    who = _awaited(clock, begun, look)
    if who is None and look is not None:
        return ", while the complaint was closed"
    return f", while {WHO[who]} was awaited"


def _awaited(clock: Clock, begun: int, look: Look | None) -> Wait | None:
    """Moments have fractions of seconds, pauses have none."""
    if look is not None:
        at = next((at for at, _ in clock.waits if seconds(at) == begun), instant_of(begun))
        return look.awaited(at)
    waits = KINDS[clock.kind].pauses if clock.charge.rule.pauses is None else clock.charge.rule.pauses
    return next(iter(waits)) if len(waits) == 1 else None


def standing_still(clock: Clock, zone: ZoneInfo, look: Look | None) -> Iterator[str]:
    """Since when, for whom, and when it would be due if it went on now."""
    begun = next((at for at, over in clock.waits if over is None), clock.started_at)
    who = WHO[_awaited(clock, seconds(begun), look)]
    yield f"It has stood still since {spoken(begun, zone)}, while {who} is awaited."
    if look is not None and (forecast := clock.forecast(look.at)) is not None:
        yield f"If it went on now, it would be due {spoken(forecast, zone)}."


def left(clock: Clock) -> str:
    """What had been used of the goal when a publication let it go on with the rest."""
    return f" ({spoken_seconds(clock.course.spent)} had been used)" if clock.course.spent else ""

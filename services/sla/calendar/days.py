"""Goals in business days. A day is not 24 hours of opening time: "the third business day" is a date, and ends as one.

A date is open where a shift starts on it. Day 0 is the local date of receipt, or the next open date where that one is
closed or the receipt fell after the cut-off. Source of the shape: FCA Handbook DISP 1.5, "close of business on the
third business day following the day on which it is received".
"""

from datetime import UTC, date, datetime, time

from services.sla.calendar.clocktime import DAY, instant
from services.sla.calendar.compiled import LONGEST_CLOSURE, Compiled
from shared.errors import Rejected


def is_open_date(compiled: Compiled, day: date) -> bool:
    """Whether a shift starts on that local date."""
    return any(True for _ in compiled.calendar.shifts_on(day.toordinal()))


def next_open_date(compiled: Compiled, day: date) -> date:
    """That date where it is open, else the first open one after it, within 400 days."""
    first = day.toordinal()
    for ordinal in range(first, first + LONGEST_CLOSURE // DAY + 1):
        if is_open_date(compiled, date.fromordinal(ordinal)):
            return date.fromordinal(ordinal)
    raise Rejected(f"calendar {compiled.calendar.id!r} has no open date in the 400 days after {day}")


def closing_at(compiled: Compiled, day: date) -> int:
    """Close of business of an open date: when its last shift ends, the next morning for a night shift."""
    shifts = compiled.calendar.shifts_on(day.toordinal())
    end = max((end for _, end in shifts), default=None)
    if end is None:
        raise Rejected(f"calendar {compiled.calendar.id!r} is closed on {day}")
    return compiled.last_close(instant(compiled.calendar.zone, day.toordinal(), end))


def opening_at(compiled: Compiled, day: date) -> int:
    """When business of an open date begins: the start of its first shift."""
    start = min((start for start, _ in compiled.calendar.shifts_on(day.toordinal())), default=None)
    if start is None:
        raise Rejected(f"calendar {compiled.calendar.id!r} is closed on {day}")
    return instant(compiled.calendar.zone, day.toordinal(), start)


def business_days_due(compiled: Compiled, received: int, days: int, *, cutoff: time | None = None) -> int:
    """Close of business of the `days`-th open date after day 0. Raises `Rejected` for fewer than one day."""
    if days < 1:
        raise Rejected(f"expected at least 1 business day, got {days}")
    local = datetime.fromtimestamp(received, UTC).astimezone(compiled.calendar.zone)
    late = cutoff is not None and local.time() >= cutoff
    day = next_open_date(compiled, _after(local.date()) if late else local.date())
    for _ in range(days):
        day = next_open_date(compiled, _after(day))
    return closing_at(compiled, day)


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)

"""Goals in days. A day is not 24 hours of opening time: "the third business day" is a date, and ends as one.

A date is open where a shift starts on it. Which date is day 0 is a choice of the rule that is to be met:

    open       the local date of receipt, or the next open date where that one is closed
    receipt    the local date of receipt even where it is closed: FCA Handbook DISP 1.5, "close of business on the third
               business day following the day on which it is received"

Received at the cut-off or later counts as received on the next open date, with either.
"""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.sla.calendar.clocktime import DAY, last_second
from services.sla.calendar.compiled import FIRST_YEAR, LAST_YEAR, LONGEST_CLOSURE, Compiled
from services.sla.calendar.spans import Span
from shared.errors import Rejected

DayZero = Literal["open", "receipt"]
Ends = Literal["close", "midnight"]
MOST_DAYS = 100_000  # 270 years: beyond the last year that is computed, whatever the calendar


class Counted(NamedTuple):
    """The dates behind a due time: day 0, and the open dates that were counted after it."""

    day_zero: date
    dates: tuple[date, ...]


def is_open_date(compiled: Compiled, day: date) -> bool:
    """Whether a shift starts on that local date."""
    return compiled.business(day.toordinal()) is not None


def business_days_due(
    compiled: Compiled,
    received: int,
    days: int,
    *,
    cutoff: time | None = None,
    day_zero: DayZero = "open",
    ends: Ends = "close",
) -> int:
    """End of the `days`-th open date after day 0: of its last shift, be it the next morning, or 23:59:59 local.

    UTC seconds in and out. Raises `Rejected` for fewer than one day, and beyond the years that are computed.
    """
    first, zero_counts = _first_candidate(compiled, received, cutoff, day_zero)
    ordinal, closing = _nth(compiled, first, _checked(days) - (0 if zero_counts else 1))
    return closing if ends == "close" else last_second(compiled.calendar.zone, ordinal)


def counted_dates(
    compiled: Compiled, received: int, days: int, *, cutoff: time | None = None, day_zero: DayZero = "open"
) -> Counted:
    """The local dates that `business_days_due` counts, the due date last; for explanations. Raises as it does."""
    first, zero_counts = _first_candidate(compiled, received, cutoff, day_zero)
    found: list[int] = []
    for _ in range(_checked(days) + zero_counts):
        found.append(_open_from(compiled, found[-1] + 1 if found else first)[0])
    zero = found.pop(0) if zero_counts else first - 1
    return Counted(date.fromordinal(zero), tuple(date.fromordinal(day) for day in found))


def calendar_due(zone: ZoneInfo, received: int, *, days: int = 0, weeks: int = 0, months: int = 0) -> int:
    """23:59:59 local of the date of receipt plus so many months, weeks and days; the FCA's eight weeks are 56 days.

    A month ends on its last day where it is shorter: 31 January and one month is 28 or 29 February. UTC seconds in and
    out. Raises `Rejected` for negative numbers, none at all, and beyond the years that are computed.
    """
    if min(days, weeks, months) < 0 or not (days or weeks or months):
        raise Rejected(f"expected days, weeks or months to come, got {days} days, {weeks} weeks, {months} months")
    local = _local(zone, received).date()
    if local.year + (months + days // 28 + weeks // 4) // 12 <= LAST_YEAR:
        due = _months_later(local, months) + timedelta(days=days + 7 * weeks)
        if due.year <= LAST_YEAR:
            return last_second(zone, due.toordinal())
    raise Rejected(f"expected a due date up to the year {LAST_YEAR}, got a later one")


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _local(zone: ZoneInfo, received: int) -> datetime:
    try:
        local = datetime.fromtimestamp(received, zone)
    except (ValueError, OverflowError, OSError):
        local = None
    if local is None or not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise Rejected(f"expected an instant of the years {FIRST_YEAR} to {LAST_YEAR}, got {received} s after 1970")
    return local


def _checked(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise Rejected(f"expected at least 1 business day and at most {MOST_DAYS}, got {days}")
    return days


def _first_candidate(compiled: Compiled, received: int, cutoff: time | None, day_zero: DayZero) -> tuple[int, bool]:
    """The first date that may be open, and whether that one is day 0 or already day 1."""
    local = _local(compiled.calendar.zone, received)
    late = cutoff is not None and local.time() >= cutoff
    if day_zero == "receipt" and not late:
        return local.toordinal() + 1, False
    return local.toordinal() + late, True


@lru_cache(maxsize=4096)  # thousands of complaints of one date end at the same instant
def _nth(compiled: Compiled, first: int, steps: int) -> tuple[int, int]:
    """The open date so many open dates after the first one at or after `first`, and its closing."""
    ordinal, (_, closing) = _open_from(compiled, first)
    for _ in range(steps):
        ordinal, (_, closing) = _open_from(compiled, ordinal + 1)
    return ordinal, closing


def _open_from(compiled: Compiled, first: int) -> tuple[int, Span]:
    """The first open date at or after that one, within 400 days."""
    for ordinal in range(first, first + LONGEST_CLOSURE // DAY + 1):
        if business := compiled.business(ordinal):
            return ordinal, business
    raise Rejected(
        f"calendar {compiled.calendar.id!r} has no open date in the 400 days after {date.fromordinal(first)}"
    )

"""Due times of goals in days.

A business day is a date, not 24 hours of opening time: "the third business day" is the third open date, and the goal
is due at the end of that date. A date is open if a shift starts on it; a night shift belongs to the date it starts on.

Rules differ in which date is day 0, the date from which the open dates are counted:

    open       the local date of receipt, or the next open date if the date of receipt is closed
    receipt    the local date of receipt even if it is closed: FCA Handbook DISP 1.5, "close of business on the third
               business day following the day on which it is received"

With both, a complaint received at the cut-off time or later counts as received on the next open date.

Counting needs one loop for both: find the first open date at or after a candidate date, then step to the next open
date as often as needed. With `receipt`, the candidate is the date after the receipt and the first open date is already
day 1; with `open`, it is day 0, so one more step is needed.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.sla.calendar.clocktime import DAY, last_second_of_date
from services.sla.calendar.compiled import Compiled
from services.sla.calendar.horizon import FIRST_YEAR, LAST_YEAR, LONGEST_CLOSURE
from services.sla.calendar.spans import Span
from shared.errors import Rejected

DayZero = Literal["open", "receipt"]
Ends = Literal["close", "midnight"]
DAYS_MAX = 100_000  # 270 years, beyond the last year that is computed


class CountedDays(NamedTuple):
    """Dates behind a due time: day 0, and the open dates that were counted after it."""

    day_zero: date
    dates: tuple[date, ...]


def is_open_date(compiled: Compiled, day: date) -> bool:
    """Return True if a shift starts on that local date."""
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
    """Return the end of the `days`-th open date after day 0, in seconds of UTC.

    With `ends="close"` it is the end of the last shift that starts on that date, possibly on the next morning; with
    `midnight` it is 23:59:59 local time. `received` is in seconds of UTC. Raises `Rejected` for fewer than one day and
    for due times beyond the last year that is computed.
    """
    first, is_day_zero = _first_candidate(compiled, received, cutoff, day_zero)
    steps = _require_days(days) - (not is_day_zero)
    ordinal, (_, closing) = next(islice(_open_dates(compiled, first), steps, None))
    return closing if ends == "close" else last_second_of_date(compiled.calendar.zone, ordinal)


def count_business_days(
    compiled: Compiled, received: int, days: int, *, cutoff: time | None = None, day_zero: DayZero = "open"
) -> CountedDays:
    """Return the local dates that `business_days_due` counts, the due date last, for explanations.

    Raises `Rejected` as `business_days_due` does.
    """
    first, is_day_zero = _first_candidate(compiled, received, cutoff, day_zero)
    counted = islice(_open_dates(compiled, first), _require_days(days) + is_day_zero)
    dates = [date.fromordinal(ordinal) for ordinal, _ in counted]
    zero = dates.pop(0) if is_day_zero else date.fromordinal(first - 1)
    return CountedDays(zero, tuple(dates))


def calendar_due(zone: ZoneInfo, received: int, *, days: int = 0, weeks: int = 0, months: int = 0) -> int:
    """Return 23:59:59 local time of the date of receipt plus months, weeks and days, in seconds of UTC.

    A shorter month ends on its last day: 31 January and one month is 28 or 29 February. `received` is in seconds of
    UTC. Raises `Rejected` for negative numbers, for no time at all, and beyond the last year that is computed.
    """
    if min(days, weeks, months) < 0 or not (days or weeks or months):
        raise Rejected(f"expected at least one day, week or month, got {days} days, {weeks} weeks, {months} months")
    local = _local(zone, received).date()
    if local.year + (months + days // 28 + weeks // 4) // 12 <= LAST_YEAR:
        due = _months_later(local, months) + timedelta(days=days + 7 * weeks)
        if due.year <= LAST_YEAR:
            return last_second_of_date(zone, due.toordinal())
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


def _require_days(days: int) -> int:
    if not 1 <= days <= DAYS_MAX:
        raise Rejected(f"expected at least 1 business day and at most {DAYS_MAX}, got {days}")
    return days


def _first_candidate(compiled: Compiled, received: int, cutoff: time | None, day_zero: DayZero) -> tuple[int, bool]:
    """Return the date (ordinal) from which to look for an open one, and True if that one is day 0 instead of day 1."""
    local = _local(compiled.calendar.zone, received)
    late = cutoff is not None and local.time() >= cutoff
    if day_zero == "receipt" and not late:
        return local.toordinal() + 1, False
    return local.toordinal() + late, True


def _open_dates(compiled: Compiled, first: int) -> Iterator[tuple[int, Span]]:
    """Yield the open dates from `first` on with their business hours. Raises `Rejected` after 400 closed days."""
    ordinal = latest = first
    while ordinal - latest <= LONGEST_CLOSURE // DAY:
        if business := compiled.business(ordinal):
            yield ordinal, business
            latest = ordinal + 1
        ordinal += 1
    raise Rejected(
        f"calendar {compiled.calendar.id!r} has no open date in the 400 days after {date.fromordinal(latest)}"
    )

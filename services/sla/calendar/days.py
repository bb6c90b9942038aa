"""Goals in business days. A day is not 24 hours of opening time: "the third business day" is a date, and ends as one.

A date is open where a shift starts on it. Day 0 is the local date of receipt, or the next open date where that one is
closed or the receipt fell after the cut-off. Source of the shape: FCA Handbook DISP 1.5, "close of business on the
third business day following the day on which it is received".
"""

from datetime import date, datetime, time
from functools import lru_cache

from services.sla.calendar.clocktime import DAY
from services.sla.calendar.compiled import LONGEST_CLOSURE, Compiled
from services.sla.calendar.spans import Span
from shared.errors import Rejected


def is_open_date(compiled: Compiled, day: date) -> bool:
    """Whether a shift starts on that local date."""
    return compiled.business(day.toordinal()) is not None


def business_days_due(compiled: Compiled, received: int, days: int, *, cutoff: time | None = None) -> int:
    """Close of business of the `days`-th open date after day 0: the end of its last shift, be it the next morning.

    Raises `Rejected` for fewer than one day.
    """
    if days < 1:
        raise Rejected(f"expected at least 1 business day, got {days}")
    local = datetime.fromtimestamp(received, compiled.calendar.zone)
    late = cutoff is not None and local.time() >= cutoff
    return _closing(compiled, local.toordinal() + late, days)


@lru_cache(maxsize=4096)  # thousands of complaints of one date end at the same instant
def _closing(compiled: Compiled, first: int, days: int) -> int:
    ordinal, (_, closing) = _open_from(compiled, first)
    for _ in range(days):
        ordinal, (_, closing) = _open_from(compiled, ordinal + 1)
    return closing


def _open_from(compiled: Compiled, first: int) -> tuple[int, Span]:
    """The first open date at or after that one, within 400 days."""
    for ordinal in range(first, first + LONGEST_CLOSURE // DAY + 1):
        if business := compiled.business(ordinal):
            return ordinal, business
    raise Rejected(
        f"calendar {compiled.calendar.id!r} has no open date in the 400 days after {date.fromordinal(first)}"
    )

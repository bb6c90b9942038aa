"""Differences between two versions of a calendar, by date.

A new calendar version usually adds one holiday, and most open clocks end before it. A clock whose dates have the same
hours in both versions has the same due time in both, so a publication does not need to compute it again.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from services.sla.calendar.compiled import Compiled
from services.sla.calendar.model import Calendar

DAYS_BEFORE = 1  # a shift may continue until the end of the date after its own


def have_same_hours(old: Compiled, new: Compiled, start: int, end: int) -> bool:
    """Return True if both calendars have the same hours on each date from `start` to `end` (seconds of UTC).

    Dates are compared and not open instants: one night shift in one calendar may be two shifts in the other, open at
    the same instants, but starting on different dates, and business days would not be the same.
    """
    if old is new:
        return True
    dates = differing_dates(old, new)
    if dates is None:
        return False
    zone = old.calendar.zone
    first, last = (datetime.fromtimestamp(at, zone).toordinal() for at in (start, end))
    index = bisect_left(dates, first - DAYS_BEFORE)
    return index == len(dates) or dates[index] > last


@lru_cache(maxsize=64)
def differing_dates(old: Compiled, new: Compiled) -> Sequence[int] | None:
    """Return the dates (proleptic ordinals, in order) whose entries differ; None if every week may differ.

    Cached: a rebase needs this for each open clock, and with twenty holidays the cache reduces one call of
    `have_same_hours` from 70 to 1.5 microseconds. At most 64 pairs, because a publication replaces few calendars.
    """
    both = old.calendar, new.calendar
    weeks = [(calendar.tz, calendar.weekly_hours, calendar.holiday_rule, calendar.yearly) for calendar in both]
    if weeks[0] != weeks[1]:
        return None
    listed = {day for calendar in both for day in (*calendar.dated, *calendar.extra)}
    return [day for day in sorted(listed) if _entries_for(both[0], day) != _entries_for(both[1], day)]


def _entries_for(calendar: Calendar, day: int) -> tuple[object, ...]:
    """Return the holiday and the extra openings of a date.

    Its shifts are not enough: a holiday without shifts of its own may still cut the night shift of the day before.
    """
    holiday = calendar.holiday_on(day)
    own = None if holiday is None else (sorted(holiday.hours), calendar.closes_civil_day(holiday))
    return own, sorted(calendar.extra.get(day, ()))

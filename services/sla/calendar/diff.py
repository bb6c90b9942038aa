"""Where two versions of a calendar differ: what lies on other dates comes out the same by both."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from services.sla.calendar.compiled import Compiled
from services.sla.calendar.model import Calendar

BEFORE = 1  # dates: a shift may run until the end of the date after its own


def alike(one: Compiled, other: Compiled, start: int, end: int) -> bool:
    """Whether both have the same hours on every date from that of one instant to that of the other (seconds of UTC).

    Dates are compared, not instants: what is one night shift here and two shifts there is open at the same hours, but
    starts on other dates, and business days would not count the same.
    """
    if one is other:
        return True
    dates = _differing(one, other)
    if dates is None:
        return False
    zone = one.calendar.zone
    first, last = (datetime.fromtimestamp(at, zone).toordinal() for at in (start, end))
    place = bisect_left(dates, first - BEFORE)
    return place == len(dates) or dates[place] > last


def differing_dates(one: Calendar, other: Calendar) -> Sequence[int] | None:
    """The dates (proleptic ordinals) of which they say something else, in order; None where every week may differ."""
    weeks = [(each.tz, each.weekly_hours, each.holiday_rule, each.yearly) for each in (one, other)]
    if weeks[0] != weeks[1]:
        return None
    named = sorted(one.named_days | other.named_days)
    return [day for day in named if _said_of(one, day) != _said_of(other, day)]


def _said_of(calendar: Calendar, day: int) -> tuple[object, ...]:
    """Not the shifts of that day: a holiday without any may still cut the night shift of the day before."""
    holiday = calendar.holiday_on(day)
    own = None if holiday is None else (sorted(holiday.hours), calendar.closes_civil_day(holiday))
    return own, sorted(calendar.extra_on(day))


@lru_cache(maxsize=64)  # a publication moves complaints from a few calendars to as many others
def _differing(one: Compiled, other: Compiled) -> Sequence[int] | None:
    return differing_dates(one.calendar, other.calendar)

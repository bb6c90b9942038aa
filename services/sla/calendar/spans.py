"""Open spans of a calendar in seconds of UTC: shifts laid on the time line, holidays cut out, what overlaps merged."""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from services.sla.calendar.clocktime import DAY, UNIX_ORDINAL, instant, steady_offsets
from services.sla.calendar.weekly import Calendar

Span = tuple[int, int]  # half-open, whole seconds of UTC


class _Ruler:
    """Days of one zone, to lay shifts on."""

    def __init__(self, zone: ZoneInfo, days: range) -> None:
        self.zone, self.first = zone, days.start
        self.offsets = steady_offsets(zone, days.start, days.stop)

    def lay(self, day: int, shifts: Iterable[Span], spans: list[Span]) -> None:
        """Add the shifts that start on that day; one that lies in a skipped hour is gone."""
        offset = self.offsets[day - self.first]
        base = None if offset is None else (day - UNIX_ORDINAL) * DAY - offset
        for start, end in shifts:
            if base is not None and end <= DAY:
                spans.append((base + start, base + end))
                continue
            span = instant(self.zone, day, start), instant(self.zone, day, end)
            if span[0] < span[1]:
                spans.append(span)


def open_spans(calendar: Calendar, first: int, last: int) -> list[Span]:
    """Disjoint open spans from the midnight that begins `first` to the one that begins `last` (ordinals)."""
    zone = calendar.zone
    days = range(first - 3, last + 1)  # a shift runs into the next day, and a zone may skip one
    ruler = _Ruler(zone, days)
    laid = _by_shift if calendar.holiday_rule == "shift_start" else _by_civil_day
    low, high = instant(zone, first, 0), instant(zone, last, 0)
    spans = _merged(laid(calendar, days, ruler))
    return [(max(start, low), min(end, high)) for start, end in spans if end > low and start < high]


def _by_shift(calendar: Calendar, days: range, ruler: _Ruler) -> list[Span]:
    """A holiday takes the shifts that start on it, to their ends."""
    spans: list[Span] = []
    holidays = calendar.holidays_in(days)
    for day in days:
        holiday = holidays.get(day)
        ruler.lay(day, calendar.weekly_on(day) if holiday is None else holiday.hours, spans)
        ruler.lay(day, calendar.extra_on(day), spans)
    return spans


def _by_civil_day(calendar: Calendar, days: range, ruler: _Ruler) -> list[Span]:
    """A holiday takes whatever lies between its midnights, and gives its own hours."""
    weekly: list[Span] = []
    for day in days:
        ruler.lay(day, calendar.weekly_on(day), weekly)
    holidays = calendar.holidays_in(days)
    zone = calendar.zone
    holes = _merged([(instant(zone, day, 0), instant(zone, day + 1, 0)) for day in holidays])
    spans = _without(_merged(weekly), holes)
    for day, holiday in holidays.items():
        ruler.lay(day, holiday.hours, spans)
    for day in calendar.extra_days(days):
        ruler.lay(day, calendar.extra_on(day), spans)
    return spans


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(span[1], merged[-1][1]))
        else:
            merged.append(span)
    return merged


def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    """What remains of disjoint sorted spans outside disjoint sorted holes."""
    left: list[Span] = []
    at = 0
    for start, end in spans:
        while at < len(holes) and holes[at][1] <= start:
            at += 1
        begin, hole = start, at
        while hole < len(holes) and holes[hole][0] < end:
            if holes[hole][0] > begin:
                left.append((begin, holes[hole][0]))
            begin = max(begin, holes[hole][1])
            hole += 1
        if begin < end:
            left.append((begin, end))
    return left


def joined(before: list[Span], after: list[Span]) -> list[Span]:
    """Two runs of spans, the second behind the first, where one opening may cross the seam."""
    if before and after and before[-1][1] == after[0][0]:
        return [*before[:-1], (before[-1][0], after[0][1]), *after[1:]]
    return before + after


def date_of(at: int) -> date:
    """The UTC date of an instant, for sentences."""
    return date.fromordinal(at // DAY + UNIX_ORDINAL)

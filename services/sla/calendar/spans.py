"""Open spans of a calendar in seconds of UTC: shifts laid on the time line, holidays cut out, what overlaps merged."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from services.sla.calendar.clocktime import DAY, UNIX_ORDINAL, instant, steady_offsets
from services.sla.calendar.model import Calendar

Span = tuple[int, int]  # half-open, whole seconds of UTC


def open_spans(calendar: Calendar, first: int, last: int) -> list[Span]:
    """Disjoint open spans from the midnight that begins `first` to the one that begins `last` (ordinals)."""
    days = range(first - 3, last + 1)  # a shift runs into the next day, and a zone may skip one
    spans = _laid(calendar, days)
    low, high = instant(calendar.zone, first, 0), instant(calendar.zone, last, 0)
    kept = [span for span in _merged(spans) if span[1] > low and span[0] < high]
    if kept:
        kept[0] = (max(kept[0][0], low), kept[0][1])
        kept[-1] = (kept[-1][0], min(kept[-1][1], high))
    return kept


class _Ruler:
    """Days of one zone, to lay shifts on."""

    def __init__(self, zone: ZoneInfo, days: range) -> None:
        self.zone, self.first = zone, days.start
        self.offsets = steady_offsets(zone, days.start, days.stop)

    def lay(self, dated: Iterable[tuple[int, Iterable[Span]]]) -> list[Span]:
        """The shifts that start on these days, in UTC; one that lies in a skipped hour is gone."""
        spans: list[Span] = []
        zone, first, offsets = self.zone, self.first, self.offsets
        for day, shifts in dated:
            today, tomorrow = offsets[day - first], offsets[day - first + 1]
            midnight = (day - UNIX_ORDINAL) * DAY
            for start, end in shifts:
                if today is not None and end <= DAY:
                    spans.append((midnight + start - today, midnight + end - today))
                elif today is not None and tomorrow is not None:
                    spans.append((midnight + start - today, midnight + end - tomorrow))
                elif (since := instant(zone, day, start)) < (until := instant(zone, day, end)):
                    spans.append((since, until))
        return spans


def _laid(calendar: Calendar, days: range) -> list[Span]:
    """Weekly hours without what holidays take, their own hours instead, and what is open in addition."""
    ruler, holidays = _Ruler(calendar.zone, days), calendar.holidays_in(days)
    cutting = [day for day, holiday in holidays.items() if calendar.closes_civil_day(holiday)]
    # Where nothing stands instead, what such a day's own night shift opens after midnight is not of that day.
    replaced = holidays.keys() - {day for day in cutting if not holidays[day].hours}
    spans = ruler.lay((day, calendar.weekly_on(day)) for day in days if day not in replaced)
    if cutting:
        spans = _without(_merged(spans), _civil_days(calendar.zone, cutting))
    spans += ruler.lay((day, holiday.hours) for day, holiday in holidays.items())
    return spans + ruler.lay((day, calendar.extra_on(day)) for day in calendar.extra_days(days))


def _civil_days(zone: ZoneInfo, days: Iterable[int]) -> list[Span]:
    return [(instant(zone, day, 0), instant(zone, day + 1, 0)) for day in days]


def _merged(spans: list[Span]) -> list[Span]:
    """The same time in order, what overlaps or touches as one."""
    ordered = sorted(spans)
    merged = ordered[:1]
    last = merged[0][1] if merged else 0
    for span in ordered[1:]:
        if span[0] > last:
            merged.append(span)
            last = span[1]
        elif span[1] > last:
            last = span[1]
            merged[-1] = (merged[-1][0], last)
    return merged


def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    """What remains of disjoint sorted spans outside sorted holes; few holes and many spans, so hole by hole."""
    left: list[Span] = []
    done = 0
    for low, high in holes:
        first = bisect_right(spans, low, lo=done, key=_end)
        left += spans[done:first]
        done = first
        while done < len(spans) and spans[done][0] < high:
            start, end = spans[done]
            if start < low:
                left.append((start, low))
            if end > high:
                spans[done] = (high, end)  # a later hole may lie in the rest of it
                break
            done += 1
    return left + spans[done:]


def _end(span: Span) -> int:
    return span[1]


def date_of(at: int) -> date:
    """The UTC date of an instant, for sentences."""
    return date.fromordinal(at // DAY + UNIX_ORDINAL)

"""Open spans of a calendar in seconds of UTC.

A calendar describes its hours by local dates; arithmetic needs disjoint intervals of UTC. The conversion is done in
the order of precedence: weekly shifts, minus holidays, plus the hours of holidays, plus extra openings.

Two details need care:

- A shift may end on the next date (22:00-30:00). It is converted with the offset from UTC of the date on which each of
  its ends lies, so a shift over the night of a clock change is an hour shorter or longer. The range that is compiled
  starts a few days early, because a shift of the day before may continue into it.
- A holiday with the rule `civil_day` closes from midnight to midnight. That cannot be expressed by shifts of its date,
  because it also cuts the night shift that started on the day before. It is cut out of the merged weekly spans, and
  only then are the hours of holidays and the extra openings added, which it must not cut.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import partial
from operator import itemgetter
from zoneinfo import ZoneInfo

from services.sla.calendar.clocktime import DAY, UNIX_ORDINAL, local_to_utc, steady_offsets
from services.sla.calendar.model import Calendar

Span = tuple[int, int]  # half-open, whole seconds of UTC


def open_spans(calendar: Calendar, first: int, last: int) -> list[Span]:
    """Return the disjoint open spans from the midnight at the start of `first` to that of `last` (ordinals)."""
    days = range(first - 3, last + 1)  # a shift may continue into the next day, and a zone may skip a day
    spans = _spans_of_shifts(calendar, days)
    low, high = local_to_utc(calendar.zone, first, 0), local_to_utc(calendar.zone, last, 0)
    inside = [span for span in _merge(spans) if span[1] > low and span[0] < high]
    if inside:
        inside[0] = (max(inside[0][0], low), inside[0][1])
        inside[-1] = (inside[-1][0], min(inside[-1][1], high))
    return inside


def _to_utc(
    zone: ZoneInfo, first: int, offsets: Sequence[int | None], dated: Iterable[tuple[int, Iterable[Span]]]
) -> list[Span]:
    """Convert the shifts that start on some dates; drop a shift that lies in an hour the zone skips.

    `offsets` are the steady offsets of the zone from the date `first` on.
    """
    spans: list[Span] = []
    for day, shifts in dated:
        today, tomorrow = offsets[day - first], offsets[day - first + 1]
        midnight = (day - UNIX_ORDINAL) * DAY
        for start, end in shifts:
            if today is not None and end <= DAY:
                spans.append((midnight + start - today, midnight + end - today))
            elif today is not None and tomorrow is not None:
                spans.append((midnight + start - today, midnight + end - tomorrow))
            elif (since := local_to_utc(zone, day, start)) < (until := local_to_utc(zone, day, end)):
                spans.append((since, until))
    return spans


def _spans_of_shifts(calendar: Calendar, days: range) -> list[Span]:
    """Return weekly hours without holidays, plus the hours of holidays, plus extra openings; they may overlap."""
    zone, holidays = calendar.zone, calendar.holidays_in(days)
    to_utc = partial(_to_utc, zone, days.start, steady_offsets(zone, days.start, days.stop))
    cutting = [day for day, holiday in holidays.items() if calendar.closes_civil_day(holiday)]
    # The weekly shifts of a holiday are left out, with one exception: a civil_day holiday without hours keeps them
    # until it is cut out below, so that the part of its night shift after its second midnight remains.
    replaced = holidays.keys() - {day for day in cutting if not holidays[day].hours}
    spans = to_utc((day, calendar.weekly_on(day)) for day in days if day not in replaced)
    if cutting:
        holes = [(local_to_utc(zone, day, 0), local_to_utc(zone, day + 1, 0)) for day in cutting]
        spans = _subtract(_merge(spans), holes)
    spans += to_utc((day, holiday.hours) for day, holiday in holidays.items())
    return spans + to_utc((day, shifts) for day, shifts in calendar.extra.items() if day in days)


def _merge(spans: list[Span]) -> list[Span]:
    """Return the same time in order, with spans that overlap or touch joined."""
    merged: list[Span] = []
    last = 0
    for span in sorted(spans):
        start, end = span
        if not merged or start > last:
            merged.append(span)
            last = end
        elif end > last:
            merged[-1] = (merged[-1][0], end)
            last = end
    return merged


def _subtract(spans: list[Span], holes: list[Span]) -> list[Span]:
    """Return the parts of disjoint sorted spans outside of sorted holes.

    There are many spans and few holes, so the loop runs over the holes and copies all spans between two of them.
    """
    left: list[Span] = []
    done = 0
    for low, high in holes:
        first = bisect_right(spans, low, lo=done, key=itemgetter(1))
        left += spans[done:first]
        done = first
        while done < len(spans) and spans[done][0] < high:
            start, end = spans[done]
            if start < low:
                left.append((start, low))
            if end > high:
                spans[done] = (high, end)  # the next hole may cut the rest of this span
                break
            done += 1
    return left + spans[done:]

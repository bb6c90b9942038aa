"""Open spans of a calendar in seconds of UTC: shifts laid on the time line, holidays cut out, what overlaps merged."""

from collections.abc import Iterable

from services.sla.calendar.clocktime import instant
from services.sla.calendar.weekly import Calendar

Span = tuple[int, int]  # half-open, whole seconds of UTC


def open_spans(calendar: Calendar, first: int, last: int) -> list[Span]:
    """Disjoint open spans from the midnight that begins `first` to the one that begins `last` (ordinals)."""
    zone = calendar.zone
    days = range(first - 3, last + 1)  # a shift runs into the next day, and a zone may skip one
    if calendar.holiday_rule == "shift_start":
        spans = [span for day in days for span in _utc(calendar, day, calendar.shifts_on(day))]
    else:
        weekly = [span for day in days for span in _utc(calendar, day, calendar.weekly_on(day))]
        closed = [day for day in days if calendar.holiday_on(day)]
        spans = _without(_merged(weekly), [(instant(zone, day, 0), instant(zone, day + 1, 0)) for day in closed])
        for day in closed:
            holiday = calendar.holiday_on(day)
            spans += _utc(calendar, day, holiday.hours if holiday else ())
        spans += [span for day in days for span in _utc(calendar, day, calendar.extra_on(day))]
    low, high = instant(zone, first, 0), instant(zone, last, 0)
    return [(max(start, low), min(end, high)) for start, end in _merged(spans) if end > low and start < high]


def _utc(calendar: Calendar, day: int, shifts: Iterable[Span]) -> list[Span]:
    zone = calendar.zone
    spans = [(instant(zone, day, start), instant(zone, day, end)) for start, end in shifts]
    return [span for span in spans if span[0] < span[1]]  # one that lies in a skipped hour is gone


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
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

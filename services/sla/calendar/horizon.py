"""Open intervals of a calendar over a range of years, with their prefix sums. The range grows on demand.

The opening time of a calendar is a sorted sequence of disjoint intervals [start, end). For each one the horizon stores
its *level*: the sum of the lengths of all intervals before it. The opening time up to any instant is then the level of
the last interval that starts before it, plus the part of that interval which has passed. A bisection finds the
interval, so the cost does not depend on how far apart two instants are.

The range starts as a few years around the date of interest, because compiling 230 years takes longer than most
processes need. It grows at either end:

- Levels are counted from the start of the first range and never change. Intervals that are added before it get
  negative levels, so results that were computed earlier remain correct.
- An interval that crosses the end of the range was cut there. When the range grows, its second half is joined to it
  again, so that intervals stay disjoint and no closing appears where the calendar is open.
- Looking for the next opening would not end for a calendar that never opens again. Compiling therefore refuses each
  closure of more than 400 days, also in years that are not compiled yet: otherwise the answer to one request would
  depend on the requests before it.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import accumulate, pairwise
from typing import TypeAlias

from services.sla.calendar.clocktime import DAY, local_to_utc
from services.sla.calendar.model import Calendar
from services.sla.calendar.spans import Span, open_spans
from shared.errors import Rejected

LONGEST_CLOSURE = 400 * DAY
FIRST_YEAR, LAST_YEAR = 1970, 2200
EARLIEST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)  # one day inside the limits, so that it is inside in every zone
LATEST = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_YEAR = 366  # days; the shortest extension
_EXTENSION_MAX = 16 * _YEAR  # days; the longest, so that the memory needed during an extension stays small
_CLOSED_DATES_MIN = 50  # 400 days contain 57 of each weekday, so fewer closed dates cannot close one of them throughout
Column: TypeAlias = "array[int]"  # int64 values in a tenth of the memory of a list


class Horizon:
    """Open intervals between two local midnights: starts, ends and levels as parallel sorted columns."""

    __slots__ = ("_ends", "_first", "_high", "_hours", "_last", "_levels", "_low", "_starts", "_total", "calendar")

    def __init__(self, calendar: Calendar, *, around: date, years: int = 3) -> None:
        """Compile `years` (at least 2) before and after `around`.

        Raises `Rejected` if the calendar stays closed for more than 400 days. A shorter range than two years could not
        contain such a closure.
        """
        self.calendar = calendar
        years = max(years, 2)
        middle = min(max(around.toordinal(), _FIRST_DAY + _YEAR), _LAST_DAY - _YEAR)
        self._first = max(_FIRST_DAY, middle - years * _YEAR)
        self._last = min(_LAST_DAY, middle + years * _YEAR)
        self._low = local_to_utc(calendar.zone, self._first, 0)
        self._high = local_to_utc(calendar.zone, self._last, 0)
        if _may_stay_closed(calendar):
            self._compile(_FIRST_DAY, _LAST_DAY)  # refuse such a closure also in years that are not compiled yet
        spans = self._compile(self._first, self._last)
        self._starts, self._ends, self._levels, self._total = _columns(spans, 0)
        self._hours: dict[int, Span | None] = {}

    @property
    def interval_count(self) -> int:
        """Number of open intervals in memory, three int64 values each."""
        return len(self._starts)

    def cover(self, first: int, last: int) -> None:
        """Extend the range until it contains both instants. Raises `Rejected` beyond the years that are computed."""
        while first < self._low:
            self._grow_earlier(min(_YEAR + (self._low - first) // DAY, _EXTENSION_MAX))
        while last >= self._high:
            self._grow_later(min(_YEAR + (last - self._high) // DAY, _EXTENSION_MAX))

    def reach(self, level: int, *, beyond: bool) -> None:
        """Extend the range until it contains an instant of that level. Raises `Rejected` like `cover`.

        With `beyond`, it must also contain an instant above the level (the next opening), without it one below the
        level. Extensions double in length, so that the total time is proportional to the distance.
        """
        days = _YEAR
        while level > self._total or (beyond and level == self._total):
            self._grow_later(days)
            days = min(2 * days, _EXTENSION_MAX)
        while level < self._levels[0] or (not beyond and level == self._levels[0]):
            self._grow_earlier(days)
            days = min(2 * days, _EXTENSION_MAX)

    def _compile(self, first: int, last: int, *, before: int | None = None, after: int | None = None) -> list[Span]:
        """Return the open spans from `first` to `last` (ordinals).

        `before` and `after` are the neighbouring open instants that are compiled already. Raises `Rejected` if two
        spans, or a span and a neighbour, are more than 400 days apart.
        """
        spans = open_spans(self.calendar, first, last)
        begin = local_to_utc(self.calendar.zone, first, 0) if before is None else before
        end = local_to_utc(self.calendar.zone, last, 0) if after is None else after
        bounded = pairwise([(begin, begin), *spans, (end, end)])
        closures = [span[1] for span, next_span in bounded if next_span[0] - span[1] > LONGEST_CLOSURE]
        if closures:  # report the last one, where openings that are listed date by date end
            closed_from = datetime.fromtimestamp(closures[-1], UTC).date()
            raise Rejected(
                f"calendar {self.calendar.id!r} has no open time in the 400 days after {closed_from}; "
                "expected weekly_hours, or openings, that continue, such as mon = [['09:00', '17:00']]"
            )
        return spans

    def _grow_later(self, days: int = _YEAR) -> None:
        first, last = self._last, min(_LAST_DAY, self._last + days)
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed beyond the year {LAST_YEAR}")
        added, kept, level = self._compile(first, last, before=self._ends[-1]), len(self._starts), self._total
        if added and added[0][0] == self._ends[-1]:  # join the interval that was cut by the end of the range
            kept -= 1
            added[0], level = (self._starts[-1], added[0][1]), self._levels[-1]
        starts, ends, levels, self._total = _columns(added, level)
        self._starts, self._ends = self._starts[:kept] + starts, self._ends[:kept] + ends
        self._levels = self._levels[:kept] + levels
        self._last, self._high = last, local_to_utc(self.calendar.zone, last, 0)

    def _grow_earlier(self, days: int) -> None:
        first, last = max(_FIRST_DAY, self._first - days), self._first
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed before the year {FIRST_YEAR}")
        added, dropped = self._compile(first, last, after=self._starts[0]), 0
        level = self._levels[0] - sum(end - start for start, end in added)
        if added and added[-1][1] == self._starts[0]:  # join the interval that was cut by the start of the range
            dropped = 1
            added[-1] = (added[-1][0], self._ends[0])
        starts, ends, levels, _ = _columns(added, level)
        self._starts, self._ends = starts + self._starts[dropped:], ends + self._ends[dropped:]
        self._levels = levels + self._levels[dropped:]
        self._first, self._low = first, local_to_utc(self.calendar.zone, first, 0)


def _columns(spans: Iterable[Span], level: int) -> tuple[Column, Column, Column, int]:
    """Return starts, ends and levels as columns, with `level` at the first start, and the level after the last end."""
    starts, ends = (array("q", (span[side] for span in spans)) for side in (0, 1))
    lengths = (end - start for start, end in zip(starts, ends, strict=True))
    levels = array("q", accumulate(lengths, initial=level))
    total = levels.pop()
    return starts, ends, levels, total


def _may_stay_closed(calendar: Calendar) -> bool:
    """Return True if a closure of more than 400 days is possible; False proves that there is none.

    Compiling all years would find it but takes a tenth of a second, so this is a cheap bound. To close an open weekday
    for 400 days, holidays must close at least 50 of its dates. Count the most closed dates in any 400 days, yearly ones
    twice, and compare with 50 for each open weekday.
    """
    weekdays = sum(1 for spans in calendar.weekly_hours.values() if spans)
    closed = [holiday.on for holiday in calendar.holidays if not holiday.hours]
    if weekdays and 2 * len(closed) < _CLOSED_DATES_MIN:
        return False
    dated = sorted(date.fromisoformat(on).toordinal() for on in closed if on[0] != "*")
    windows = (index + 1 - bisect_left(dated, day - LONGEST_CLOSURE // DAY) for index, day in enumerate(dated))
    most, yearly = max(windows, default=0), len(closed) - len(dated)
    return most + 2 * yearly >= _CLOSED_DATES_MIN * weekdays

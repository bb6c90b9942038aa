"""The open intervals of a calendar over the years somebody asked about, with their prefix sums; grows on demand.

Levels are counted from the start of the first horizon. They do not move when it grows: earlier instants simply have
negative ones.
"""

from array import array
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import accumulate, pairwise
from typing import TypeAlias

from services.sla.calendar.clocktime import DAY, instant
from services.sla.calendar.model import Calendar
from services.sla.calendar.spans import Span, date_of, open_spans
from shared.errors import Rejected

LONGEST_CLOSURE = 400 * DAY
FIRST_YEAR, LAST_YEAR = 1970, 2200
EARLIEST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)  # a day inside the limits, whatever the zone
LATEST = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_YEAR = 366  # days that one extension adds
_STRETCH = 16 * _YEAR  # and the most, so that what is needed while it is laid out stays small
_FEWEST = 50  # closed dates; 400 days hold 57 of any weekday, so fewer cannot close one for so long
Column: TypeAlias = "array[int]"  # of int64: a tenth of what a list of integers takes


class Horizon:
    """Disjoint half-open intervals of UTC seconds and the open seconds before each, between two midnights."""

    __slots__ = ("_ends", "_first_day", "_high", "_last_day", "_levels", "_low", "_starts", "_total", "calendar")

    def __init__(self, calendar: Calendar, *, around: date, years: int = 3) -> None:
        """Compile `years` before and after `around`. Raises `Rejected` where it stays closed for over 400 days.

        Two years at least, or a closure that long could not be seen.
        """
        self.calendar = calendar
        years = max(years, 2)
        middle = min(max(around.toordinal(), _FIRST_DAY + _YEAR), _LAST_DAY - _YEAR)
        self._first_day = max(_FIRST_DAY, middle - years * _YEAR)
        self._last_day = min(_LAST_DAY, middle + years * _YEAR)
        self._low = instant(calendar.zone, self._first_day, 0)
        self._high = instant(calendar.zone, self._last_day, 0)
        self._refuse_far_closure()
        spans = self._compile(self._first_day, self._last_day)
        self._starts, self._ends, self._levels, self._total = _columns(spans, 0)

    @property
    def days_covered(self) -> int:
        """Days between the ends of what is compiled by now."""
        return self._last_day - self._first_day

    @property
    def openings_kept(self) -> int:
        """Open spans in memory, three int64 each."""
        return len(self._starts)

    def columns(self) -> tuple[Column, Column, Column]:
        """Starts and ends of the open spans and the level at each start; replaced, never changed, when it grows."""
        return self._starts, self._ends, self._levels

    def cover(self, first: int, last: int) -> None:
        """Grow until both instants lie inside. Raises `Rejected` beyond the years that are computed."""
        while first < self._low:
            self._earlier(min(_YEAR + (self._low - first) // DAY, _STRETCH))
        while last >= self._high:
            self._later(min(_YEAR + (last - self._high) // DAY, _STRETCH))

    def reach(self, lowest: int, highest: int, *, beyond: bool) -> None:
        """Grow until both levels are reached, or with `beyond` left behind by the last one. Raises like `cover`.

        Each step is twice the one before at first, so that a far answer costs time in proportion to its distance.
        """
        days = _YEAR
        while highest > self._total or (beyond and highest == self._total):
            self._later(days)
            days = min(2 * days, _STRETCH)
        days = _YEAR
        while lowest < self._levels[0] or (not beyond and lowest == self._levels[0]):
            self._earlier(days)
            days = min(2 * days, _STRETCH)

    def _compile(self, first: int, last: int, *, before: int | None = None, after: int | None = None) -> list[Span]:
        """Spans of these days, none of them, nor what lies `before` and `after`, further apart than 400 days."""
        zone = self.calendar.zone
        low, high = (instant(zone, day, 0) for day in (first, last))
        spans = open_spans(self.calendar, first, last)
        begin, end = low if before is None else before, high if after is None else after
        around = pairwise([(begin, begin), *spans, (end, end)])
        closures = [one[1] for one, other in around if other[0] - one[1] > LONGEST_CLOSURE]
        if closures:  # the last, which is where openings that were written date by date have come to their end
            raise Rejected(
                f"calendar {self.calendar.id!r} has no open time in the 400 days after {date_of(closures[-1])}; "
                "expected weekly hours, or openings, that go on, such as mon = [['09:00', '17:00']]",
            )
        return spans

    def _refuse_far_closure(self) -> None:
        """A closure in years nobody asked about yet is refused today, or the answer would depend on who asked first."""
        if _may_stay_closed(self.calendar):
            self._compile(_FIRST_DAY, _LAST_DAY)

    def _later(self, days: int = _YEAR) -> None:
        first, last = self._last_day, min(_LAST_DAY, self._last_day + days)
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed beyond the year {LAST_YEAR}")
        added, kept, level = self._compile(first, last, before=self._ends[-1]), len(self._starts), self._total
        if added and added[0][0] == self._ends[-1]:  # one opening crosses the seam
            kept -= 1
            added[0], level = (self._starts[-1], added[0][1]), self._levels[-1]
        starts, ends, levels, self._total = _columns(added, level)
        self._starts, self._ends = self._starts[:kept] + starts, self._ends[:kept] + ends
        self._levels = self._levels[:kept] + levels
        self._last_day, self._high = last, instant(self.calendar.zone, last, 0)

    def _earlier(self, days: int = _YEAR) -> None:
        first, last = max(_FIRST_DAY, self._first_day - days), self._first_day
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed before the year {FIRST_YEAR}")
        added, gone = self._compile(first, last, after=self._starts[0]), 0
        level = self._levels[0] - sum(end - start for start, end in added)
        if added and added[-1][1] == self._starts[0]:
            gone = 1
            added[-1] = (added[-1][0], self._ends[0])
        starts, ends, levels, _ = _columns(added, level)
        self._starts, self._ends = starts + self._starts[gone:], ends + self._ends[gone:]
        self._levels = levels + self._levels[gone:]
        self._first_day, self._low = first, instant(self.calendar.zone, first, 0)


def _columns(spans: Iterable[Span], level: int) -> tuple[Column, Column, Column, int]:
    """Starts, ends and the level at each start, from the first on; and the level after the last."""
    starts, ends = (array("q", (span[side] for span in spans)) for side in (0, 1))
    lengths = (end - start for start, end in zip(starts, ends, strict=True))
    levels = array("q", accumulate(lengths, initial=level))
    total = levels.pop()
    return starts, ends, levels, total


def _may_stay_closed(calendar: Calendar) -> bool:
    """Whether there could be 400 closed days on end anywhere; false means that there are none, without looking."""
    weekdays = sum(1 for spans in calendar.weekly_hours.values() if spans)
    closed = [one.on for one in calendar.holidays if not one.hours]
    if weekdays and 2 * len(closed) < _FEWEST:
        return False
    dated = sorted(date.fromisoformat(on).toordinal() for on in closed if on[0] != "*")
    most, first = 0, 0
    for place, day in enumerate(dated):
        while day - dated[first] > LONGEST_CLOSURE // DAY:
            first += 1
        most = max(most, place - first + 1)
    yearly = len(closed) - len(dated)  # 400 days may hold a date twice
    return most + 2 * yearly >= _FEWEST * weekdays

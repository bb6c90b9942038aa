"""The open intervals of a calendar over the years somebody asked about, with their prefix sums; grows on demand.

Levels are counted from the start of the first horizon. They do not move when it grows: earlier instants simply have
negative ones.
"""

from datetime import UTC, date, datetime
from itertools import accumulate, pairwise

from services.sla.calendar.clocktime import DAY, instant
from services.sla.calendar.spans import Span, date_of, joined, open_spans
from services.sla.calendar.weekly import Calendar
from shared.errors import Rejected

LONGEST_CLOSURE = 400 * DAY
FIRST_YEAR, LAST_YEAR = 1970, 2200
EARLIEST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)  # a day inside the limits, whatever the zone
LATEST = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_YEAR = 366  # days that one extension adds
_FEWEST = 50  # holidays; 400 closed days hold 57 of any weekday, so fewer cannot close an open week for so long


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
        self._adopt(self._compile(self._first_day, self._last_day), 0)
        self._refuse_far_closure()

    @property
    def days_covered(self) -> int:
        """Days between the ends of what is compiled by now."""
        return self._last_day - self._first_day

    def columns(self) -> tuple[list[int], list[int], list[int]]:
        """Starts and ends of the open spans and the level at each start; replaced, never changed, when it grows."""
        return self._starts, self._ends, self._levels

    def cover(self, first: int, last: int) -> None:
        """Grow until both instants lie inside. Raises `Rejected` beyond the years that are computed."""
        while first < self._low:
            self._earlier(_YEAR + (self._low - first) // DAY)
        while last >= self._high:
            self._later(_YEAR + (last - self._high) // DAY)

    def reach(self, lowest: int, highest: int, *, beyond: bool) -> None:
        """Grow until both levels are reached, or with `beyond` left behind by the last one. Raises like `cover`.

        Each step doubles what is covered, so that a far answer costs time in proportion to its distance.
        """
        while highest > self._total or (beyond and highest == self._total):
            self._later(self.days_covered)
        while lowest < self._levels[0] or (not beyond and lowest == self._levels[0]):
            self._earlier(self.days_covered)

    def _compile(self, first: int, last: int, *, before: int | None = None, after: int | None = None) -> list[Span]:
        """Spans of these days, none of them, nor what lies `before` and `after`, further apart than 400 days."""
        zone = self.calendar.zone
        low, high = (instant(zone, day, 0) for day in (first, last))
        spans = open_spans(self.calendar, first, last)
        begin, end = low if before is None else before, high if after is None else after
        for one, other in pairwise([(begin, begin), *spans, (end, end)]):
            if other[0] - one[1] > LONGEST_CLOSURE:
                raise Rejected(
                    f"calendar {self.calendar.id!r} has no open time in the 400 days after {date_of(one[1])}; "
                    "expected weekly hours, or openings, that go on, such as mon = [['09:00', '17:00']]",
                )
        return spans

    def _refuse_far_closure(self) -> None:
        """A closure in years nobody asked about yet is refused today, or the answer would depend on who asked first."""
        calendar = self.calendar
        first, last = calendar.first_dated, calendar.last_dated
        if len(calendar.holidays) < _FEWEST or (self._first_day <= first and last < self._last_day):
            return
        around = _YEAR + LONGEST_CLOSURE // DAY
        self._compile(max(_FIRST_DAY, first - around), min(_LAST_DAY, last + around))

    def _later(self, days: int = _YEAR) -> None:
        first, last = self._last_day, min(_LAST_DAY, self._last_day + days)
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed beyond the year {LAST_YEAR}")
        added = self._compile(first, last, before=self._ends[-1])
        self._last_day, self._high = last, instant(self.calendar.zone, last, 0)
        self._adopt(joined(self._spans(), added), self._levels[0])

    def _earlier(self, days: int = _YEAR) -> None:
        first, last = max(_FIRST_DAY, self._first_day - days), self._first_day
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed before the year {FIRST_YEAR}")
        added = self._compile(first, last, after=self._starts[0])
        self._first_day, self._low = first, instant(self.calendar.zone, first, 0)
        level = self._levels[0] - sum(end - start for start, end in added)
        self._adopt(joined(added, self._spans()), level)

    def _adopt(self, spans: list[Span], level: int) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._levels = list(accumulate((end - start for start, end in spans), initial=level))
        self._total = self._levels.pop()

    def _spans(self) -> list[Span]:
        return list(zip(self._starts, self._ends, strict=True))

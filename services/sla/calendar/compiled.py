"""A calendar compiled for arithmetic: disjoint half-open intervals of UTC seconds, their prefix sums, and bisect.

Everything rests on one function, the open seconds up to an instant, here called its *level*. It rises by one per second
while open and rests while closed, so every question is a bisect there and back:

    level(t)         open seconds up to t, counted from the start of the first horizon
    first_at(v)      the left inverse: the earliest instant of level v; a budget that ends at closing time is due then
    last_at(v)       the right inverse: the latest instant of level v; the same budget lands at the next opening

Levels do not move when the horizon grows, earlier instants simply have negative ones. The horizon grows when
somebody asks beyond it; an answer further than 400 days of unbroken closure is refused instead of looked for.
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime
from itertools import pairwise

from services.sla.calendar.clocktime import DAY, UNIX_ORDINAL, instant
from services.sla.calendar.spans import Span, joined, open_spans
from services.sla.calendar.weekly import Calendar
from shared.errors import Rejected

LONGEST_CLOSURE = 400 * DAY
FIRST_YEAR, LAST_YEAR = 1970, 2200
EARLIEST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)  # a day inside the limits, whatever the zone
LATEST = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_YEAR = 366  # days that one extension adds


class Compiled:
    """One version of a calendar, ready to compute. Instants are whole seconds of UTC; O(log n) each."""

    __slots__ = (
        "_dates",
        "_ends",
        "_first_day",
        "_high",
        "_last_day",
        "_levels",
        "_low",
        "_starts",
        "_total",
        "calendar",
    )

    def __init__(self, calendar: Calendar, *, around: date, years: int = 3) -> None:
        """Compile `years` before and after `around`. Raises `Rejected` where it stays closed for over 400 days.

        Two years at least, or a closure that long could not be seen.
        """
        self.calendar = calendar
        self._dates: dict[int, Span | None] = {}
        years = max(years, 2)
        middle = around.toordinal()
        self._first_day = max(_FIRST_DAY, middle - years * _YEAR)
        self._last_day = min(_LAST_DAY, middle + years * _YEAR)
        spans = open_spans(calendar, self._first_day, self._last_day)
        self._low = instant(calendar.zone, self._first_day, 0)
        self._high = instant(calendar.zone, self._last_day, 0)
        self._refuse_closure([(self._low, self._low), *spans, (self._high, self._high)])
        self._adopt(spans, 0)

    def _adopt(self, spans: list[Span], level: int) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._levels = []
        for start, end in spans:
            self._levels.append(level)
            level += end - start
        self._total = level

    def _refuse_closure(self, spans: list[Span]) -> None:
        for before, after in pairwise(spans):
            if after[0] - before[1] > LONGEST_CLOSURE:
                raise Rejected(
                    f"calendar {self.calendar.id!r} has no open time in the 400 days after {_day(before[1])}; "
                    "expected weekly hours, or openings, that go on",
                )

    def _later(self, days: int = _YEAR) -> None:
        first, last = self._last_day, min(_LAST_DAY, self._last_day + days)
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed beyond the year {LAST_YEAR}")
        high = instant(self.calendar.zone, last, 0)
        added = open_spans(self.calendar, first, last)
        self._refuse_closure([(self._starts[-1], self._ends[-1]), *added, (high, high)])
        self._last_day, self._high = last, high
        self._adopt(joined(self._spans(), added), self._levels[0])

    def _earlier(self, days: int = _YEAR) -> None:
        first, last = max(_FIRST_DAY, self._first_day - days), self._first_day
        if first == last:
            raise Rejected(f"calendar {self.calendar.id!r} is not computed before the year {FIRST_YEAR}")
        low = instant(self.calendar.zone, first, 0)
        added = open_spans(self.calendar, first, last)
        self._refuse_closure([(low, low), *added, (self._starts[0], self._ends[0])])
        self._first_day, self._low = first, low
        level = self._levels[0] - sum(end - start for start, end in added)
        self._adopt(joined(added, self._spans()), level)

    def _spans(self) -> list[Span]:
        return list(zip(self._starts, self._ends, strict=True))

    def _span_days(self) -> int:
        """Doubling what we cover keeps a far answer linear in its distance."""
        return self._last_day - self._first_day

    def _cover(self, at: int) -> None:
        while at < self._low:
            self._earlier(_YEAR + (self._low - at) // DAY)
        while at >= self._high:
            self._later(_YEAR + (at - self._high) // DAY)

    def level(self, at: int) -> int:
        """Open seconds up to that instant; rises while open, rests while closed."""
        if not self._low <= at < self._high:
            self._cover(at)
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return self._levels[0]
        end = self._ends[index]
        return self._levels[index] + min(at, end) - self._starts[index]

    def first_at(self, level: int) -> int:
        """The earliest instant of that level: closing time, where a budget ends with the day."""
        while level > self._total:
            self._later(self._span_days())
        while level <= self._levels[0]:
            self._earlier(self._span_days())
        index = bisect_left(self._levels, level) - 1
        return self._starts[index] + level - self._levels[index]

    def last_at(self, level: int) -> int:
        """The latest instant of that level: the next opening, where a budget ends with the day."""
        while level >= self._total:
            self._later(self._span_days())
        while level < self._levels[0]:
            self._earlier(self._span_days())
        index = bisect_right(self._levels, level) - 1
        return self._starts[index] + level - self._levels[index]

    def add(self, at: int, seconds: int) -> int:
        """The earliest instant with so many open seconds after `at`; 0 stays, negative subtracts."""
        if seconds > 0:
            return self.first_at(self.level(at) + seconds)
        return at if seconds == 0 else self.last_at(self.level(at) + seconds)

    def subtract(self, at: int, seconds: int) -> int:
        """The latest instant with so many open seconds before `at`; the mirror of `add`."""
        return self.add(at, -seconds)

    def elapsed(self, start: int, end: int) -> int:
        """Open seconds between two instants, negative where they are reversed."""
        return self.level(end) - self.level(start)

    def is_open(self, at: int) -> bool:
        """Whether we are open; the closing instant no longer is."""
        self._cover(at)
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and at < self._ends[index]

    def next_open(self, at: int) -> int:
        """This instant where we are open, else the next opening."""
        return self.last_at(self.level(at)) if not self.is_open(at) else at

    def next_close(self, at: int) -> int:
        """The first closing after this instant."""
        opening = self.next_open(at)
        while True:  # an interval that ends with the horizon may go on behind it
            end = self._ends[bisect_right(self._starts, opening) - 1]
            if end < self._high:
                return end
            self._later()

    def last_close(self, at: int) -> int:
        """This instant where we are open or just closed, else the closing before it."""
        return at if self.is_open(at) else self.first_at(self.level(at))

    def business(self, ordinal: int) -> Span | None:
        """From the first opening to the last closing of the shifts that start on that date; None where none does."""
        if ordinal not in self._dates:
            zone, shifts, found = self.calendar.zone, list(self.calendar.shifts_on(ordinal)), None
            if shifts:
                opening = instant(zone, ordinal, min(start for start, _ in shifts))
                found = opening, self.last_close(instant(zone, ordinal, max(end for _, end in shifts)))
            self._dates[ordinal] = found
        return self._dates[ordinal]

    def into_hours(self, at: int) -> int:
        """This instant where it lies within opening hours, closing time included, else the next opening.

        Never moves back: what is promised for a Saturday may be told for Monday, not for Friday.
        """
        return at if self.last_close(at) == at else self.next_open(at)


def _day(at: int) -> date:
    return date.fromordinal(at // DAY + UNIX_ORDINAL)

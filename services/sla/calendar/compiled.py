"""A calendar compiled for arithmetic: disjoint half-open intervals of UTC seconds, their prefix sums, and bisect.

Everything rests on one function, the open seconds up to an instant, here called its *level*. It rises by one per second
while open and rests while closed, so every question is a bisect there and back:

    level(t)         open seconds up to t, counted from the start of the first horizon
    first_at(v)      the left inverse: the earliest instant of level v; a budget that ends at closing time is due then
    last_at(v)       the right inverse: the latest instant of level v; the same budget lands at the next opening

The horizon grows when somebody asks beyond it; an answer further than 400 days of unbroken closure is refused instead
of looked for.
"""

from bisect import bisect_left, bisect_right
from datetime import date

from services.sla.calendar.clocktime import instant
from services.sla.calendar.horizon import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST, LONGEST_CLOSURE, Horizon
from services.sla.calendar.model import Calendar
from services.sla.calendar.spans import Span

__all__ = ["EARLIEST", "FIRST_YEAR", "LAST_YEAR", "LATEST", "LONGEST_CLOSURE", "Compiled"]


class Compiled(Horizon):
    """One version of a calendar, ready to compute. Instants are whole seconds of UTC; O(log n) each."""

    __slots__ = ("_dates",)

    def __init__(self, calendar: Calendar, *, around: date, years: int = 3) -> None:
        """Compile `years` before and after `around`. Raises `Rejected` where it stays closed for over 400 days."""
        super().__init__(calendar, around=around, years=years)
        self._dates: dict[int, Span | None] = {}

    def level(self, at: int) -> int:
        """Open seconds up to that instant; rises while open, rests while closed."""
        if not self._low <= at < self._high:
            self.cover(at, at)
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return self._levels[0]
        end = self._ends[index]
        return self._levels[index] + min(at, end) - self._starts[index]

    def first_at(self, level: int) -> int:
        """The earliest instant of that level: closing time, where a budget ends with the day."""
        if not self._levels[0] < level <= self._total:
            self.reach(level, level, beyond=False)
        index = bisect_left(self._levels, level) - 1
        return self._starts[index] + level - self._levels[index]

    def last_at(self, level: int) -> int:
        """The latest instant of that level: the next opening, where a budget ends with the day."""
        if not self._levels[0] <= level < self._total:
            self.reach(level, level, beyond=True)
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
        if not self._low <= at < self._high:
            self.cover(at, at)
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

    def openings(self, start: int, end: int) -> list[Span]:
        """The open spans between two instants, cut at both; disjoint and in order."""
        self.cover(start, end)
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        spans = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return [(max(begin, start), min(until, end)) for begin, until in spans]

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

"""A calendar compiled for arithmetic on opening time.

All operations rest on one function, the *level* of an instant: the opening time up to it, in seconds, counted from the
start of the first horizon. It rises by one per second while the calendar is open and is constant while it is closed.
With the open intervals and their prefix sums in sorted arrays (see `horizon`), the level and both of its inverses are
one bisection each:

    level(t)         opening time up to t
    first_at(v)      left inverse: the earliest instant of level v. Opening time that is used up at closing time is
                     used up on that day
    last_at(v)       right inverse: the latest instant of level v. The same opening time ends at the next opening

Adding a budget to an instant is then `first_at(level(t) + budget)`, and the time between two instants is a difference
of levels. The horizon grows when an instant outside is requested. A calendar that stays closed for more than 400 days
is refused when it is compiled, so the growth always ends.
"""

from bisect import bisect_left, bisect_right

from services.sla.calendar.clocktime import local_to_utc
from services.sla.calendar.horizon import Horizon
from services.sla.calendar.spans import Span


class Compiled(Horizon):
    """Arithmetic on the opening time of one calendar version.

    Instants are whole seconds of UTC. Each operation takes O(log n) for n open intervals, and raises `Rejected` for an
    instant outside the years 1970 to 2200.
    """

    __slots__ = ()

    def level(self, at: int) -> int:
        """Return the opening time up to an instant, in seconds."""
        if not self._low <= at < self._high:
            self.cover(at, at)
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return self._levels[0]
        end = self._ends[index]
        return self._levels[index] + min(at, end) - self._starts[index]

    def first_at(self, level: int) -> int:
        """Return the earliest instant of a level: closing time, if the level is reached at the end of a day."""
        if not self._levels[0] < level <= self._total:
            self.reach(level, beyond=False)
        index = bisect_left(self._levels, level) - 1
        return self._starts[index] + level - self._levels[index]

    def last_at(self, level: int) -> int:
        """Return the latest instant of a level: the next opening, if the level is reached at the end of a day."""
        if not self._levels[0] <= level < self._total:
            self.reach(level, beyond=True)
        index = bisect_right(self._levels, level) - 1
        return self._starts[index] + level - self._levels[index]

    def add(self, at: int, seconds: int) -> int:
        """Return the earliest instant with `seconds` of opening time after `at`.

        0 returns `at` itself. A negative number subtracts: the latest instant with that opening time before `at`.
        """
        if seconds > 0:
            return self.first_at(self.level(at) + seconds)
        return at if seconds == 0 else self.last_at(self.level(at) + seconds)

    def elapsed(self, start: int, end: int) -> int:
        """Return the opening time between two instants in seconds, negative if `end` lies before `start`."""
        return self.level(end) - self.level(start)

    def is_open(self, at: int) -> bool:
        """Return True if the calendar is open at that instant; at the closing instant it is not."""
        if not self._low <= at < self._high:
            self.cover(at, at)
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and at < self._ends[index]

    def next_open(self, at: int) -> int:
        """Return `at` if the calendar is open then, else the next opening."""
        return at if self.is_open(at) else self.last_at(self.level(at))

    def next_close(self, at: int) -> int:
        """Return the first closing after `at`."""
        opening = self.next_open(at)
        while True:  # the last interval may be cut by the end of the horizon and continue after it
            end = self._ends[bisect_right(self._starts, opening) - 1]
            if end < self._high:
                return end
            self._grow_later()

    def last_close(self, at: int) -> int:
        """Return `at` if the calendar is open then or closes then, else the closing before it."""
        return at if self.is_open(at) else self.first_at(self.level(at))

    def openings(self, start: int, end: int) -> list[Span]:
        """Return the open spans between two instants, in order, disjoint and cut at both instants."""
        self.cover(start, end)
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        spans = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return [(max(begin, start), min(until, end)) for begin, until in spans]

    def business(self, ordinal: int) -> Span | None:
        """Return the span from the first opening to the last closing of the shifts that start on a date (ordinal).

        None if no shift starts on it, so the date is not open. The results are stored per date, at most one for each
        date from 1970 to 2200.
        """
        if ordinal not in self._hours:
            zone, shifts, hours = self.calendar.zone, list(self.calendar.shifts_on(ordinal)), None
            if shifts:
                opening = local_to_utc(zone, ordinal, min(start for start, _ in shifts))
                hours = opening, self.last_close(local_to_utc(zone, ordinal, max(end for _, end in shifts)))
            self._hours[ordinal] = hours
        return self._hours[ordinal]

    def into_hours(self, at: int) -> int:
        """Return `at` if it lies within opening hours, closing time included, else the next opening.

        The result is never earlier than `at`: a date on a Saturday may be named as Monday, but not as Friday.
        """
        return at if self.last_close(at) == at else self.next_open(at)

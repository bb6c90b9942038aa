"""When a goal is due. Whole seconds of UTC in and out; fractions of a second are dropped on the way in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from services.sla.calendar import Compiled, business_days_due
from services.sla.calendar.compiled import EARLIEST, LATEST
from services.sla.policies import Goal

Span = tuple[int, int]  # a closed pause: from, until
REMEMBERED = 8192  # instants, about two for each clock that is running now
FIRST, LAST = int(EARLIEST.timestamp()), int(LATEST.timestamp())


def seconds(at: datetime) -> int:
    """An instant as whole seconds of UTC, moved into the years that calendars cover."""
    return min(max(int(at.timestamp()), FIRST), LAST)


def instant_of(at: int) -> datetime:
    """Whole seconds of UTC as an aware instant."""
    return datetime.fromtimestamp(at, UTC)


class Course(NamedTuple):
    """A goal on its way: from `start`, by that calendar."""

    goal: Goal
    compiled: Compiled
    start: int

    def due(self, pauses: Sequence[Span] = ()) -> int:
        """When it is due, later by what was paused: opening time for opening time, wall for wall, days for days.

        Counting a pause in anything but the goal's own unit would give nights and weekends back twice. A due time
        never falls into a pause, not even one that began at that very second.
        """
        goal, compiled = self.goal, self.compiled
        if goal.wall is not None:
            at = self.start + int(goal.wall.total_seconds()) + sum(until - since for since, until in pauses)
        elif goal.business is not None:
            budget = int(goal.business.total_seconds()) + sum(compiled.elapsed(since, until) for since, until in pauses)
            at = compiled.first_at(compiled.level(self.start) + budget)
        else:
            paused = sum(_whole_days(compiled, pause) for pause in pauses)
            at = business_days_due(compiled, self.start, (goal.business_days or 1) + paused, cutoff=goal.cutoff)
        return max(at, pauses[-1][1]) if pauses else at

    def rungs(self, percents: Sequence[int], pauses: Sequence[Span] = ()) -> list[int]:
        """When each of these percentages of the way to the due time is used.

        In opening time this is the *next opening* where it falls on closing time: a warning on Friday at 17:00 tells
        nobody who could still act on it.
        """
        if not percents:
            return []
        goal, compiled = self.goal, self.compiled
        if goal.wall is not None:
            paused = sum(until - since for since, until in pauses)
            return [self.start + int(goal.wall.total_seconds()) * percent // 100 + paused for percent in percents]
        first = compiled.level(self.start)
        budget = compiled.level(self.due()) - first if goal.business is None else int(goal.business.total_seconds())
        moved = compiled.level(self.due(pauses)) - first - budget if pauses else 0
        return [compiled.last_at(first + budget * percent // 100 + moved) for percent in percents]

    def promised(self, buffer: int) -> int:
        """The date to promise: the target, later by `buffer` of opening time, within opening hours."""
        return _into_hours(self.compiled, self.due(), buffer)


@lru_cache(maxsize=REMEMBERED)
def due_at(course: Course, pauses: tuple[Span, ...] = ()) -> datetime:
    """`Course.due` as an instant; remembered, because each event of a complaint asks for it before and after."""
    return instant_of(course.due(pauses))


@lru_cache(maxsize=REMEMBERED)
def rung_at(course: Course, percent: int, pauses: tuple[Span, ...] = ()) -> datetime:
    """When that percentage of the way is used, as an instant; remembered like `due_at`."""
    return instant_of(course.rungs((percent,), pauses)[0])


@lru_cache(maxsize=REMEMBERED)  # goals in business days of one date all end at one instant
def _into_hours(compiled: Compiled, due: int, buffer: int) -> int:
    return compiled.into_hours(compiled.add(due, buffer))


def _whole_days(compiled: Compiled, pause: Span) -> int:
    """Open dates that lie wholly within the pause."""
    zone = compiled.calendar.zone
    first, last = (datetime.fromtimestamp(at, zone).toordinal() for at in pause)
    dates = (compiled.business(ordinal) for ordinal in range(first, last + 1))
    return sum(pause[0] <= day[0] and day[1] <= pause[1] for day in dates if day)

"""When a goal is due. Whole seconds of UTC in and out; fractions of a second are dropped on the way in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.sla.calendar import Compiled, business_days_due
from services.sla.calendar.compiled import EARLIEST, LATEST
from services.sla.policies import Goal

Span = tuple[int, int]  # a closed pause: from, until


def seconds(at: datetime) -> int:
    """An instant as whole seconds of UTC, moved into the years that calendars cover."""
    return int(min(max(at, EARLIEST), LATEST).timestamp())


def instant_of(at: int) -> datetime:
    """Whole seconds of UTC as an aware instant."""
    return datetime.fromtimestamp(at, UTC)


@dataclass(frozen=True, slots=True)
class Course:
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
        first, plain = compiled.level(self.start), compiled.level(self.due())
        moved = compiled.level(self.due(pauses)) - plain if pauses else 0
        return [compiled.last_at(first + (plain - first) * percent // 100 + moved) for percent in percents]

    def promised(self, buffer: int) -> int:
        """The date to promise: the target, later by `buffer` of opening time, within opening hours."""
        return self.compiled.into_hours(self.compiled.add(self.due(), buffer))


def _whole_days(compiled: Compiled, pause: Span) -> int:
    """Open dates that lie wholly within the pause."""
    zone = compiled.calendar.zone
    first, last = (datetime.fromtimestamp(at, zone).toordinal() for at in pause)
    dates = (compiled.business(ordinal) for ordinal in range(first, last + 1))
    return sum(pause[0] <= day[0] and day[1] <= pause[1] for day in dates if day)

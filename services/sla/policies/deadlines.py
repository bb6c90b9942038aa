"""When a goal is due, and where the rungs of its ladder stand. Whole seconds of UTC; fractions are dropped."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from services.sla.calendar import Compiled, business_days_due, calendar_due
from services.sla.calendar.compiled import EARLIEST, LATEST
from services.sla.policies import EscalationStep, Goal

Span = tuple[int, int]  # a closed pause: from, until
REMEMBERED = 8192  # instants, about two for each clock that is running now
FIRST, LAST = int(EARLIEST.timestamp()), int(LATEST.timestamp())


def seconds(at: datetime) -> int:
    """An instant as whole seconds of UTC, moved into the years that calendars cover."""
    return min(max(int(at.timestamp()), FIRST), LAST)


def instant_of(at: int) -> datetime:
    """Whole seconds of UTC as an aware instant."""
    return datetime.fromtimestamp(at, UTC)


class GoalClock(NamedTuple):
    """A goal on its way: from `start`, by that calendar. `spent`: seconds of it that were used before `start`."""

    goal: Goal
    compiled: Compiled
    start: int
    spent: int = 0

    @property
    def budget(self) -> int | None:
        """The seconds it has from `start`; None where it is counted in days or ends at a date."""
        span = self.goal.wall or self.goal.business
        return max(0, int(span.total_seconds()) - self.spent) if span is not None else None

    def due(self, pauses: Sequence[Span] = ()) -> int:
        """When it is due, later by what was paused: opening time for opening time, wall for wall, days for days.

        Counting a pause in anything but the goal's own unit would give nights and weekends back twice. What a pause
        took of no such time moves nothing: a goal spent to the last second before it is late when it is over.
        """
        return (
            self._in_seconds(pauses) if self.budget is not None else self._on_a_date(self.goal, self.compiled, pauses)
        )

    def _in_seconds(self, pauses: Sequence[Span]) -> int:
        budget, compiled = self.budget or 0, self.compiled
        if self.goal.wall is not None:
            return self.start + budget + sum(until - since for since, until in pauses)
        budget += sum(compiled.elapsed(since, until) for since, until in pauses)
        return compiled.first_at(compiled.level(self.start) + budget) if budget else self.start

    def _on_a_date(self, goal: Goal, compiled: Compiled, pauses: Sequence[Span]) -> int:
        if goal.at is not None:
            return seconds(goal.at)
        if goal.business_days is not None:
            paused = sum(_open_days(compiled, pause) for pause in pauses)
            days = goal.business_days + paused
            return business_days_due(
                compiled, self.start, days, cutoff=goal.cutoff, day_zero=goal.day_zero, ends=goal.ends
            )
        paused = sum(_civil_days(compiled, pause) for pause in pauses)
        return calendar_due(
            compiled.calendar.zone,
            self.start,
            days=(goal.calendar_days or 0) + paused,
            weeks=goal.calendar_weeks or 0,
            months=goal.calendar_months or 0,
        )

    def used(self, at: int, pauses: Sequence[Span] = ()) -> int:
        """Seconds of the goal's own time that had passed by `at`, pauses left out; wall time for goals in days."""
        if self.goal.business is not None:
            level = self.compiled.level
            paused = sum(level(min(until, at)) - level(since) for since, until in pauses if since < at)
            return level(at) - level(self.start) - paused
        return at - self.start - sum(min(until, at) - since for since, until in pauses if since < at)

    def rung(
        self, rung: EscalationStep, pauses: Sequence[Span] = (), repeat: int = 0, *, due: int | None = None
    ) -> int:
        """When that step of the ladder is reached; the `repeat`-th time for one that repeats.

        `due`: the due time with these pauses, where it is known already.

        In opening time a step before the due time stands at the *next opening* where it falls on closing time: a
        warning on Friday at 17:00 tells nobody who could still act on it.
        """
        due = self.due(pauses) if due is None else due
        at = self._percent(rung.percent, pauses, due) if rung.percent is not None else self._beside(rung, repeat, due)
        if not rung.open_hours:
            return at
        opening = self.compiled.next_open(at)
        return at if at <= due < opening else opening  # put off beyond the due time it would warn of nothing

    def _beside(self, rung: EscalationStep, repeat: int, due: int) -> int:
        compiled = self.compiled
        every = int(rung.every.total_seconds()) * repeat if rung.every else 0
        offset = int((rung.after or -(rung.before or timedelta())).total_seconds()) + every
        if rung.counted == "wall":
            return due + offset
        level = compiled.level(due) + offset
        return compiled.first_at(level) if offset > 0 else compiled.last_at(level)

    def _percent(self, percent: int, pauses: Sequence[Span], due: int) -> int:
        if self.goal.wall is not None:
            paused = sum(until - since for since, until in pauses)
            return self.start + (self.budget or 0) * percent // 100 + paused
        compiled = self.compiled
        first = compiled.level(self.start)
        paused = compiled.level(due) - first
        budget = compiled.level(self.due()) - first if pauses else paused
        moved = paused - budget
        return compiled.last_at(first + budget * percent // 100 + moved)

    def before_due(self, lead: Goal, due: int) -> int:
        """The latest moment that leaves `lead` before the due time."""
        if lead.business_days is not None:
            return _days_back(self.compiled, due, lead.business_days)
        if lead.business is not None:
            return self.compiled.last_at(self.compiled.level(due) - int(lead.business.total_seconds()))
        if lead.wall is not None:
            return due - int(lead.wall.total_seconds())
        days = (lead.calendar_days or 0) + 7 * (lead.calendar_weeks or 0)
        local = datetime.fromtimestamp(due, self.compiled.calendar.zone)  # the same time of day, whatever clocks do
        return int((local - timedelta(days=days)).timestamp())

    def promised(self, buffer: int) -> int:
        """The date to promise: the target, later by `buffer` of opening time, within opening hours."""
        return _into_hours(self.compiled, self.due(), buffer)


@lru_cache(maxsize=REMEMBERED)  # goals in business days of one date all end at one instant
def _into_hours(compiled: Compiled, due: int, buffer: int) -> int:
    return compiled.into_hours(compiled.add(due, buffer))


def _dates(compiled: Compiled, pause: Span) -> Iterator[int]:
    zone = compiled.calendar.zone
    first, last = (datetime.fromtimestamp(at, zone).toordinal() for at in pause)
    yield from range(first, last + 1)


def _open_days(compiled: Compiled, pause: Span) -> int:
    """Open dates that lie wholly within the pause."""
    dates = (compiled.business(ordinal) for ordinal in _dates(compiled, pause))
    return sum(pause[0] <= day[0] and day[1] <= pause[1] for day in dates if day)


def _civil_days(compiled: Compiled, pause: Span) -> int:
    """Dates that lie wholly within the pause, from midnight to midnight."""
    zone = compiled.calendar.zone
    midnight = (
        int(datetime.fromordinal(ordinal).replace(tzinfo=zone).timestamp()) for ordinal in _dates(compiled, pause)
    )
    inside = [at for at in midnight if pause[0] <= at <= pause[1]]
    return max(0, len(inside) - 1)


def _days_back(compiled: Compiled, due: int, days: int) -> int:
    """The opening of the `days`-th open date before the one that the due time falls on."""
    ordinal = datetime.fromtimestamp(due, compiled.calendar.zone).toordinal()
    opening = due
    for _ in range(days):
        ordinal -= 1
        while (hours := compiled.business(ordinal)) is None:
            ordinal -= 1
        opening = hours[0]
    return opening

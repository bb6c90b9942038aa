"""Due times of goals and times of escalation steps, in whole seconds of UTC; fractions of a second are dropped.

Each goal has a unit, and a pause moves the due time in that same unit: opening time by the opening time within the
pause, wall time by its full length, days by the dates that lie wholly within it. Mixing units would be wrong. For
example, a business goal that was paused from Friday 16:00 to Monday 10:00 has lost two hours, not sixty-six: moving it
by the length of the pause would give back nights and weekends that the goal never counted.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.sla.calendar import Compiled, business_days_due, calendar_due
from services.sla.calendar.horizon import EARLIEST, LATEST
from services.sla.policies import ClockRule, EscalationStep, Goal
from services.sla.policies.pack import ClockExtension

Span = tuple[int, int]  # a finished pause: from, until
FIRST, LAST = int(EARLIEST.timestamp()), int(LATEST.timestamp())


def seconds(at: datetime) -> int:
    """Convert an instant to whole seconds of UTC, limited to the years that calendars cover."""
    return min(max(int(at.timestamp()), FIRST), LAST)


def instant_of(at: int) -> datetime:
    """Convert whole seconds of UTC to an aware instant."""
    return datetime.fromtimestamp(at, UTC)


class GoalClock(NamedTuple):
    """A goal that counts from `start` by a calendar; `spent` seconds of it were used up before `start`."""

    goal: Goal
    compiled: Compiled
    start: int
    spent: int = 0

    @property
    def budget(self) -> int | None:
        """Seconds left at `start`; None for a goal in days or with a fixed date."""
        span = self.goal.wall or self.goal.business
        return max(0, int(span.total_seconds()) - self.spent) if span is not None else None

    def due(self, pauses: Sequence[Span] = ()) -> int:
        """Return the due time with these pauses; see the module docstring for the unit in which a pause counts.

        A pause without any time of that unit moves nothing: a goal that was used up to the last second on Friday at
        closing time is late on Monday, even if it was paused over the weekend.
        """
        budget, compiled = self.budget, self.compiled
        if budget is None:
            return self._due_on_date(pauses)
        if self.goal.wall is not None:
            return self.start + budget + sum(until - since for since, until in pauses)
        budget += sum(compiled.elapsed(since, until) for since, until in pauses)
        return compiled.first_at(compiled.level(self.start) + budget) if budget else self.start

    def _due_on_date(self, pauses: Sequence[Span]) -> int:
        goal, compiled = self.goal, self.compiled
        if goal.at is not None:
            return seconds(goal.at)
        if goal.business_days is None:
            days = (goal.calendar_days or 0) + sum(_civil_dates_within(compiled, pause) for pause in pauses)
            weeks, months = goal.calendar_weeks or 0, goal.calendar_months or 0
            return calendar_due(compiled.calendar.zone, self.start, days=days, weeks=weeks, months=months)
        days = goal.business_days + sum(_open_dates_within(compiled, pause) for pause in pauses)
        return business_days_due(compiled, self.start, days, cutoff=goal.cutoff, day_zero=goal.day_zero, ends=goal.ends)

    def used(self, at: int, pauses: Sequence[Span] = ()) -> int:
        """Return the seconds from `start` to `at` without pauses: opening time for a business goal, else wall time."""
        if self.goal.business is not None:
            level = self.compiled.level
            paused = sum(level(min(until, at)) - level(since) for since, until in pauses if since < at)
            return level(at) - level(self.start) - paused
        return at - self.start - sum(min(until, at) - since for since, until in pauses if since < at)

    def step_at(
        self, step: EscalationStep, pauses: Sequence[Span] = (), repeat: int = 0, *, due: int | None = None
    ) -> int:
        """Return the time of an escalation step; of its `repeat`-th repetition for a step that repeats.

        `due` is the due time with these pauses, if it is computed already. A step before the due time that falls on
        closing time is placed at the next opening, because nobody can act on a warning at closing time. With
        `open_hours`, each step outside opening hours waits for the next opening.
        """
        due = self.due(pauses) if due is None else due
        if step.percent is not None:
            at = self._at_percent(step.percent, pauses, due)
        else:
            at = self._at_offset(step, repeat, due)
        if not step.open_hours:
            return at
        opening = self.compiled.next_open(at)
        return at if at <= due < opening else opening  # a warning must not move beyond the due time

    def _at_offset(self, step: EscalationStep, repeat: int, due: int) -> int:
        compiled = self.compiled
        every = int(step.every.total_seconds()) * repeat if step.every else 0
        offset = int((step.after or -(step.before or timedelta())).total_seconds()) + every
        if step.counted == "wall":
            return due + offset
        level = compiled.level(due) + offset
        return compiled.first_at(level) if offset > 0 else compiled.last_at(level)

    def _at_percent(self, percent: int, pauses: Sequence[Span], due: int) -> int:
        """Return the time at which `percent` of the goal is used up.

        For goals in opening time and in days it is measured in opening time between start and due time. Pauses do not
        change what a percentage of the goal is; they move the step as far as they move the due time.
        """
        if self.goal.wall is not None:
            paused = sum(until - since for since, until in pauses)
            return self.start + (self.budget or 0) * percent // 100 + paused
        compiled = self.compiled
        first = compiled.level(self.start)
        length = compiled.level(due) - first
        budget = compiled.level(self.due()) - first if pauses else length
        moved_by = length - budget
        return compiled.last_at(first + budget * percent // 100 + moved_by)

    def before_due(self, lead: Goal, due: int) -> int:
        """Return the latest instant that leaves the time `lead` before the due time."""
        if lead.business_days is not None:
            return _opening_days_before(self.compiled, due, lead.business_days)
        if lead.business is not None:
            return self.compiled.last_at(self.compiled.level(due) - int(lead.business.total_seconds()))
        if lead.wall is not None:
            return due - int(lead.wall.total_seconds())
        days = (lead.calendar_days or 0) + 7 * (lead.calendar_weeks or 0)
        local = datetime.fromtimestamp(due, self.compiled.calendar.zone)  # local, to keep the time of day over DST
        return int((local - timedelta(days=days)).timestamp())

    def promise_at(self, buffer: int) -> int:
        """Return the date to promise: the due time plus `buffer` seconds of opening time, within opening hours."""
        return self.compiled.into_hours(self.compiled.add(self.due(), buffer))


def latest(rule: ClockRule, extension: ClockExtension, compiled: Compiled, due: int) -> int:
    """Return the latest due time after an extension: so many business days after `due`.

    The days end as the days of the clock's own goal end. `due` itself if the extension has no business days.
    """
    if not extension.business_days:
        return due
    return business_days_due(compiled, due, extension.business_days, day_zero="receipt", ends=rule.goal.ends)


def _dates_touched(compiled: Compiled, pause: Span) -> range:
    first, last = (datetime.fromtimestamp(at, compiled.calendar.zone).toordinal() for at in pause)
    return range(first, last + 1)


def _open_dates_within(compiled: Compiled, pause: Span) -> int:
    """Return the number of open dates whose business hours lie wholly within the pause."""
    hours = (compiled.business(ordinal) for ordinal in _dates_touched(compiled, pause))
    return sum(pause[0] <= span[0] and span[1] <= pause[1] for span in hours if span)


def _civil_dates_within(compiled: Compiled, pause: Span) -> int:
    """Return the number of dates that lie wholly within the pause, from midnight to midnight."""
    zone, dates = compiled.calendar.zone, _dates_touched(compiled, pause)
    midnights = (int(datetime.fromordinal(date).replace(tzinfo=zone).timestamp()) for date in dates)
    return max(0, sum(pause[0] <= midnight <= pause[1] for midnight in midnights) - 1)


def _opening_days_before(compiled: Compiled, due: int, days: int) -> int:
    """Return the opening of the `days`-th open date before the date of the due time."""
    ordinal = datetime.fromtimestamp(due, compiled.calendar.zone).toordinal()
    opening = due
    for _ in range(days):
        ordinal -= 1
        while (hours := compiled.business(ordinal)) is None:
            ordinal -= 1
        opening = hours[0]
    return opening

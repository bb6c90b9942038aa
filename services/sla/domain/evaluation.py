"""Clocks, promises and notices of a complaint at one moment: everything that follows from its facts."""

from bisect import insort
from datetime import datetime
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple

from services.sla.domain.clocks import Clock, clocks, open_clocks
from services.sla.domain.notices import LETTER, SILENCE, Notice, letters, notices, silence
from services.sla.domain.promise_status import PromiseStatus, passed, promise_statuses
from services.sla.domain.state import Ahead, SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds

PROMISES = "promises"  # all of them together, in `ahead`
EARLIEST = itemgetter(1, 0)  # the order of what is ahead: by its time, then by its name


class Evaluation(NamedTuple):
    """All of it; empty before the complaint was received. `only`: where it is not about all, the names of its parts."""

    clocks: tuple[Clock, ...] = ()
    promise_statuses: tuple[PromiseStatus, ...] = ()
    notices: tuple[Notice, ...] = ()
    only: frozenset[str] | None = None

    def at(self, looked: SlaState, rulebook: Rulebook) -> "Evaluation":
        """The ledger of the same facts with time looked at further: what was not reached by that stays as it is."""
        until = looked.reached_at
        if until is None:
            return self
        pledged = passed(self.promise_statuses, until)
        if not any(clock.is_passed(until) for clock in self.clocks):
            return self._replace(promise_statuses=pledged)
        again = evaluate(looked, rulebook) if self.only is None else part(looked, rulebook, self.only)
        return again._replace(promise_statuses=pledged)

    def without(self, until: datetime) -> "Evaluation":
        """The ledger once everything that stands up to that moment was said."""
        left = tuple(
            clock._replace(steps=tuple(step for step in clock.steps if step.at > until))
            if clock.steps and clock.steps[0].at <= until
            else clock
            for clock in self.clocks
        )
        return self._replace(clocks=left, notices=tuple(one for one in self.notices if one.at > until))

    @property
    def ahead(self) -> tuple[Ahead, ...]:
        """When time alone will next have something to say, the earliest first: rungs, due times, dates, notices."""
        found = [(clock.key, at) for clock in self.clocks if (at := clock.next_at)]
        found += [(notice.mark, notice.at) for notice in self.notices]
        promised = min((at for pledge in self.promise_statuses if (at := pledge.next_at)), default=None)
        if promised:
            found.append((PROMISES, promised))
        return tuple(sorted(found, key=EARLIEST))

    @property
    def next_at(self) -> datetime | None:
        """The earliest of them."""
        return self.ahead[0][1] if self.ahead else None

    def beside(self, known: tuple[Ahead, ...]) -> tuple[Ahead, ...]:
        """What is ahead here, and what was known to be ahead of all that is not here."""
        only = self.only
        if only is None:
            return self.ahead
        found = [one for one in known if one[0] not in only and bearer(one[0]) not in only]
        for one in self.ahead:
            insort(found, one, key=EARLIEST)
        return tuple(found)

    @property
    def tightest(self) -> Clock | None:
        """The open clock that is due first; a regulator's before our own where both are due at once."""
        due = [one for one in self.clocks if one.is_open and one.due_at is not None]
        return min(due, key=lambda one: (one.due_at, one.obligation != "regulatory"), default=None)

    @property
    def promised_at(self) -> datetime | None:
        """The earliest date that the customer was told and that waits to be kept, missed or not."""
        told = (one for one in self.promise_statuses if one.told_at is not None and one.is_last and not one.is_over)
        return min((one.promise.due_at for one in told), default=None)

    @property
    def last_due_at(self) -> datetime | None:
        """The latest due time of all that is here, whatever became of it."""
        due_times = (*(one.due_at for one in self.clocks), *(one.promise.due_at for one in self.promise_statuses))
        return max((at for at in due_times if at), default=None)

    @property
    def untold_since(self) -> datetime | None:
        """When the oldest date was made that somebody still has to be told: open, and no later version of it told."""
        waiting = (one for one in self.promise_statuses if one.status == "untold" and one.is_last and not one.is_over)
        return min((one.promise.made_at for one in waiting), default=None)

    @property
    def is_open(self) -> bool:
        """Whether a clock still waits for something."""
        return any(clock.is_open for clock in self.clocks)

    @property
    def spent_seconds(self) -> int | None:
        """Opening time from the receipt to the first answer, pauses left out; absent until there is one."""
        first = next((one for one in self.clocks if one.kind == "requester_wait" and one.charge.pack is None), None)
        if first is None or first.phase != "stopped" or first.ended_at is None:
            return None
        course, end = first.course, seconds(first.ended_at)
        return course.compiled.elapsed(course.start, end) - sum(
            course.compiled.elapsed(since, until) for since, until in first.pauses
        )


def evaluate(state: SlaState | None, rulebook: Rulebook) -> Evaluation:
    """The same facts, rulebook and calendars always give the same ledger."""
    if state is None:
        return Evaluation()
    found = tuple(clocks(state, rulebook))
    return Evaluation(found, tuple(promise_statuses(state)), tuple(notices(state, found, rulebook)))


def reached(state: SlaState, rulebook: Rulebook, now: datetime) -> Evaluation:
    """The part of the ledger that time has reached by `now`, as far as the state tells; else all of it."""
    names = due_names(state, now)
    found = part(state, rulebook, names)
    known = {clock.key for clock in found.clocks} | {PROMISES, SILENCE}
    over = any(clock.is_chance for clock in found.clocks)  # with it the complaint may be over
    return found if names and names <= known and not over else evaluate(state, rulebook)


def due_names(state: SlaState, now: datetime) -> frozenset[str]:
    """Whose moment has come by `now`, as far as the state tells."""
    return frozenset([bearer(name) for name, _ in takewhile(lambda one: one[1] <= now, state.ahead)])


def part(state: SlaState, rulebook: Rulebook, names: frozenset[str]) -> Evaluation:
    """Clocks by their keys with their letters, promises and silence, as far as they are named."""
    keys = names - {PROMISES, SILENCE}
    return around(state, rulebook, tuple(open_clocks(state, rulebook, keys)) if keys else (), names)


def around(state: SlaState, rulebook: Rulebook, found: tuple[Clock, ...], names: frozenset[str]) -> Evaluation:
    """These clocks with their letters, and what else is named."""
    noticed = silence(state, rulebook) if SILENCE in names else None
    said = (*letters(state, found), *((noticed,) if noticed else ()))
    return Evaluation(found, tuple(promise_statuses(state)) if PROMISES in names else (), said, names)


def bearer(name: str) -> str:
    """Whose it is: letters stand with their clock."""
    if name.startswith(LETTER):
        return name[len(LETTER) :].rpartition(":")[0]
    return SILENCE if name.startswith(SILENCE) else name

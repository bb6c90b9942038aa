"""From moments to runs: when a clock of one rule ran, stood still, stopped. Pure facts; no policy, no calendar.

One pass over the moments. A run that is stopped straight out of a pause ends the pause at that very instant.

What a run begins, pauses and ends with depends on the order of what happened, not on when. So the machine is asked for
places in that order, and its answer is remembered: most complaints take one of few courses.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from services.sla.domain.kinds import KINDS, RESUMES, STARTS, WAITS, Kind
from services.sla.domain.moments import ENDINGS, Moment, What
from services.sla.policies import ClockRule
from services.sla.policies.rule import Reopening, Wait

Ending = Literal["stopped", "cancelled"]
Pause = tuple[datetime, datetime | None]  # from, until; absent: still so


class Run(NamedTuple):
    """One run of a clock. `cycle` counts from 1 per item."""

    cycle: int
    item: str
    started_at: datetime
    pauses: tuple[Pause, ...] = ()
    ended_at: datetime | None = None
    ending: Ending | None = None


def runs(rule: ClockRule, counted: Iterable[Moment]) -> tuple[Run, ...]:
    """All runs that moments that count (see `happened`) give a clock of that rule, the oldest first."""
    heeds, per_item = _traits(rule).heeds, _traits(rule).kind.per_item
    heeded = [one for one in counted if one.what in heeds]
    shape = tuple([(one.what, one.item if per_item else "") for one in heeded])
    return tuple([_timed(stretch, heeded) for stretch in _stretches(rule, shape)])


def _timed(stretch: "Stretch", heeded: Sequence[Moment]) -> Run:
    started, ended = heeded[stretch.started].at, stretch.ended
    pauses = [(heeded[since].at, None if until is None else heeded[until].at) for since, until in stretch.pauses]
    ended_at = None if ended is None else heeded[ended].at
    return Run(stretch.cycle, stretch.item, started, tuple(pauses), ended_at, stretch.ending)


class Stretch(NamedTuple):
    """A run by the places of what it begins, stands still and ends with, among all that its rule heeds."""

    cycle: int
    item: str
    started: int
    pauses: tuple[tuple[int, int | None], ...] = ()
    ended: int | None = None
    ending: Ending | None = None


@lru_cache(maxsize=8192)
def _stretches(rule: ClockRule, shape: tuple[tuple[What, str], ...]) -> tuple[Stretch, ...]:
    machine = Machine(rule)
    for place, (what, item) in enumerate(shape):
        machine.meet(place, what, item)
    return tuple(machine.runs)


class Traits(NamedTuple):
    """What a rule makes of its kind. `heeds`: all that can mean something to it."""

    kind: Kind
    pauses: frozenset[Wait]
    starts: frozenset[str]
    reopen: Reopening | None
    heeds: frozenset[str]


@lru_cache(maxsize=1024)
def _traits(rule: ClockRule) -> Traits:
    kind = KINDS[rule.kind]
    waits = kind.pauses if rule.pauses is None else frozenset(rule.pauses)
    regulatory = (rule.obligation or kind.obligation) == "regulatory"
    pauses: frozenset[Wait] = frozenset() if regulatory else waits
    starts = frozenset[str]({STARTS[rule.start]}) if rule.start else kind.starts
    heeds = kind.stops | kind.cancels | starts | ENDINGS | {"reopened"} | (RESUMES | set(WAITS) if pauses else set())
    return Traits(kind, pauses, starts, rule.reopen or kind.reopen, heeds)


class Machine:
    """Reads what happened, in order, by its places. `runs` is what they came to so far."""

    def __init__(self, rule: ClockRule) -> None:
        self.kind, self.pauses, self.starts, self.reopen, self.heeds = _traits(rule)
        self.runs: list[Stretch] = []
        self._open = True  # the complaint, between receipt and ending
        self._awaited: Wait | None = None  # by whom the complaint stands still, whether a clock runs or not

    def meet(self, at: int, what: What, item: str) -> None:
        """Stop, cancel, pause, resume or start: the first of these that the moment at that place means."""
        kind = self.kind
        if what in RESUMES or what in ENDINGS:
            self._awaited = WAITS.get(what)
        place = self._running(item)
        if place is not None and what in kind.stops:
            self._stop(place, at, item)
        elif what in kind.cancels and self._open:
            for running in self._all_running():
                self._end(running, at, "cancelled")
        elif place is not None and (what in RESUMES or WAITS.get(what) in self.pauses):
            self._wait(place, at, what)
        elif what == "reopened":
            self._reopen(at, item)
        elif what in self.starts and place is None and self._may_start(what):
            self._start(at, item)
        self._open = what == "reopened" or (self._open and what not in ENDINGS)

    def _stop(self, place: int, at: int, item: str) -> None:
        self._end(place, at, "stopped")
        if self.kind.again:
            self._start(at, item)

    def _wait(self, place: int, at: int, what: What) -> None:
        """A wait that counts begins; every other move of the handler ends the one before."""
        self._resume(place, at)
        if WAITS.get(what) in self.pauses:
            self._change(place, pauses=(*self.runs[place].pauses, (at, None)))

    def _may_start(self, what: What) -> bool:
        """What starts with the receipt starts once; the rest whenever it happens again, while the case is open."""
        once = self.kind.starts != frozenset({"customer_wrote"}) and not self.kind.again and not self.kind.per_item
        if once and what not in ("stage2_requested", "ombudsman_asked"):
            return not self.runs
        needs_open = "resolved" in self.kind.cancels or "resolved" in self.kind.stops
        return self._open or not needs_open

    def _running(self, item: str) -> int | None:
        """The run that such a moment is about, if one is open."""
        for place in range(len(self.runs) - 1, -1, -1):
            run = self.runs[place]
            if run.ended is None and (not self.kind.per_item or run.item == item or not run.item):
                return place
        return None

    def _all_running(self) -> Iterator[int]:
        return (place for place, run in enumerate(self.runs) if run.ended is None)

    def _start(self, at: int, item: str) -> None:
        """What begins while somebody is awaited stands still at first: a reminder starts no new update's time."""
        cycle = 1 + sum(run.item == item for run in self.runs)
        self.runs.append(Stretch(cycle, item, at, ((at, None),) if self._awaited in self.pauses else ()))

    def _reopen(self, at: int, item: str) -> None:
        last = self.runs[-1] if self.runs else None
        if self.reopen is None or last is None or last.ended is None:
            return
        if self.reopen == "new_cycle":
            self._start(at, item)
            return
        closed = () if self.kind.closed_counts else ((last.ended, at),)
        self._change(len(self.runs) - 1, pauses=(*last.pauses, *closed), ended=None, ending=None)

    def _resume(self, place: int, at: int) -> None:
        pauses = self.runs[place].pauses
        if pauses and pauses[-1][1] is None:
            self._change(place, pauses=(*pauses[:-1], (pauses[-1][0], at)))

    def _end(self, place: int, at: int, ending: Ending) -> None:
        self._resume(place, at)
        self._change(place, ended=at, ending=ending)

    def _change(self, place: int, **changes: object) -> None:
        self.runs[place] = self.runs[place]._replace(**changes)  # type: ignore[arg-type]  # the fields of a Stretch

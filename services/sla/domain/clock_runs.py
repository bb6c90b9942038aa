"""From moments to runs: when a clock of one rule ran, stood still, stopped. Pure facts; no policy, no calendar.

One pass over the moments. A run that is stopped straight out of a pause ends the pause at that very instant.

What a run begins, pauses and ends with depends on the order of what happened, not on when. So the machine is asked for
places in that order, and its answer is remembered: most complaints take one of few courses.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from services.sla.domain.clock_types import GONE, KINDS, RESOLVED, RESUMES, STARTS, WAITS, ClockType
from services.sla.domain.history import ENDINGS, HistoryEntry, What
from services.sla.policies import ClockRule
from services.sla.policies.rule import Reopening, Wait

Ending = Literal["stopped", "cancelled"]
ANEW = frozenset({"stage2_requested", "ombudsman_asked", "queued"})  # asked for again, it starts again
Pause = tuple[datetime, datetime | None]  # from, until; absent: still so


class ClockRun(NamedTuple):
    """One run of a clock. `cycle` counts from 1 per item."""

    cycle: int
    item: str
    started_at: datetime
    pauses: tuple[Pause, ...] = ()
    ended_at: datetime | None = None
    ending: Ending | None = None


def runs(rule: ClockRule, counted: Iterable[HistoryEntry]) -> tuple[ClockRun, ...]:
    """All runs that moments that count (see `happened`) give a clock of that rule, the oldest first."""
    heeds, per_item = _traits(rule).heeds, _traits(rule).kind.per_item
    heeded = [one for one in counted if one.what in heeds]
    shape = tuple([(one.what, one.item if per_item else "") for one in heeded])
    return tuple([_timed(stretch, heeded) for stretch in _stretches(rule, shape)])


def _timed(stretch: "Stretch", heeded: Sequence[HistoryEntry]) -> ClockRun:
    started, ended = heeded[stretch.started].at, stretch.ended
    pauses = [(heeded[since].at, None if until is None else heeded[until].at) for since, until in stretch.pauses]
    ended_at = None if ended is None else heeded[ended].at
    return ClockRun(stretch.cycle, stretch.item, started, tuple(pauses), ended_at, stretch.ending)


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
    """What a rule makes of its kind. `heeds`: all that can mean something to it; `open_only`: nothing starts closed."""

    kind: ClockType
    pauses: frozenset[Wait]
    starts: frozenset[str]
    stops: frozenset[str]
    reopen: Reopening | None
    open_only: bool
    heeds: frozenset[str]


@lru_cache(maxsize=1024)
def _traits(rule: ClockRule) -> Traits:
    kind = KINDS[rule.kind]
    waits = kind.pauses if rule.pauses is None else frozenset(rule.pauses)
    regulatory = (rule.obligation or kind.obligation) == "regulatory"
    pauses: frozenset[Wait] = frozenset() if regulatory else waits
    starts = frozenset[str]({STARTS[rule.start]}) if rule.start else kind.starts
    # No regulator's clock ends with what nobody was told, unless there is nothing else that ends it.
    stops = (kind.stops - RESOLVED or kind.stops) if regulatory else kind.stops
    open_only = not RESOLVED.isdisjoint(stops | kind.cancels)
    heeds = stops | kind.cancels | starts | ENDINGS | {"reopened"} | (RESUMES | set(WAITS) if pauses else set())
    return Traits(kind, pauses, starts, stops, rule.reopen or kind.reopen, open_only, heeds)


class Machine:
    """Reads what happened, in order, by its places. `runs` is what they came to so far."""

    def __init__(self, rule: ClockRule) -> None:
        self.kind, self.pauses, self.starts, self.stops, self.reopen, self._open_only, self.heeds = _traits(rule)
        self.runs: list[Stretch] = []
        self._open = True  # the complaint, between receipt and ending
        self._over = False  # withdrawn, merged, or answered, and not reopened
        self._missed: dict[str, int] = {}  # starts that came while it was closed, by item
        self._awaited: Wait | None = None  # by whom the complaint stands still, whether a clock runs or not

    def meet(self, at: int, what: What, item: str) -> None:
        """Stop, cancel, pause, resume or start: the first of these that the moment at that place means."""
        resumes = self._resumes(what)
        place, running = self._running(item), [*self._all_running()]
        if place is not None and what in self.stops:
            self._stop(place, at, item)
        elif what in self.kind.cancels and self._open:
            for one in running:
                self._end(one, at, "cancelled")
        elif running and (resumes or WAITS.get(what) in self.pauses):
            for one in running:
                self._wait(one, at, what)
        elif what == "reopened":
            self._reopen(at, item)
        elif what in self.starts and place is None:
            self._begin(at, what, item)
        self._open = what == "reopened" or (self._open and what not in ENDINGS)
        ended = what in GONE or (what == "answer_told" and what in self.stops and not self._open)
        self._over = ended or (self._over and what != "reopened")

    def _resumes(self, what: What) -> bool:
        """Whether it ends a wait; notes who is awaited now. What a supplier hands back is no word of the customer."""
        resumes = what in RESUMES and (what != "handed_back" or self._awaited != "customer")
        if resumes or what in ENDINGS or what == "reopened":
            self._awaited = WAITS.get(what)
        return resumes

    def _stop(self, place: int, at: int, item: str) -> None:
        self._end(place, at, "stopped")
        if self.kind.again:
            self._start(at, item)

    def _wait(self, place: int, at: int, what: What) -> None:
        """A wait that counts begins; every other move of the handler ends the one before."""
        self._resume(place, at)
        if WAITS.get(what) in self.pauses:
            self._change(place, pauses=(*self.runs[place].pauses, (at, None)))

    def _begin(self, at: int, what: What, item: str) -> None:
        """What starts with the receipt starts once; the rest whenever it happens again. Closed cases start nothing."""
        kind = self.kind
        once = kind.starts != frozenset({"customer_wrote"}) and not kind.again and not kind.per_item
        if once and self.runs and what not in ANEW:
            return
        if self._over or (self._open_only and not self._open):
            self._missed.setdefault(item, at)
        else:
            self._start(at, item)

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
        missed, self._missed = self._missed, {}
        if self.reopen is not None and last is not None and last.ended is not None:
            self._again(last, at, item)
        elif missed:
            for one, since in missed.items():
                self._start(since if self.kind.closed_counts else at, one)
        elif self.kind.revives and last is not None and last.ending == "cancelled":
            self._start(at, item)

    def _again(self, last: Stretch, at: int, item: str) -> None:
        if self.reopen == "new_cycle":
            self._start(at, item)
            return
        assert last.ended is not None  # noqa: S101  # the caller looked
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

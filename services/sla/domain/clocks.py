"""Clocks, derived: facts + terms + calendar in, phase and due time out. Nothing here is stored.

A clock is a run of one rule under the terms that were in force when it ended, or are now. RUNNING ⇄ PAUSED while
somebody is awaited; STOPPED by what it waited for, which also closes an open pause; CANCELLED by a withdrawal. Breached
stands apart from the phase and compares wall-clock times, so an answer on Saturday is late for a Friday even though we
were closed in between. Time we did not run does not count: a due time that `reached_at` has passed, or after which
anything happened, was missed.

Every event derives all clocks before and after it, so a clock whose facts did not change is remembered, not computed.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from services.sla.domain.clock_runs import ClockRun, Pause, runs
from services.sla.domain.clock_types import KINDS
from services.sla.domain.due_times import CarriedTime, PlacedRun, carried_over, place
from services.sla.domain.history import HistoryEntry, happened
from services.sla.domain.state import AppliedTerms, SlaState
from services.sla.domain.terms import stretches
from services.sla.policies import ClockRule, ClockSpec, Goal, Rulebook
from services.sla.policies.deadlines import CACHED_CLOCKS, GoalClock, Span, instant_of, seconds
from shared.contracts.events import ClockKind, Obligation

Phase = Literal["running", "paused", "stopped", "cancelled"]
INSTANT = timedelta(microseconds=1)  # a due time plus this is the first moment that is late


class PendingStep(NamedTuple):
    """A rung that can still fire: its name, when, who should act, and whether it stands after the due time."""

    name: str
    at: datetime
    to: str
    after: bool


class Clock(NamedTuple):
    """One clock of one cycle. `due_at` is absent while paused; `ended_at` is when it stopped or was cancelled.

    `provisional`: triage has not spoken, so the terms may still change. `steps` can still fire, the earliest first;
    `pauses` moved the due time. `next_at`: when time alone will next have something to say about it.
    """

    charge: ClockSpec
    under: AppliedTerms
    cycle: int
    item: str
    course: GoalClock
    started_at: datetime
    phase: Phase
    due_at: datetime | None
    ended_at: datetime | None
    breached: bool
    provisional: bool
    steps: tuple[PendingStep, ...]
    pauses: tuple[Span, ...]
    waits: tuple[Pause, ...]  # as they happened, whether they count or not

    @property
    def kind(self) -> ClockKind:
        """What it measures."""
        return self.charge.rule.kind

    @property
    def goal(self) -> Goal:
        """What it was given."""
        return self.charge.rule.goal

    @property
    def obligation(self) -> Obligation:
        """Whose rule it is: a regulator's, or our own."""
        if self.charge.pack is not None:
            return "regulatory"
        return self.charge.rule.obligation or KINDS[self.kind].obligation

    @property
    def key(self) -> str:
        """What tells it apart from the other clocks of a complaint, over policies and calendars."""
        return mark(self.charge, self.item, self.cycle)

    @property
    def is_open(self) -> bool:
        """Whether it still waits for something."""
        return self.phase in ("running", "paused")

    @property
    def is_chance(self) -> bool:
        """Whether it measures something that may be done in time and need not: once due it is over, not missed."""
        return KINDS[self.kind].chance

    @property
    def next_at(self) -> datetime | None:
        """When time alone will next have something to say: the earliest rung, else the first moment that is late."""
        if self.phase != "running" or self.due_at is None:
            return None
        late = None if self.breached else self.due_at + INSTANT
        step = self.steps[0].at if self.steps else None
        return min((at for at in (late, step) if at is not None), default=None)

    def is_passed(self, reached_at: datetime) -> bool:
        """Whether its due time is missed by then, and was not before."""
        return self.ended_at is None and not self.breached and self.due_at is not None and self.due_at < reached_at

    def forecast(self, at: datetime) -> datetime | None:
        """While it stands still: when it would be due if it went on at `at`."""
        if self.phase != "paused":
            return None
        since = max((begun for begun, over in self.waits if over is None), default=at)
        return instant_of(self.course.due((*self.pauses, (seconds(since), max(seconds(since), seconds(at))))))


def mark(charge: ClockSpec, item: str, cycle: int) -> str:
    """The name under which the rungs of a clock are remembered once they fired."""
    return f"{charge.name}:{item}:{cycle}" if item else f"{charge.name}:{cycle}"


def clocks(state: SlaState, rulebook: Rulebook) -> Iterator[Clock]:
    """All clocks of a complaint, those of a rule together; none before it was received."""
    if not state.terms or state.receipt is None:
        return
    for found in _running(state.moments, state.terms, rulebook):
        yield derived(state, found)


def open_clocks(state: SlaState, rulebook: Rulebook, keys: Collection[str]) -> Iterator[Clock]:
    """Of the clocks that have not ended those of these keys, without a look at the others."""
    for found in open_runs(state, rulebook, lambda charge: any(key.startswith(charge.name) for key in keys)):
        _, charge, run, _ = found
        if mark(charge, run.item, run.cycle) in keys:
            yield derived(state, found)


def open_runs(
    state: SlaState, rulebook: Rulebook, wanted: Callable[[ClockSpec], bool] = lambda _: True
) -> Iterator["Found"]:
    """Runs that have not ended, of the charges that are wanted, with the terms in force now."""
    if not state.terms or state.receipt is None:
        return
    counted, under = happened(state.moments), state.terms[-1]
    carries = any(one.mode == "rebase_remaining" for one in state.terms)
    for charge in rulebook.clock_specs(under.terms):
        if wanted(charge):
            for run in runs(charge.rule, counted):
                if run.ended_at is None:
                    yield under, charge, run, carried_over(state.terms, charge, run, rulebook) if carries else None


def derived(state: SlaState, found: "Found") -> Clock:
    """The clock of a run; remembered."""
    _, charge, run, carried = found
    placed = _place(charge, run, carried)
    return _clock(_facts(state, found), placed, _passed(state, run, placed))


def derived_once(state: SlaState, found: "Found", placed: PlacedRun, *, steps: bool = True) -> Clock:
    """The clock of a run on its calendar, not remembered; without its `steps` where nobody asks when it will speak."""
    passed = _passed(state, found[2], placed)
    return _made(_facts(state, found), placed, passed=passed, steps=steps)


def is_over(state: SlaState, found: "Found", placed: PlacedRun) -> bool:
    """Whether it was a chance that has passed: nothing ended its run, and it is open no more."""
    _, charge, run, _ = found
    return KINDS[charge.rule.kind].chance and _passed(state, run, placed)


def _facts(state: SlaState, found: "Found") -> "_Facts":
    under, charge, run, carried = found
    name, fired = mark(charge, run.item, run.cycle), state.fired
    own = tuple(one for one in fired if one.startswith(name) and one[len(name)] == ":") if fired else ()
    return _Facts(charge, under, run, carried, own, not state.triages)


def _passed(state: SlaState, run: ClockRun, placed: PlacedRun) -> bool:
    """Whether time passed the due time, by a look or anything that happened since; what ended is judged by its end."""
    due_at = placed.due_at
    if run.ended_at is not None or due_at is None:
        return False
    return due_at < state.moments[-1].at or (state.reached_at is not None and due_at < state.reached_at)


class _Facts(NamedTuple):
    charge: ClockSpec
    under: AppliedTerms
    run: ClockRun
    carried: CarriedTime | None
    fired: tuple[str, ...]
    provisional: bool


Found = tuple[AppliedTerms, ClockSpec, ClockRun, CarriedTime | None]


@lru_cache(maxsize=CACHED_CLOCKS)
def _running(
    moments: tuple[HistoryEntry, ...], terms: tuple[AppliedTerms, ...], rulebook: Rulebook
) -> tuple[Found, ...]:
    """Every run with the terms that count for it: those it ended under, else those in force now."""
    found: list[Found] = []
    counted = happened(moments)
    known: dict[ClockRule, tuple[ClockRun, ...]] = {}  # most terms after the first ask for the same clocks
    for number, (under, until) in enumerate(stretches(terms)):
        if until is not None and not any(one.at <= until for one in counted[1:]):
            continue  # only the receipt had happened by then, and that ends nothing
        for charge in rulebook.clock_specs(under.terms):
            if charge.rule not in known:
                known[charge.rule] = runs(charge.rule, counted)
            for run in known[charge.rule]:
                ended = run.ended_at
                begins = number == 0 or ended is None or ended > under.at
                if begins and (until is None or (ended is not None and ended <= until)):
                    found.append((under, charge, run, carried_over(terms[: number + 1], charge, run, rulebook)))
    return tuple(found)


@lru_cache(maxsize=CACHED_CLOCKS)
def _place(charge: ClockSpec, run: ClockRun, carried: CarriedTime | None) -> PlacedRun:
    return place(charge, run, carried)


@lru_cache(maxsize=CACHED_CLOCKS)
def _clock(facts: _Facts, placed: PlacedRun, passed: bool) -> Clock:
    return _made(facts, placed, passed=passed)


def _made(facts: _Facts, placed: PlacedRun, *, passed: bool, steps: bool = True) -> Clock:
    charge, run, due = facts.charge, facts.run, placed.due_at
    phase, ended_at = _phase(run, waiting=placed.waiting), run.ended_at
    late = passed or (due is not None and ended_at is not None and ended_at > due)
    if late and KINDS[charge.rule.kind].chance:
        phase, ended_at, late = "cancelled", due, False  # a chance that is over; nobody missed anything
    return Clock(
        charge=charge,
        under=facts.under,
        cycle=run.cycle,
        item=run.item,
        course=placed.course,
        started_at=run.started_at,
        phase=phase,
        due_at=due,
        ended_at=ended_at,
        breached=late,
        provisional=facts.provisional,
        steps=_steps(facts, placed, passed=passed) if phase == "running" and steps else (),
        pauses=placed.pauses,
        waits=run.pauses,
    )


def _steps(facts: _Facts, placed: PlacedRun, *, passed: bool) -> tuple[PendingStep, ...]:
    """The rungs that can fire next, the earliest first: those before the due time until it has passed."""
    course, pauses, _, due_at = placed
    due = seconds(due_at) if due_at else None
    prefix = len(mark(facts.charge, facts.run.item, facts.run.cycle)) + 1
    gone = {one[prefix:] for one in facts.fired}
    found = [
        PendingStep(name, instant_of(course.step_at(rung, pauses, repeat, due=due)), rung.addressee, passed)
        for rung in facts.charge.rule.steps
        if (rung.after is not None) is passed
        for repeat in range(rung.at_most)
        if (name := f"{rung.name}#{repeat + 1}" if repeat else rung.name) not in gone
    ]
    return tuple(sorted(found, key=lambda step: step.at))  # of those at one instant the highest is the last


def _phase(run: ClockRun, *, waiting: bool) -> Phase:
    if run.ending is not None:
        return run.ending
    return "paused" if waiting else "running"

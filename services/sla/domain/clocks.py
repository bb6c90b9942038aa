"""Clocks, derived: facts + terms + calendar in, phase and due time out. Nothing here is stored.

A clock is a run of one rule under the terms that were in force when it ended, or are now. RUNNING ⇄ PAUSED while
somebody is awaited; STOPPED by what it waited for, which also closes an open pause; CANCELLED by a withdrawal. Breached
stands apart from the phase and compares wall-clock times, so an answer on Saturday is late for a Friday even though we
were closed in between. Time we did not run does not count: a due time that `reached_at` has passed was missed.

Every event derives all clocks before and after it, so a clock whose facts did not change is remembered, not computed.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from services.sla.domain.goals import REMEMBERED, Course, Span, due_at, instant_of, seconds
from services.sla.domain.kinds import KINDS
from services.sla.domain.moments import Moment, happened
from services.sla.domain.runs import Pause, Run, runs
from services.sla.domain.state import Complaint, Under
from services.sla.domain.terms import stretches
from services.sla.policies import Charge, ClockRule, Goal, Rulebook
from shared.contracts.events import ClockKind, Obligation

Phase = Literal["running", "paused", "stopped", "cancelled"]
INSTANT = timedelta(microseconds=1)  # a due time plus this is the first moment that is late


class Step(NamedTuple):
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

    charge: Charge
    under: Under
    cycle: int
    item: str
    course: Course
    started_at: datetime
    phase: Phase
    due_at: datetime | None
    ended_at: datetime | None
    breached: bool
    provisional: bool
    steps: tuple[Step, ...]
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
        return due_at(self.course, (*self.pauses, (seconds(since), max(seconds(since), seconds(at)))))


def mark(charge: Charge, item: str, cycle: int) -> str:
    """The name under which the rungs of a clock are remembered once they fired."""
    return f"{charge.name}:{item}:{cycle}" if item else f"{charge.name}:{cycle}"


def clocks(state: Complaint, rulebook: Rulebook) -> Iterator[Clock]:
    """All clocks of a complaint, those of a rule together; none before it was received."""
    if not state.terms or state.receipt is None:
        return
    for found in _running(state.moments, state.terms, rulebook):
        yield derived(state, found)


def open_clocks(state: Complaint, rulebook: Rulebook, keys: Collection[str]) -> Iterator[Clock]:
    """Of the clocks that have not ended those of these keys, without a look at the others."""
    for found in open_runs(state, rulebook, lambda charge: any(key.startswith(charge.name) for key in keys)):
        _, charge, run, _ = found
        if mark(charge, run.item, run.cycle) in keys:
            yield derived(state, found)


def open_runs(
    state: Complaint, rulebook: Rulebook, wanted: Callable[[Charge], bool] = lambda _: True
) -> Iterator["Found"]:
    """Runs that have not ended, of the charges that are wanted, with the terms in force now."""
    if not state.terms or state.receipt is None:
        return
    counted, under = happened(state.moments), state.terms[-1]
    for charge in rulebook.charges(under.terms):
        if wanted(charge):
            for run in runs(charge.rule, counted):
                if run.ended_at is None:
                    yield under, charge, run, _carried(state.terms, charge, run, rulebook)


def derived(state: Complaint, found: "Found", *, steps: bool = True) -> Clock:
    """The clock of a run; without its `steps` where nobody asks when it will speak."""
    under, charge, run, carried = found
    name, fired = mark(charge, run.item, run.cycle), state.fired
    own = tuple(one for one in fired if one.startswith(name) and one[len(name)] == ":") if fired else ()
    placed, facts = place(charge, run, carried), _Facts(charge, under, run, carried, own, not state.triages)
    return _clock(facts, placed, _passed(run, placed, state.reached_at), steps)


def _passed(run: Run, placed: "_Placed", reached_at: datetime | None) -> bool:
    """Whether time was looked at beyond the due time; what ended is judged by its end."""
    return run.ended_at is None and placed.due_at is not None and reached_at is not None and placed.due_at < reached_at


class _Carried(NamedTuple):
    """What a run had used up under earlier terms, by the moment new ones began with what was left."""

    at: datetime
    spent: int


class _Facts(NamedTuple):
    charge: Charge
    under: Under
    run: Run
    carried: _Carried | None
    fired: tuple[str, ...]
    provisional: bool


Found = tuple[Under, Charge, Run, _Carried | None]


@lru_cache(maxsize=REMEMBERED)
def _running(moments: tuple[Moment, ...], terms: tuple[Under, ...], rulebook: Rulebook) -> tuple[Found, ...]:
    """Every run with the terms that count for it: those it ended under, else those in force now."""
    found: list[Found] = []
    counted = happened(moments)
    known: dict[ClockRule, tuple[Run, ...]] = {}  # most terms after the first ask for the same clocks
    for place, (under, until) in enumerate(stretches(terms)):
        if until is not None and not any(one.at <= until for one in counted[1:]):
            continue  # only the receipt had happened by then, and that ends nothing
        for charge in rulebook.charges(under.terms):
            if charge.rule not in known:
                known[charge.rule] = runs(charge.rule, counted)
            for run in known[charge.rule]:
                ended = run.ended_at
                begins = place == 0 or ended is None or ended > under.at
                if begins and (until is None or (ended is not None and ended <= until)):
                    found.append((under, charge, run, _carried(terms[: place + 1], charge, run, rulebook)))
    return tuple(found)


def _carried(terms: Sequence[Under], charge: Charge, run: Run, rulebook: Rulebook) -> _Carried | None:
    """Where the last terms began with what was left: how much of the goal had been used, by the terms before."""
    under = terms[-1]
    if under.mode != "rebase_remaining" or under.why != "rebase" or len(terms) == 1 or run.started_at >= under.at:
        return None
    for older in rulebook.charges(terms[-2].terms):
        if older.name != charge.name or older.rule.goal.unit != charge.rule.goal.unit:
            continue
        before = _carried(terms[:-1], older, run, rulebook)
        course = _course(older, run, before)
        counted, _ = _counted(course, run.pauses, run.ended_at)
        return _Carried(under.at, course.spent + course.used(seconds(under.at), counted))
    return None


def _course(charge: Charge, run: Run, carried: _Carried | None) -> Course:
    if carried is None or charge.rule.goal.unit not in ("wall", "business"):
        return Course(charge.rule.goal, charge.compiled, seconds(run.started_at))
    return Course(charge.rule.goal, charge.compiled, seconds(carried.at), carried.spent)


class _Placed(NamedTuple):
    """A run on its calendar: when it is due, unless it waits, and the pauses that moved that."""

    course: Course
    pauses: tuple[Span, ...]
    waiting: bool
    due_at: datetime | None


@lru_cache(maxsize=REMEMBERED)
def place(charge: Charge, run: Run, carried: _Carried | None) -> _Placed:
    """That run on its calendar; remembered."""
    course = _course(charge, run, carried)
    counted, waiting = _counted(course, run.pauses, run.ended_at)
    return _Placed(course, counted, waiting, None if waiting else due_at(course, counted))


@lru_cache(maxsize=REMEMBERED)
def _clock(facts: _Facts, placed: _Placed, passed: bool, steps: bool) -> Clock:
    charge, run, due = facts.charge, facts.run, placed.due_at
    phase = _phase(run, waiting=placed.waiting)
    late = due is not None and run.ended_at is not None and run.ended_at > due
    return Clock(
        charge=charge,
        under=facts.under,
        cycle=run.cycle,
        item=run.item,
        course=placed.course,
        started_at=run.started_at,
        phase=phase,
        due_at=due,
        ended_at=run.ended_at,
        breached=passed or late,
        provisional=facts.provisional,
        steps=_steps(facts, placed, passed=passed) if phase == "running" and steps else (),
        pauses=placed.pauses,
        waits=run.pauses,
    )


def _steps(facts: _Facts, placed: _Placed, *, passed: bool) -> tuple[Step, ...]:
    """The rungs that can fire next, the earliest first: those before the due time until it has passed."""
    course, pauses, _, due_at = placed
    due = seconds(due_at) if due_at else None
    prefix = len(mark(facts.charge, facts.run.item, facts.run.cycle)) + 1
    gone = {one[prefix:] for one in facts.fired}
    found = [
        Step(name, instant_of(course.rung(rung, pauses, repeat, due=due)), rung.addressee, passed)
        for rung in facts.charge.rule.rungs
        if (rung.after is not None) is passed
        for repeat in range(rung.at_most)
        if (name := f"{rung.name}#{repeat + 1}" if repeat else rung.name) not in gone
    ]
    return tuple(sorted(found, key=lambda step: step.at))


def _counted(course: Course, pauses: Sequence[Pause], ended_at: datetime | None) -> tuple[tuple[Span, ...], bool]:
    """The pauses that move the due time, and whether one is still open.

    One that began after the due time moves nothing: what is late stays late, whoever is awaited afterwards.
    """
    counted: list[Span] = []
    last = seconds(ended_at) if ended_at else None
    for begun, over in pauses:
        since = max(seconds(begun), course.start)
        if over is not None and seconds(over) <= course.start:
            continue  # it lies in what was used up under earlier terms
        if course.due(counted) < since or (last is not None and since >= last):
            break
        if over is None:
            return tuple(counted), True
        until = seconds(over)
        counted.append((since, max(since, until if last is None else min(until, last))))
    return tuple(counted), False


def _phase(run: Run, *, waiting: bool) -> Phase:
    if run.ending is not None:
        return run.ending
    return "paused" if waiting else "running"

"""Clocks: the phase and due time of every run, derived from facts, terms and calendar. Nothing here is stored.

A clock is a run of one rule under the terms in force when it ended, or in force now. RUNNING ⇄ PAUSED while somebody is
awaited; STOPPED by its stop event, which also closes an open pause; CANCELLED by a withdrawal. A breach is independent
of the phase and compares wall-clock times: an answer on Saturday is late for a due time on Friday, although the office
was closed in between. A due time earlier than `reached_at`, or than any entry of the history, was missed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from services.sla.domain.clock_runs import AppliedType, ClockRun, Pause, apply_rule, derive_runs, effective_pauses
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.history import History
from services.sla.domain.state import AppliedTerms, SlaState
from services.sla.policies import ClockSpec, Goal, Rulebook
from services.sla.policies.deadlines import GoalClock, Span, instant_of, seconds
from services.sla.policies.pack import LetterRule
from shared.contracts.events import ClockKind, Obligation

Phase = Literal["running", "paused", "stopped", "cancelled"]
CarriedTime = tuple[datetime, int]  # when terms took over with the remaining time; seconds of the goal used before
ONE_MICROSECOND = timedelta(microseconds=1)  # the first moment after a due time is late


class PendingStep(NamedTuple):
    """Escalation step that can still fire: name, time, addressee, and whether it comes after the due time."""

    name: str
    at: datetime
    to: str
    after: bool


@dataclass(frozen=True)
class TimedRun:
    """Clock run with its due time, absent while it is paused. `pauses` are those that moved the due time."""

    spec: ClockSpec
    run: ClockRun
    course: GoalClock
    pauses: tuple[Span, ...]
    waiting: bool
    due_at: datetime | None

    @cached_property
    def warnings(self) -> tuple[PendingStep, ...]:
        """Steps before the due time, the earliest first."""
        return self._steps(after=False)

    @cached_property
    def escalations(self) -> tuple[PendingStep, ...]:
        """Steps after the due time, the earliest first."""
        return self._steps(after=True)

    @cached_property
    def letters(self) -> tuple[tuple[LetterRule, datetime], ...]:
        """Letters that a regulator wants sent before the due time, with the time of each."""
        if self.due_at is None:
            return ()
        due = seconds(self.due_at)
        times = [(rule, instant_of(self.course.before_due(rule.lead, due))) for rule in self.spec.letters]
        return tuple((rule, max(at, self.run.started_at)) for rule, at in times)

    def _steps(self, *, after: bool) -> tuple[PendingStep, ...]:
        course, due = self.course, seconds(self.due_at) if self.due_at else None
        steps = [
            PendingStep(
                f"{rung.name}#{repeat + 1}" if repeat else rung.name,
                instant_of(course.step_at(rung, self.pauses, repeat, due=due)),
                rung.addressee,
                after,
            )
            for rung in self.spec.rule.steps
            if (rung.after is not None) is after
            for repeat in range(rung.at_most)
        ]
        return tuple(sorted(steps, key=lambda step: step.at))  # at one instant the highest step is the last


class Clock(NamedTuple):
    """Clock of one run. `due_at` is absent while paused; `ended_at` is when it stopped or was cancelled.

    `key` is its name within the complaint, the same under any policy and calendar. `provisional`: triage has not
    decided yet, so the terms may still change. `fired` are the names of its steps that were published.
    """

    key: str
    spec: ClockSpec
    applied: AppliedTerms
    cycle: int
    item: str
    started_at: datetime
    course: GoalClock
    pauses: tuple[Span, ...]  # those that moved the due time, in seconds of UTC
    waits: tuple[Pause, ...]  # all pauses as they happened
    timed: TimedRun
    phase: Phase
    due_at: datetime | None
    ended_at: datetime | None
    breached: bool
    provisional: bool
    fired: frozenset[str]

    @property
    def steps(self) -> tuple[PendingStep, ...]:
        """Steps that can fire next, the earliest first: those before the due time until it has passed."""
        if self.phase != "running":
            return ()
        steps = self.timed.escalations if self.breached else self.timed.warnings
        return tuple(step for step in steps if step.name not in self.fired) if self.fired else steps

    @property
    def kind(self) -> ClockKind:
        """Type of the clock."""
        return self.spec.rule.kind

    @property
    def goal(self) -> Goal:
        """Goal of the clock's rule."""
        return self.spec.rule.goal

    @property
    def obligation(self) -> Obligation:
        """Origin of the obligation: a regulator's rule, a contract, or an internal target."""
        if self.spec.pack is not None:
            return "regulatory"
        return self.spec.rule.obligation or CLOCK_TYPES[self.kind].obligation

    @property
    def event_fields(self) -> dict[str, Any]:
        """Fields that every event about the clock has."""
        return {
            "clock": self.kind,
            "cycle": self.cycle,
            "pack": self.spec.pack,
            "item": self.item,
            "obligation": self.obligation,
            "due_at": self.due_at,
        }

    @property
    def is_open(self) -> bool:
        """True while the clock runs or is paused."""
        return self.phase in ("running", "paused")

    @property
    def is_optional(self) -> bool:
        """True if the clock measures an opportunity: at the due time it is over, and nothing was missed."""
        return CLOCK_TYPES[self.kind].optional

    @property
    def next_at(self) -> datetime | None:
        """Time of the next timer: the earliest step, else the first moment that is late."""
        if self.phase != "running" or self.due_at is None:
            return None
        step = self.steps[0].at if self.steps else None
        if self.breached:
            return step
        late = self.due_at + ONE_MICROSECOND
        return late if step is None or late < step else step

    def forecast(self, at: datetime) -> datetime | None:
        """Return the due time if a paused clock resumed at `at`; None if it is not paused."""
        if self.phase != "paused":
            return None
        since = max((begun for begun, until in self.waits if until is None), default=at)
        return instant_of(self.course.due((*self.pauses, (seconds(since), max(seconds(since), seconds(at))))))


def clock_key(spec: ClockSpec, run: ClockRun) -> str:
    """Return the name of a clock within its complaint; marks of fired steps begin with it."""
    return f"{spec.name}:{run.item}:{run.cycle}" if run.item else f"{spec.name}:{run.cycle}"


def clocks(
    state: SlaState, history: History, rulebook: Rulebook, only: Collection[str] | None = None
) -> Iterator[Clock]:
    """Yield the clocks of a complaint, those of a rule together; none before the receipt.

    `only`: keys of the open clocks to derive; the others are skipped.
    """
    if state.receipt is None:
        return
    entries, terms = history.entries, state.terms
    carries = any(applied.mode == "rebase_remaining" for applied in terms)
    names = None if only is None else {key.partition(":")[0] for key in only}
    for number, applied in enumerate(terms, 1):
        until = terms[number].at if number < len(terms) else None
        if until is not None and (only is not None or not any(entry.at <= until for entry in entries[1:])):
            continue  # only the receipt had happened by then, and it ends no clock
        for spec in rulebook.clock_specs(applied.terms):
            if names is None or spec.name in names:
                for run in derive_runs(applied_type(spec), entries):
                    key = clock_key(spec, run)
                    if _belongs(run, applied, until, is_first=number == 1) and (only is None or key in only):
                        carried = carried_over(terms[:number], spec, run, rulebook) if carries else None
                        yield derive_clock(state, applied, _kept_time_run(spec, run, carried), key)


def _belongs(run: ClockRun, applied: AppliedTerms, until: datetime | None, *, is_first: bool) -> bool:
    """Return True if the run ended under these terms, which apply until `until`, or if it is open and they are last."""
    if run.ended_at is None:
        return until is None
    return (is_first or run.ended_at > applied.at) and (until is None or run.ended_at <= until)


def derive_clock(state: SlaState, applied: AppliedTerms, timed: TimedRun, key: str) -> Clock:
    """Return the clock of a run under the terms that apply to it."""
    run, due_at, ended_at = timed.run, timed.due_at, timed.run.ended_at
    phase: Phase = run.ending or ("paused" if timed.waiting else "running")
    late = is_passed(state, timed) or (due_at is not None and ended_at is not None and ended_at > due_at)
    if late and CLOCK_TYPES[timed.spec.rule.kind].optional:
        phase, ended_at, late = "cancelled", due_at, False
    marks = frozenset([mark[len(key) + 1 :] for mark in state.fired if mark.startswith(f"{key}:")])
    return Clock(
        key, timed.spec, applied, run.cycle, run.item, run.started_at, timed.course, timed.pauses, run.pauses,
        timed, phase, due_at, ended_at, late, not state.triages, marks,
    )  # fmt: skip


def is_passed(state: SlaState, timed: TimedRun) -> bool:
    """Return True if an open run's due time has passed: by `reached_at`, or by anything that happened since."""
    due_at = timed.due_at
    if timed.run.ended_at is not None or due_at is None:
        return False
    return due_at < state.moments[-1].at or (state.reached_at is not None and due_at < state.reached_at)


@lru_cache(maxsize=1024)  # one for each clock of a rulebook
def applied_type(spec: ClockSpec) -> AppliedType:
    """Return the clock type with the overrides of the spec's rule."""
    return apply_rule(spec.rule)


def time_run(spec: ClockSpec, run: ClockRun, carried: CarriedTime | None = None) -> TimedRun:
    """Return the run with its due time on the calendar of its rule. A fixed date never moves."""
    course = _course(spec, run, carried)
    if course.goal.at is not None:
        return TimedRun(spec, run, course, (), False, instant_of(course.due()))
    pauses, waiting = effective_pauses(course, run) if run.pauses else ((), False)
    return TimedRun(spec, run, course, pauses, waiting, None if waiting else instant_of(course.due(pauses)))


# A decision evaluates the complaint before and after its input, and most inputs leave most runs as they are. So timed
# runs are kept, with the steps they have derived: an event takes 200 µs on average to decide, and 280 µs without this.
_kept_time_run = lru_cache(maxsize=8192)(time_run)  # runs of about 1,500 complaints


def carried_over(
    terms: Sequence[AppliedTerms], spec: ClockSpec, run: ClockRun, rulebook: Rulebook
) -> CarriedTime | None:
    """Return how much of the goal the run used under earlier terms, if the last terms continue with the rest."""
    if len(terms) < 2:
        return None
    applied, before = terms[-1], terms[-2]
    if applied.why == "triage" and before.terms == applied.terms:
        return carried_over(terms[:-1], spec, run, rulebook)  # triage decided again, and nothing changed
    if applied.mode != "rebase_remaining" or applied.why != "rebase" or run.started_at >= applied.at:
        return None
    for older in rulebook.clock_specs(before.terms):
        if older.name == spec.name and older.rule.goal.unit == spec.rule.goal.unit:
            course = _course(older, run, carried_over(terms[:-1], older, run, rulebook))
            pauses, _ = effective_pauses(course, run)
            return applied.at, course.spent + course.used(seconds(applied.at), pauses)
    return None


def _course(spec: ClockSpec, run: ClockRun, carried: CarriedTime | None) -> GoalClock:
    if carried is None or spec.rule.goal.unit not in ("wall", "business"):
        return GoalClock(spec.rule.goal, spec.compiled, seconds(run.started_at))
    return GoalClock(spec.rule.goal, spec.compiled, seconds(carried[0]), carried[1])

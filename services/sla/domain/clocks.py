"""Clocks, derived: facts + policy + calendar in, phase and due time out. Nothing here is stored.

Both kinds start with the receipt. RUNNING ⇄ PAUSED while the customer is awaited; STOPPED by the answer, which also
closes an open pause; CANCELLED by a withdrawal. Breached stands apart from the phase and stays: it compares wall-clock
times, so an answer on Saturday is late for a Friday even though we were closed in between.

Every event derives all clocks before and after it, so a clock whose facts did not change is remembered, not computed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from services.sla.domain.goals import REMEMBERED, Course, Span, due_at, rung_at, seconds
from services.sla.domain.state import Complaint, Cycle, Ending, Pause, Terms
from services.sla.policies import Goal, Rulebook
from shared.contracts.events import ClockKind

Phase = Literal["running", "paused", "stopped", "cancelled"]
INSTANT = timedelta(microseconds=1)  # a due time plus this is the first moment that is late


class Rung(NamedTuple):
    """A warning: `percent` of the way to the due time, at `at`."""

    percent: int
    at: datetime


class Run(NamedTuple):
    """All that a clock follows from, the rulebook aside. `pauses` are those of the facts, whether they count or not."""

    kind: ClockKind
    cycle: int
    terms: Terms
    provisional: bool
    started_at: datetime
    pauses: tuple[Pause, ...]
    ended_at: datetime | None
    ending: Ending | None
    fired: tuple[str, ...]


class Clock(NamedTuple):
    """One clock of one cycle. `due_at` is absent while paused; `ended_at` is when it stopped or was cancelled.

    `provisional`: triage has not spoken, so the terms may still change. `next_at`: when time alone will next have
    something to say about it. `left` are the percents that can still fire, rising; `pauses` moved the due time.
    """

    kind: ClockKind
    cycle: int
    terms: Terms
    course: Course
    started_at: datetime
    phase: Phase
    due_at: datetime | None
    ended_at: datetime | None
    breached: bool
    provisional: bool
    next_at: datetime | None
    left: tuple[int, ...]
    pauses: tuple[Span, ...]

    @property
    def goal(self) -> Goal:
        """What it was given."""
        return self.course.goal

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The warnings that can still fire, the earliest first."""
        return tuple(Rung(percent, rung_at(self.course, percent, self.pauses)) for percent in self.left)


def mark(kind: ClockKind, cycle: int, rung: int | Literal["breach"]) -> str:
    """The name under which a rung of a clock is remembered once it fired."""
    return f"{kind}:{cycle}:{rung}"


@lru_cache(maxsize=1024)  # a handful of combinations come again and again
def terms_for(
    rulebook: Rulebook, channel: str | None, category: tuple[str, ...] = (), severity: str | None = None
) -> Terms:
    """The versions that such a complaint comes under today; what is not known yet is left out."""
    policy = rulebook.match(category=category, severity=severity, channel=channel)
    calendar, version = rulebook.calendar_of(policy)
    return Terms(policy=policy.id, policy_version=policy.version, calendar=calendar, calendar_version=version)


def clocks(state: Complaint, rulebook: Rulebook) -> Iterator[Clock]:
    """All clocks of a complaint; none before it was received."""
    for number, cycle in enumerate(state.cycles, start=1):
        if number == 1:
            yield _clock(rulebook, _acknowledging(state, cycle, rulebook))
        terms, provisional = _terms(state, cycle.ended_at, rulebook)
        yield _clock(
            rulebook,
            Run(
                "total_resolution",
                number,
                terms,
                provisional,
                cycle.started_at,
                cycle.pauses,
                cycle.ended_at,
                cycle.ending,
                state.fired,
            ),
        )


def _acknowledging(state: Complaint, first: Cycle, rulebook: Rulebook) -> Run:
    """The acknowledgement never pauses; a withdrawal before it was accepted cancels it."""
    ended_at: datetime | None = None
    ending: Ending | None = None
    accepted = state.acknowledged_at
    withdrawn = first.ended_at if first.ending == "withdrawn" else None
    if accepted is not None and (withdrawn is None or accepted <= withdrawn):
        ended_at, ending = max(accepted, first.started_at), "resolved"
    elif withdrawn is not None:
        ended_at, ending = withdrawn, "withdrawn"
    terms, provisional = _terms(state, ended_at, rulebook)
    return Run("acknowledge", 1, terms, provisional, first.started_at, (), ended_at, ending, state.fired)


@lru_cache(maxsize=REMEMBERED)
def _clock(rulebook: Rulebook, run: Run) -> Clock:
    terms = run.terms
    policy = rulebook.policy((terms.policy, terms.policy_version))
    goal = policy.acknowledge if run.kind == "acknowledge" else policy.total_resolution
    compiled = rulebook.calendar((terms.calendar, terms.calendar_version))
    course = Course(goal, compiled, seconds(run.started_at))
    counted, waiting = ((), False) if policy.pauses == "never" else _counted(course, run.pauses, run.ended_at)
    due = None if waiting else due_at(course, counted)
    phase = _phase(run.ending, waiting=waiting)
    breached = _late(phase, run.ended_at, due) or mark(run.kind, run.cycle, "breach") in run.fired
    left = _unfired(policy.warn_percent, run) if phase == "running" and not breached else ()
    return Clock(
        kind=run.kind,
        cycle=run.cycle,
        terms=terms,
        course=course,
        started_at=run.started_at,
        phase=phase,
        due_at=due,
        ended_at=run.ended_at,
        breached=breached,
        provisional=run.provisional,
        next_at=None if due is None or breached or phase != "running" else _next_at(course, due, left, counted),
        left=left,
        pauses=counted,
    )


def _next_at(course: Course, due: datetime, left: tuple[int, ...], pauses: tuple[Span, ...]) -> datetime:
    """The earliest warning that can still fire, else the first moment that is late."""
    late = due + INSTANT
    return min(rung_at(course, left[0], pauses), late) if left else late


def _unfired(ladder: tuple[int, ...], run: Run) -> tuple[int, ...]:
    if not run.fired:
        return ladder
    return tuple(percent for percent in ladder if mark(run.kind, run.cycle, percent) not in run.fired)


def _terms(state: Complaint, ended_at: datetime | None, rulebook: Rulebook) -> tuple[Terms, bool]:
    """The last triage before the cycle ended, else what fitted a complaint that nobody had read.

    A closed cycle never changes because somebody looks at the complaint again.
    """
    for one in reversed(state.triages):
        if one.terms and (ended_at is None or one.at < ended_at):
            return one.terms, False
    return state.terms or terms_for(rulebook, state.channel), True


def _counted(course: Course, pauses: tuple[Pause, ...], ended_at: datetime | None) -> tuple[tuple[Span, ...], bool]:
    """The pauses that move the due time, and whether one is still open.

    One that began after the due time moves nothing: what is late stays late, whoever is awaited afterwards.
    """
    counted: list[Span] = []
    last = seconds(ended_at) if ended_at else None
    for pause in pauses:
        since = max(seconds(pause.since), course.start)
        if course.due(counted) < since or (last is not None and since >= last):
            break
        if pause.until is None:
            return tuple(counted), True
        until = seconds(pause.until)
        counted.append((since, max(since, until if last is None else min(until, last))))
    return tuple(counted), False


def _phase(ending: Ending | None, *, waiting: bool) -> Phase:
    if ending is not None:
        return "stopped" if ending == "resolved" else "cancelled"
    return "paused" if waiting else "running"


def _late(phase: Phase, ended_at: datetime | None, due_at: datetime | None) -> bool:
    return phase == "stopped" and ended_at is not None and due_at is not None and ended_at > due_at

"""Clocks, derived: facts + policy + calendar in, phase and due time out. Nothing here is stored.

Both kinds start with the receipt. RUNNING ⇄ PAUSED while the customer is awaited; STOPPED by the answer, which also
closes an open pause; CANCELLED by a withdrawal. Breached stands apart from the phase and stays: it compares wall-clock
times, so an answer on Saturday is late for a Friday even though we were closed in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.sla.domain.goals import Course, Span, instant_of, seconds
from services.sla.domain.state import Complaint, Cycle, Pause, Terms
from services.sla.policies import Goal, Policy, Rulebook
from shared.contracts.events import ClockKind

Phase = Literal["running", "paused", "stopped", "cancelled"]
INSTANT = timedelta(microseconds=1)  # a due time plus this is the first moment that is late


@dataclass(frozen=True, slots=True)
class Rung:
    """A warning: `percent` of the way to the due time, at `at`."""

    percent: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one cycle. `due_at` is absent while paused; `ended_at` is when it stopped or was cancelled.

    `provisional`: triage has not spoken, so the terms may still change. `rungs` are those that can still fire.
    """

    kind: ClockKind
    cycle: int
    terms: Terms
    goal: Goal
    started_at: datetime
    phase: Phase
    due_at: datetime | None = None
    ended_at: datetime | None = None
    breached: bool = False
    provisional: bool = False
    rungs: tuple[Rung, ...] = ()
    pauses: tuple[Span, ...] = ()

    @property
    def next_at(self) -> datetime | None:
        """When time alone will next have something to say about it."""
        if self.phase != "running" or self.breached or self.due_at is None:
            return None
        return min((*(rung.at for rung in self.rungs), self.due_at + INSTANT))


def mark(kind: ClockKind, cycle: int, rung: int | Literal["breach"]) -> str:
    """The name under which a rung of a clock is remembered once it fired."""
    return f"{kind}:{cycle}:{rung}"


def terms_of(policy: Policy, rulebook: Rulebook) -> Terms:
    """The versions a complaint comes under when that policy is picked today."""
    calendar, version = rulebook.calendar_of(policy)
    return Terms(policy=policy.id, policy_version=policy.version, calendar=calendar, calendar_version=version)


def clocks(state: Complaint, rulebook: Rulebook) -> Iterator[Clock]:
    """All clocks of a complaint; none before it was received."""
    for number, cycle in enumerate(state.cycles, start=1):
        if number == 1:
            yield _clock(state, rulebook, ("acknowledge", 1), _acknowledging(state, cycle))
        yield _clock(state, rulebook, ("total_resolution", number), cycle)


def _acknowledging(state: Complaint, first: Cycle) -> Cycle:
    """The acknowledgement seen as a cycle: it never pauses; a withdrawal before it was accepted cancels it."""
    accepted, withdrawn = state.acknowledged_at, first.ended_at if first.ending == "withdrawn" else None
    if accepted is not None and (withdrawn is None or accepted <= withdrawn):
        return first.model_copy(
            update={"pauses": (), "ended_at": max(accepted, first.started_at), "ending": "resolved"}
        )
    return first.model_copy(update={"pauses": (), "ended_at": withdrawn, "ending": "withdrawn" if withdrawn else None})


def _clock(state: Complaint, rulebook: Rulebook, name: tuple[ClockKind, int], cycle: Cycle) -> Clock:
    terms, provisional = _terms(state, cycle, rulebook)
    policy = rulebook.policy((terms.policy, terms.policy_version))
    goal = policy.acknowledge if name[0] == "acknowledge" else policy.total_resolution
    compiled = rulebook.calendar((terms.calendar, terms.calendar_version))
    course = Course(goal, compiled, seconds(cycle.started_at))
    counted, waiting = _counted(course, () if policy.pauses == "never" else cycle.pauses, cycle)
    due_at = None if waiting else instant_of(course.due(counted))
    phase = _phase(cycle, waiting=waiting)
    breached = mark(*name, "breach") in state.fired or _late(phase, cycle.ended_at, due_at)
    ladder = policy.warn_percent if phase == "running" and not breached else ()
    left = [percent for percent in ladder if mark(*name, percent) not in state.fired]
    return Clock(
        kind=name[0],
        cycle=name[1],
        terms=terms,
        goal=goal,
        started_at=cycle.started_at,
        phase=phase,
        due_at=due_at,
        ended_at=cycle.ended_at,
        breached=breached,
        provisional=provisional,
        rungs=tuple(
            Rung(percent, instant_of(at)) for percent, at in zip(left, course.rungs(left, counted), strict=True)
        ),
        pauses=counted,
    )


def _terms(state: Complaint, cycle: Cycle, rulebook: Rulebook) -> tuple[Terms, bool]:
    """The last triage before the cycle ended, else what fitted a complaint that nobody had read.

    A closed cycle never changes because somebody looks at the complaint again.
    """
    known = [one for one in state.triages if one.terms and (cycle.ended_at is None or one.at < cycle.ended_at)]
    if known and known[-1].terms:
        return known[-1].terms, False
    return state.terms or terms_of(rulebook.match(channel=state.channel), rulebook), True


def _counted(course: Course, pauses: tuple[Pause, ...], cycle: Cycle) -> tuple[tuple[Span, ...], bool]:
    """The pauses that move the due time, and whether one is still open.

    One that began after the due time moves nothing: what is late stays late, whoever is awaited afterwards.
    """
    counted: list[Span] = []
    last = seconds(cycle.ended_at) if cycle.ended_at else None
    for pause in pauses:
        since = max(seconds(pause.since), course.start)
        if course.due(counted) < since or (last is not None and since >= last):
            break
        if pause.until is None:
            return tuple(counted), True
        until = seconds(pause.until)
        counted.append((since, max(since, until if last is None else min(until, last))))
    return tuple(counted), False


def _phase(cycle: Cycle, *, waiting: bool) -> Phase:
    if cycle.ending is not None:
        return "stopped" if cycle.ending == "resolved" else "cancelled"
    return "paused" if waiting else "running"


def _late(phase: Phase, ended_at: datetime | None, due_at: datetime | None) -> bool:
    return phase == "stopped" and ended_at is not None and due_at is not None and ended_at > due_at

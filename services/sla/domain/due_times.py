"""A run on its calendar: what it had used up under earlier terms, which pauses moved it, and when it is due."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.sla.domain.clock_runs import ClockRun, Pause
from services.sla.domain.state import AppliedTerms
from services.sla.policies import ClockSpec, Rulebook
from services.sla.policies.deadlines import GoalClock, Span, instant_of, seconds


class CarriedTime(NamedTuple):
    """What a run had used up under earlier terms, by the moment new ones began with what was left."""

    at: datetime
    spent: int


class PlacedRun(NamedTuple):
    """A run on its calendar: when it is due, unless it waits, and the pauses that moved that."""

    course: GoalClock
    pauses: tuple[Span, ...]
    waiting: bool
    due_at: datetime | None


def place(charge: ClockSpec, run: ClockRun, carried: CarriedTime | None) -> PlacedRun:
    """That run on its calendar. A date that the law or a contract names stays, whoever is awaited."""
    course = _course(charge, run, carried)
    if course.goal.at is not None:
        return PlacedRun(course, (), False, instant_of(course.due()))
    counted, waiting = _counted(course, run.pauses, run.ended_at)
    return PlacedRun(course, counted, waiting, None if waiting else instant_of(course.due(counted)))


def carried_over(
    terms: Sequence[AppliedTerms], charge: ClockSpec, run: ClockRun, rulebook: Rulebook
) -> CarriedTime | None:
    """Where the last terms began with what was left: how much of the goal had been used, by the terms before."""
    under = terms[-1]
    if under.why == "triage" and len(terms) > 1 and terms[-2].terms == under.terms:
        return carried_over(terms[:-1], charge, run, rulebook)  # triage looked again, and nothing changed
    if under.mode != "rebase_remaining" or under.why != "rebase" or len(terms) == 1 or run.started_at >= under.at:
        return None
    for older in rulebook.clock_specs(terms[-2].terms):
        if older.name != charge.name or older.rule.goal.unit != charge.rule.goal.unit:
            continue
        before = carried_over(terms[:-1], older, run, rulebook)
        course = _course(older, run, before)
        counted, _ = _counted(course, run.pauses, run.ended_at)
        return CarriedTime(under.at, course.spent + course.used(seconds(under.at), counted))
    return None


def _course(charge: ClockSpec, run: ClockRun, carried: CarriedTime | None) -> GoalClock:
    if carried is None or charge.rule.goal.unit not in ("wall", "business"):
        return GoalClock(charge.rule.goal, charge.compiled, seconds(run.started_at))
    return GoalClock(charge.rule.goal, charge.compiled, seconds(carried.at), carried.spent)


def _counted(course: GoalClock, pauses: Sequence[Pause], ended_at: datetime | None) -> tuple[tuple[Span, ...], bool]:
    """The pauses that move the due time, and whether one is still open.

    One that began after the due time moves nothing: what is late stays late, whoever is awaited afterwards.
    """
    counted: list[Span] = []
    last = seconds(ended_at) if ended_at else None
    for begun, over in pauses:
        since = max(seconds(begun), course.start)
        if over is not None and seconds(over) <= course.start:
            continue  # it lies in what was used up under earlier terms
        if course.due(counted) < begun.timestamp() or (last is not None and since >= last):
            break
        if over is None:
            return tuple(counted), True
        until = seconds(over)
        counted.append((since, max(since, until if last is None else min(until, last))))
    return tuple(counted), False

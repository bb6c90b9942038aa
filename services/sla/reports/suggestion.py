"""Suggest a date to promise: the time within which nine in ten similar complaints were answered, in business hours.

Similar complaints have the same category and the same policy, because only those were counted on the same calendar. If
there are too few of them, the parent category is used, and so on up to all complaints under the policy. A complaint
that has already taken a while is compared with complaints that took longer.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.sla.calendar import Compiled
from services.sla.domain import Evaluation, SlaState
from services.sla.domain.history import cycles
from services.sla.domain.promise_dates import exceeded_limit
from services.sla.domain.state import Promise
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import GoalClock, instant_of, seconds
from services.sla.policies.goal import format_duration
from services.sla.store.complaints import select_duration

SAMPLE_MIN = 20  # in a smaller sample the slowest tenth is one or two complaints
SHARE = 0.9


class Suggestion(NamedTuple):
    """Suggested date. `like`: category of the sample; None if the date is the policy's goal plus its buffer."""

    due_at: datetime
    like: str | None
    sample: int
    seconds: int
    promise: Promise | None  # the promise that it would move, if it is later
    needs_approval: bool


async def suggest_date(
    pool: asyncpg.Pool, state: SlaState, evaluation: Evaluation, rulebook: Rulebook, now: datetime
) -> Suggestion | None:
    """Suggest a date for the outcome; None if the complaint is closed or not triaged yet."""
    complaint_cycles = cycles(state.moments)
    if not complaint_cycles or complaint_cycles[-1].ended_at is not None or not state.triages:
        return None
    progress = _progress(state, evaluation, rulebook, seconds(now))
    like, sample, took = await _similar(pool, state, progress.spent)
    compiled = progress.compiled
    due = progress.aimed if like is None else compiled.first_at(compiled.level(progress.now) + took - progress.spent)
    due_at = instant_of(compiled.into_hours(max(due, progress.now + 1)))
    current = [
        promise for promise in state.promises if (promise.cycle, promise.subject) == (len(complaint_cycles), "outcome")
    ]
    moved = current[-1] if current and due_at > current[-1].due_at else None
    return Suggestion(due_at, like, sample, took, moved, bool(moved and exceeded_limit(state, moved, due_at, rulebook)))


def explain_suggestion(suggestion: Suggestion) -> str:
    """Explain in a sentence or two where the date comes from."""
    if suggestion.like is None:
        return "Too few similar complaints: the date is the goal of the policy plus its buffer, counted from now."
    like = f"category {suggestion.like}" if suggestion.like else "all under the same policy"
    took = format_duration(timedelta(seconds=suggestion.seconds))
    within = f"within {took} of opening time" if suggestion.seconds >= 60 else "in less than a minute of opening time"
    return (
        f"Of {suggestion.sample} similar complaints of the last year ({like}) that took longer than this one so far, "
        f"nine in ten were answered {within}."
    )


class _Progress(NamedTuple):
    """Times of one complaint in seconds: opening time spent so far, and when it would be due if it began now."""

    compiled: Compiled
    now: int
    spent: int
    aimed: int


def _progress(state: SlaState, evaluation: Evaluation, rulebook: Rulebook, now: int) -> _Progress:
    terms = state.terms[-1].terms
    policy = rulebook.policy((terms.policy, terms.policy_version))
    compiled = rulebook.promise_calendar(terms)
    buffer = int(policy.promise.buffer.total_seconds())
    aimed = GoalClock(policy.rule(policy.promise.clock).goal, compiled, now).promise_at(buffer)
    return _Progress(compiled, now, _spent(state, evaluation, compiled, now), aimed)


def _spent(state: SlaState, evaluation: Evaluation, compiled: Compiled, now: int) -> int:
    """Return the opening seconds since the cycle began, without the time spent waiting for the customer."""
    started_at = seconds(cycles(state.moments)[-1].started_at)
    answers = [clock for clock in evaluation.clocks if clock.kind == "requester_wait" and clock.spec.pack is None]
    waits = answers[-1].waits if answers else ()
    waited = sum(compiled.elapsed(seconds(since), seconds(until) if until else now) for since, until in waits)
    return max(0, compiled.elapsed(started_at, now) - waited)


async def _similar(pool: asyncpg.Pool, state: SlaState, spent: int) -> tuple[str | None, int, int]:
    """Return the narrowest category with a large enough sample, the sample's size, and its duration in seconds."""
    path = state.triages[-1].category
    policy = state.terms[-1].terms.policy
    for depth in range(len(path), -1, -1):
        category = "/".join(path[:depth])
        sample, took = await select_duration(pool, policy, category, longer_than=spent, share=SHARE)
        if took is not None and sample >= SAMPLE_MIN:
            return category, sample, took
    return None, 0, 0

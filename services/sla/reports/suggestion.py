"""Suggest a date to promise: the time within which nine in ten similar complaints were answered, in business hours.

Similar complaints have the same category and the same policy, because only those were counted on the same calendar. If
there are too few of them, the parent category is used, and so on up to all complaints under the policy. A complaint
that has already taken a while is compared with complaints that took longer.
"""

from datetime import datetime, timedelta

import asyncpg
from pydantic import AwareDatetime, Field

from services.sla.calendar import Compiled
from services.sla.domain import SlaState, evaluate
from services.sla.domain.history import cycles
from services.sla.domain.promise_dates import exceeded_limit
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import GoalClock, instant_of, seconds
from services.sla.policies.goal import format_duration
from services.sla.store.complaints import select_duration
from shared.contracts.envelope import FrozenModel

SAMPLE_MIN = 20  # in a smaller sample the slowest tenth is one or two complaints
SHARE = 0.9


class Suggestion(FrozenModel):
    """Suggested date. `like`: category of the complaints whose durations it comes from."""

    due_at: AwareDatetime
    date: str = Field(description="The day in the time zone of the policy's calendar, for the letter.")
    like: str | None = Field(description="Category of the similar complaints; empty: all under the policy.")
    sample: int = Field(description="Number of similar complaints that took longer than this one so far.")
    moves: int | None = Field(description="Number of the promise that it would move, if it is later.")
    needs_approval: bool
    because: str


async def suggest_date(pool: asyncpg.Pool, state: SlaState, rulebook: Rulebook, at: datetime) -> Suggestion | None:
    """Suggest a date for the outcome; None if the complaint is closed or not triaged yet."""
    complaint_cycles = cycles(state.moments)
    if not complaint_cycles or complaint_cycles[-1].ended_at is not None or not state.triages:
        return None
    compiled, now = rulebook.promise_calendar(state.terms[-1].terms), seconds(at)
    spent = _spent(state, rulebook, compiled, now)
    like, sample, took = await _similar(pool, state, spent)
    if like is None:
        due = _due_by_policy(state, rulebook, compiled, now)
    else:
        due = compiled.first_at(compiled.level(now) + took - spent)
    due_at = instant_of(compiled.into_hours(max(due, now + 1)))
    key = (len(complaint_cycles), "outcome")
    current = [promise for promise in state.promises if (promise.cycle, promise.subject) == key]
    moved = current[-1] if current and due_at > current[-1].due_at else None
    return Suggestion(
        due_at=due_at,
        date=due_at.astimezone(compiled.calendar.zone).date().isoformat(),
        like=like,
        sample=sample,
        moves=moved.number if moved else None,
        needs_approval=bool(moved and exceeded_limit(state, moved, due_at, rulebook)),
        because=explain_suggestion(like, sample, took),
    )


def explain_suggestion(like: str | None, sample: int, took: int) -> str:
    """Explain in a sentence or two where the date comes from; `took`: duration in opening seconds."""
    if like is None:
        return "Too few similar complaints: the date is the goal of the policy plus its buffer, counted from now."
    category = f"category {like}" if like else "all under the same policy"
    within = f"within {format_duration(timedelta(seconds=took))}" if took >= 60 else "in less than a minute"
    return (
        f"Of {sample} similar complaints of the last year ({category}) that took longer than this one so far, "
        f"nine in ten were answered {within} of opening time."
    )


def _due_by_policy(state: SlaState, rulebook: Rulebook, compiled: Compiled, now: int) -> int:
    """Return the due time of the policy's goal plus its buffer for a complaint that begins now."""
    terms = state.terms[-1].terms
    policy = rulebook.policy((terms.policy, terms.policy_version))
    goal_clock = GoalClock(policy.rule(policy.promise.clock).goal, compiled, now)
    return goal_clock.promise_at(int(policy.promise.buffer.total_seconds()))


def _spent(state: SlaState, rulebook: Rulebook, compiled: Compiled, now: int) -> int:
    """Return the opening seconds since the cycle began, without the time spent waiting for the customer."""
    started_at = seconds(cycles(state.moments)[-1].started_at)
    clocks = evaluate(state, rulebook).clocks
    answers = [clock for clock in clocks if clock.kind == "requester_wait" and clock.spec.pack is None]
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

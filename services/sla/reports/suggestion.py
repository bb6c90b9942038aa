"""A date to promise: when nine in ten similar complaints had their answer, within working hours that exist.

Similar are those of one category under one policy, because only they ran on one calendar; where they are too few, those
of the category above, and so on up to all under the policy. A complaint that has taken a while already is compared with
those that took longer.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.sla.calendar import Compiled
from services.sla.domain import Evaluation, SlaState
from services.sla.domain.cycles import cycles
from services.sla.domain.promise_dates import beyond
from services.sla.domain.state import Promise
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import GoalClock, instant_of, seconds
from services.sla.policies.goal import format_duration

SAMPLE_MIN = 20  # with fewer, nine in ten is an anecdote: the tenth slowest of ten is one complaint's bad luck
SHARE = 0.9
# How many similar complaints of the last year took $3 or longer, and what nine in ten of them took at most.
TOOK = """
    select count(*), percentile_disc($4::float8) within group (order by spent_seconds) from complaint
    where policy = $1 and ($2 = '' or category = $2 or starts_with(category, $2 || '/'))
    and spent_seconds >= $3 and received_at > now() - interval '1 year'
"""


class Suggestion(NamedTuple):
    """`like` absent: too few similar complaints, so it is what the policy aims for, later by its buffer."""

    due_at: datetime
    like: str | None
    sample: int
    seconds: int
    promise: Promise | None  # the one it would move, if it is later
    needs_approval: bool


async def suggest(
    pool: asyncpg.Pool, state: SlaState, book: Evaluation, rulebook: Rulebook, now: datetime
) -> Suggestion | None:
    """A date for the outcome; None where the complaint is closed or triage has not spoken yet."""
    known = cycles(state.moments)
    if not known or known[-1].ended_at is not None or not state.triages:
        return None
    way = _way(state, book, rulebook, seconds(now))
    like, sample, took = await _similar(pool, state, way.spent)
    due = way.aimed if like is None else way.compiled.first_at(way.compiled.level(way.now) + took - way.spent)
    due_at = instant_of(way.compiled.into_hours(max(due, way.now + 1)))
    current = [one for one in state.promises if (one.cycle, one.subject) == (len(known), "outcome")]
    moved = current[-1] if current and due_at > current[-1].due_at else None
    return Suggestion(due_at, like, sample, took, moved, bool(moved and beyond(state, moved, due_at, rulebook)))


def because(found: Suggestion) -> str:
    """Where the date comes from, in a sentence."""
    if found.like is None:
        return "Too few similar complaints to go by: it is what the policy aims for and its buffer, counted from now."
    like = f"category {found.like}" if found.like else "all under the same policy"
    took = format_duration(timedelta(seconds=found.seconds))
    within = f"within {took} of opening time" if found.seconds >= 60 else "in less than a minute of opening time"
    return (
        f"Of {found.sample} complaints of the last year like this ({like}) that took longer than it has so far, "
        f"nine in ten had their answer {within}."
    )


class _Way(NamedTuple):
    """How far it is: opening time that was spent on the answer, and when it would be due if it began now."""

    compiled: Compiled
    now: int
    spent: int
    aimed: int


def _way(state: SlaState, book: Evaluation, rulebook: Rulebook, now: int) -> _Way:
    terms = state.terms[-1].terms
    policy = rulebook.policy((terms.policy, terms.policy_version))
    compiled = rulebook.promise_calendar(terms)
    buffer = int(policy.promise.buffer.total_seconds())
    aimed = GoalClock(policy.rule(policy.promise.clock).goal, compiled, now).promise_at(buffer)
    return _Way(compiled, now, _spent(state, book, compiled, now), aimed)


def _spent(state: SlaState, book: Evaluation, compiled: Compiled, now: int) -> int:
    """Opening time since the cycle began, without what was waited for the customer."""
    started_at = seconds(cycles(state.moments)[-1].started_at)
    own = [one for one in book.clocks if one.kind == "requester_wait" and one.charge.pack is None]
    waits = own[-1].waits if own else ()
    waited = sum(compiled.elapsed(seconds(since), seconds(until) if until else now) for since, until in waits)
    return max(0, compiled.elapsed(started_at, now) - waited)


async def _similar(pool: asyncpg.Pool, state: SlaState, spent: int) -> tuple[str | None, int, int]:
    """The narrowest category that has enough, how many there are, and what nine in ten of them took at most."""
    path = state.triages[-1].category
    policy = state.terms[-1].terms.policy
    for depth in range(len(path), -1, -1):
        category = "/".join(path[:depth])
        ((sample, took),) = await pool.fetch(TOOK, policy, category, spent, SHARE)
        if sample >= SAMPLE_MIN:
            return category, sample, took
    return None, 0, 0

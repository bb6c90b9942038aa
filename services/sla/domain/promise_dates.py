"""Promise dates: made by policy, moved by a handler's proposal or a command, always within business hours.

A date beyond what the rules allow without approval is not moved: an extension is requested, and an authorised person
decides about it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.sla.calendar import business_days_due
from services.sla.domain.clock_runs import apply_rule, derive_runs
from services.sla.domain.history import Cycle, HistoryEntry, cycles, effective_entries
from services.sla.domain.promise_status import chain_key
from services.sla.domain.state import ExtensionRequest, Promise, PromiseProposal, SlaState
from services.sla.policies import ClockSpec, Pack, Rulebook, Terms
from services.sla.policies.deadlines import GoalClock, instant_of, latest, seconds

FARTHEST = timedelta(days=3660)  # a date more than ten years ahead is refused


class Limit(NamedTuple):
    """Limit up to which a chain of promises may be moved without approval."""

    at: datetime
    revisions: int | None


def make_promises(state: SlaState, rulebook: Rulebook) -> SlaState:
    """Return the state with the promises that can be made now, and the proposals that waited for them applied."""
    if not state.triages:
        return state
    all_cycles = cycles(state.moments)
    promised = {promise.cycle for promise in state.promises if promise.subject == "outcome"}
    if not all_cycles or (not state.proposals and promised >= {*range(1, len(all_cycles) + 1)}):
        return state
    for number, cycle in enumerate(all_cycles, 1):
        if number not in promised:
            state = state.replace(promises=(*state.promises, _make_promise(state, number, cycle, rulebook)))
        for proposal in state.proposals:
            if proposal.cycle == number:
                state = _apply_proposal(state, proposal, rulebook)
    return state.replace(proposals=())


def _make_promise(state: SlaState, number: int, cycle: Cycle, rulebook: Rulebook) -> Promise:
    """Return the first promise of a cycle, under the terms of the first triage.

    It counts from when the complaint was recorded: time before that shortens the internal target only. If triage was so
    late that the date is over already, it counts from the triage. Later triages make no difference, because how many of
    them were read by now depends on the order in which topics are read.
    """
    receipt, first = state.receipt, state.triages[0]
    assert receipt is not None  # noqa: S101  # there are no cycles without a receipt
    terms = next(applied.terms for applied in state.terms if applied.why == "triage" and applied.at == first.at)
    opened_at = max(cycle.started_at, receipt.recorded_at)
    made_at = max(opened_at, first.at)
    policy = rulebook.policy((terms.policy, terms.policy_version))
    compiled, goal = rulebook.promise_calendar(terms), policy.rule(policy.promise.clock).goal
    buffer = int(policy.promise.buffer.total_seconds())
    starts = (GoalClock(goal, compiled, seconds(at)) for at in (opened_at, made_at))
    dates = [at for start in starts if (at := instant_of(start.promise_at(buffer))) > made_at]
    due_at = dates[0] if dates else instant_of(compiled.into_hours(seconds(made_at) + 1))
    limit = _legal_limit(state, terms, rulebook, made_at)
    by, due_at = ("law", limit) if limit and limit < due_at else ("policy", due_at)
    return Promise(number=len(state.promises) + 1, cycle=number, due_at=due_at, made_at=made_at, terms=terms, by=by)


def _legal_limit(state: SlaState, terms: Terms, rulebook: Rulebook, made_at: datetime) -> datetime | None:
    """Return the last opening hour before a regulator's final response is due, if it is still ahead.

    Only limits that count from the receipt: the entries that others count from may not have been read yet.
    """
    compiled, dates = rulebook.promise_calendar(terms), []
    for _, due in _final_responses(terms, effective_entries(state.moments)[:1], rulebook):
        closing = instant_of(compiled.last_close(due))
        dates.append(closing if closing > made_at else instant_of(due))
    return min((date for date in dates if date > made_at), default=None)


def _apply_proposal(state: SlaState, proposal: PromiseProposal, rulebook: Rulebook) -> SlaState:
    """Move the promise to the date of a handler, or request approval; no effect if the date is not later."""
    current = [each for each in state.promises if (each.cycle, each.subject) == (proposal.cycle, "outcome")][-1]
    due_at = revised_due_time(current, proposal.expected_at, proposal.at, rulebook)
    if due_at is None:
        return state
    if limit := exceeded_limit(state, current, due_at, rulebook):
        if is_extension_pending(state, current, due_at):
            return state
        return request_extension(state, current, due_at, proposal.at, limit.at, proposal.reason)
    return revise(state, current, due_at, proposal.at, proposal.reason, "handler")


def exceeded_limit(state: SlaState, current: Promise, due_at: datetime, rulebook: Rulebook) -> Limit | None:
    """Return the limit that this date, or one more revision, would exceed; None if no approval is needed."""
    limit = _limit(state, current, rulebook)
    if limit is None:
        return None
    too_often = limit.revisions is not None and _revisions(state, current) >= limit.revisions
    return limit if too_often or due_at > limit.at else None


def request_extension(
    state: SlaState, current: Promise, due_at: datetime, at: datetime, limit_at: datetime, reason: str
) -> SlaState:
    """Return the state with a request for that date; the promise itself is not moved."""
    request = ExtensionRequest(
        asked_at=at,
        promise=current.number,
        cycle=current.cycle,
        expected_at=due_at,
        limit_at=limit_at,
        reason=reason,
    )
    return state.replace(extensions=(*state.extensions, request))


def is_extension_pending(state: SlaState, current: Promise, due_at: datetime) -> bool:
    """Return True if that date waits for approval already."""
    pending = (request for request in state.extensions if request.approved is None)
    return any((request.promise, request.expected_at) == (current.number, due_at) for request in pending)


def revise(state: SlaState, current: Promise, due_at: datetime, at: datetime, reason: str, by: str) -> SlaState:
    """Return the state with a further version of that promise."""
    number = len(state.promises) + 1
    version = current.replace(number=number, due_at=due_at, made_at=at, reason=reason, by=by, of=chain_key(current))
    return state.replace(promises=(*state.promises, version))


def revised_due_time(current: Promise, expected_at: datetime, at: datetime, rulebook: Rulebook) -> datetime | None:
    """Return the proposed date, moved to the next opening if it is outside business hours.

    None if the date is over, too far ahead, or not later than the current one: a promise is only moved to later dates;
    being earlier than promised needs no notice.
    """
    if not at < expected_at < at + FARTHEST:
        return None
    due_at = into_hours(current.terms, expected_at, rulebook)
    return due_at if due_at > current.due_at else None


def into_hours(terms: Terms, at: datetime, rulebook: Rulebook) -> datetime:
    """Return that time if it lies within business hours, else the next opening."""
    return instant_of(rulebook.promise_calendar(terms).into_hours(seconds(at)))


def _limit(state: SlaState, current: Promise, rulebook: Rulebook) -> Limit | None:
    """Return the tightest cap: the policy's, from the first date of the chain, or a regulator's."""
    if current.subject != "outcome":
        return None
    ends = [*_policy_cap(state, current, rulebook), *_regulatory_caps(state, current, rulebook)]
    cap = rulebook.policy((current.terms.policy, current.terms.policy_version)).promise.extension
    return Limit(min(ends), cap.revisions if cap else None) if ends else None


def _policy_cap(state: SlaState, current: Promise, rulebook: Rulebook) -> Iterator[datetime]:
    cap = rulebook.policy((current.terms.policy, current.terms.policy_version)).promise.extension
    if cap is None:
        return
    first = seconds(next(each for each in state.promises if chain_key(each) == chain_key(current)).due_at)
    compiled = rulebook.promise_calendar(current.terms)
    yield instant_of(business_days_due(compiled, first, cap.business_days) if cap.business_days else first)


def _regulatory_caps(state: SlaState, current: Promise, rulebook: Rulebook) -> Iterator[datetime]:
    """Yield the due times of the regulators' final responses, extended as far as their rules allow.

    A rule without an extension allows none; a later date needs approval.
    """
    for spec, due in _final_responses(current.terms, effective_entries(state.moments), rulebook):
        assert isinstance(spec.source, Pack)  # noqa: S101  # only packs have regulators' clocks
        extension = spec.source.extension_of(spec.rule.kind)
        yield instant_of(latest(spec.rule, extension, spec.compiled, due) if extension else due)


def _final_responses(
    terms: Terms, entries: Sequence[HistoryEntry], rulebook: Rulebook
) -> Iterator[tuple[ClockSpec, int]]:
    """Yield each clock of a regulator's final response with the due time of its first run, in seconds of UTC."""
    for spec in rulebook.clock_specs(terms):
        if spec.pack is not None and spec.rule.kind == "regulatory_final":
            for run in derive_runs(apply_rule(spec.rule), entries)[:1]:
                yield spec, GoalClock(spec.rule.goal, spec.compiled, seconds(run.started_at)).due()


def _revisions(state: SlaState, current: Promise) -> int:
    return sum(chain_key(each) == chain_key(current) for each in state.promises) - 1

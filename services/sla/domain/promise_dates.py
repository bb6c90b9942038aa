"""Making and moving promises: by policy, by a handler's proposal, by a command. Only working hours that exist.

Beyond what the rules allow without approval nothing moves: an extension is asked for, and somebody who may decides it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.sla.calendar import business_days_due
from services.sla.domain.clock_runs import runs
from services.sla.domain.cycles import cycles
from services.sla.domain.history import HistoryEntry, happened
from services.sla.domain.promise_status import chain_key
from services.sla.domain.state import ExtensionRequest, Promise, PromiseProposal, SlaState
from services.sla.policies import ClockSpec, Pack, Rulebook, Terms
from services.sla.policies.deadlines import GoalClock, instant_of, latest, seconds

FARTHEST = timedelta(days=3660)  # a date ten years ahead is no promise


class Limit(NamedTuple):
    """How far a chain of promises may be moved without approval."""

    at: datetime
    revisions: int | None


def settle_promises(state: SlaState, rulebook: Rulebook) -> SlaState:
    """Make the promises that can be made now, and use up the proposals that waited for them."""
    known = cycles(state.moments)
    promised = {one.cycle for one in state.promises if one.subject == "outcome"}
    missing = [number for number in range(1, len(known) + 1) if number not in promised]
    if not known or not state.triages or (not missing and not state.proposals):
        return state
    for number in range(1, len(known) + 1):
        if number in missing:
            state = state.replace(promises=(*state.promises, _made(state, number, rulebook)))
        for proposal in state.proposals:
            if proposal.cycle == number:
                state = _proposed(state, proposal, rulebook)
    return state.replace(proposals=())


def _made(state: SlaState, cycle: int, rulebook: Rulebook) -> Promise:
    """A promise counts from when the complaint is in our books: a letter that lay elsewhere shortens our target only.

    Where triage spoke so late that the date is over already, it counts from then. Terms are those of the first triage:
    which later ones we had heard of by now must not make a difference.
    """
    receipt, first = state.receipt, state.triages[0]
    assert receipt is not None  # noqa: S101  # there are no cycles without a receipt
    terms = next(one.terms for one in state.terms if one.why == "triage" and one.at == first.at)
    opened_at = max(cycles(state.moments)[cycle - 1].started_at, receipt.recorded_at)
    made_at = max(opened_at, first.at)
    policy = rulebook.policy((terms.policy, terms.policy_version))
    compiled, goal = rulebook.promise_calendar(terms), policy.rule(policy.promise.clock).goal
    buffer = int(policy.promise.buffer.total_seconds())
    starts = (GoalClock(goal, compiled, seconds(at)) for at in (opened_at, made_at))
    dates = [at for start in starts if (at := instant_of(start.promise_at(buffer))) > made_at]
    due_at = dates[0] if dates else instant_of(compiled.into_hours(seconds(made_at) + 1))
    limit = _within_the_law(state, terms, rulebook, made_at)
    by, due_at = ("law", limit) if limit and limit < due_at else ("policy", due_at)
    return Promise(number=len(state.promises) + 1, cycle=cycle, due_at=due_at, made_at=made_at, terms=terms, by=by)


def _within_the_law(state: SlaState, terms: Terms, rulebook: Rulebook, made_at: datetime) -> datetime | None:
    """The last opening hour before a final response is due that is still ahead: no policy names a date beyond it.

    Only limits that count from the receipt: whatever else they count from, we may not have heard of yet.
    """
    compiled, dates = rulebook.promise_calendar(terms), []
    for _, due in _finals(terms, happened(state.moments)[:1], rulebook):
        closing = instant_of(compiled.last_close(due))
        dates.append(closing if closing > made_at else instant_of(due))
    return min((date for date in dates if date > made_at), default=None)


def _proposed(state: SlaState, proposal: PromiseProposal, rulebook: Rulebook) -> SlaState:
    """A handler's date: moves the promise, or asks for approval; without effect where it is no later date at all."""
    current = [one for one in state.promises if (one.cycle, one.subject) == (proposal.cycle, "outcome")][-1]
    due_at = moved_to(current, proposal.expected_at, proposal.at, rulebook)
    if due_at is None:
        return state
    if limit := beyond(state, current, due_at, rulebook):
        if is_waiting(state, current, due_at):
            return state
        return ask_for(state, current, due_at, proposal.at, limit.at, proposal.reason)
    return revise(state, current, due_at, proposal.at, proposal.reason, "handler")


def beyond(state: SlaState, current: Promise, due_at: datetime, rulebook: Rulebook) -> Limit | None:
    """The cap that this date, or one move more, would break; None where nobody has to approve it."""
    limit = limit_of(state, current, rulebook)
    if limit is None:
        return None
    often = limit.revisions is not None and _revisions(state, current) >= limit.revisions
    return limit if often or due_at > limit.at else None


def ask_for(
    state: SlaState, current: Promise, due_at: datetime, at: datetime, limit_at: datetime, reason: str
) -> SlaState:
    """The complaint with a date that waits for approval; the promise stays where it is."""
    asked = ExtensionRequest(
        asked_at=at,
        promise=current.number,
        cycle=current.cycle,
        expected_at=due_at,
        limit_at=limit_at,
        reason=reason,
    )
    return state.replace(extensions=(*state.extensions, asked))


def is_waiting(state: SlaState, current: Promise, due_at: datetime) -> bool:
    """Whether that date waits for approval already."""
    waiting = (one for one in state.extensions if one.approved is None)
    return any((one.promise, one.expected_at) == (current.number, due_at) for one in waiting)


def revise(state: SlaState, current: Promise, due_at: datetime, at: datetime, reason: str, by: str) -> SlaState:
    """The complaint with a further version of that promise."""
    number = len(state.promises) + 1
    version = current.replace(number=number, due_at=due_at, made_at=at, reason=reason, by=by, of=chain_key(current))
    return state.replace(promises=(*state.promises, version))


def moved_to(current: Promise, expected_at: datetime, at: datetime, rulebook: Rulebook) -> datetime | None:
    """The opening hours at or after the proposed date.

    None where the date is over already, out of all reach, or not later than what was promised: a promise is only ever
    moved back, with a reason; to be earlier than promised needs no notice.
    """
    if not at < expected_at < at + FARTHEST:
        return None
    due_at = into_hours(current.terms, expected_at, rulebook)
    return due_at if due_at > current.due_at else None


def into_hours(terms: Terms, at: datetime, rulebook: Rulebook) -> datetime:
    """That moment where we are open, else the next opening."""
    return instant_of(rulebook.promise_calendar(terms).into_hours(seconds(at)))


def limit_of(state: SlaState, current: Promise, rulebook: Rulebook) -> Limit | None:
    """The tightest cap: the policy's, from the first date of the chain; a regulator's, from what its rule allows."""
    if current.subject != "outcome":
        return None
    ends = [*_caps(state, current, rulebook), *_allowed(state, current, rulebook)]
    cap = rulebook.policy((current.terms.policy, current.terms.policy_version)).promise.extension
    return Limit(min(ends), cap.revisions if cap else None) if ends else None


def _caps(state: SlaState, current: Promise, rulebook: Rulebook) -> Iterator[datetime]:
    cap = rulebook.policy((current.terms.policy, current.terms.policy_version)).promise.extension
    if cap is None:
        return
    first = seconds(next(one for one in state.promises if chain_key(one) == chain_key(current)).due_at)
    compiled = rulebook.promise_calendar(current.terms)
    yield instant_of(business_days_due(compiled, first, cap.business_days) if cap.business_days else first)


def _allowed(state: SlaState, current: Promise, rulebook: Rulebook) -> Iterator[datetime]:
    """How long the regulators' clocks may take that a further date has to respect: due time and its extension.

    A rule without an extension allows none: whoever names a later date needs somebody who answers for it.
    """
    for charge, due in _finals(current.terms, happened(state.moments), rulebook):
        assert isinstance(charge.source, Pack)  # noqa: S101  # only packs have regulators' clocks
        extension = charge.source.extension_of(charge.rule.kind)
        yield instant_of(latest(charge.rule, extension, charge.compiled, due) if extension else due)


def _finals(terms: Terms, counted: Sequence[HistoryEntry], rulebook: Rulebook) -> Iterator[tuple[ClockSpec, int]]:
    """When the regulators' final responses are due, by the first run of each."""
    for charge in rulebook.clock_specs(terms):
        if charge.pack is not None and charge.rule.kind == "regulatory_final":
            for run in runs(charge.rule, counted)[:1]:
                yield charge, GoalClock(charge.rule.goal, charge.compiled, seconds(run.started_at)).due()


def _revisions(state: SlaState, current: Promise) -> int:
    return sum(chain_key(one) == chain_key(current) for one in state.promises) - 1

"""The ledger of promises: which dates were made, moved, kept and broken. A date once made is never computed again.

The first promise of a cycle needs the receipt and triage's word; proposals of handlers that arrive before wait for it.
Everything comes from the times in the facts, so the ledger is the same whichever topic was read first.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, cast

from services.sla.domain.clocks import INSTANT, terms_for
from services.sla.domain.goals import Course, instant_of, seconds
from services.sla.domain.state import Complaint, Promise, Proposal, Terms, Triage
from services.sla.policies import Rulebook

FARTHEST = timedelta(days=3660)  # a date ten years ahead is no promise
Status = Literal["open", "revised", "kept", "broken", "cancelled"]


class Pledge(NamedTuple):
    """A promise and what became of it. `first`: the cycle's original date was kept; `over`: its cycle has ended."""

    promise: Promise
    status: Status
    over: bool
    first: bool
    told_at: datetime | None

    @property
    def next_at(self) -> datetime | None:
        """When it will be broken if nothing happens."""
        return self.promise.due_at + INSTANT if self.status == "open" else None


def promise_mark(number: int) -> str:
    """The name under which a missed date is remembered once it was said."""
    return f"promise:{number}"


def settle_terms(state: Complaint, rulebook: Rulebook) -> Complaint:
    """Pin the policy and calendar of the receipt and of every triage, as soon as the channel is known as well."""
    if state.received_at is None or (state.terms and all(one.terms for one in state.triages)):
        return state
    terms = state.terms or terms_for(rulebook, state.channel)
    return state.but(terms=terms, triages=tuple(_pinned(one, state, rulebook) for one in state.triages))


def _pinned(triage: Triage, state: Complaint, rulebook: Rulebook) -> Triage:
    if triage.terms:
        return triage
    return triage.but(terms=terms_for(rulebook, state.channel, triage.category, triage.severity))


def settle_promises(state: Complaint, rulebook: Rulebook) -> Complaint:
    """Make the promises that can be made now, and use up the proposals that waited for them."""
    settled = state.promises and state.promises[-1].cycle == len(state.cycles)
    if (settled and not state.proposals) or not state.cycles or not any(one.terms for one in state.triages):
        return state
    ledger = list(state.promises)
    for cycle in range(1, len(state.cycles) + 1):
        if not any(promise.cycle == cycle for promise in ledger):
            ledger.append(_made(state, cycle, len(ledger) + 1, rulebook))
        for proposal in state.proposals:
            if proposal.cycle == cycle and (revised := _revised(ledger[-1], proposal, rulebook)):
                ledger.append(revised)
    return state.but(promises=tuple(ledger), proposals=())


def _made(state: Complaint, cycle: int, number: int, rulebook: Rulebook) -> Promise:
    """A promise counts from when the complaint is in our books: a letter that lay elsewhere shortens our target only.

    Where triage spoke so late that the date is over already, it counts from then. Terms are those of the first triage:
    which later ones we had heard of by now must not make a difference.
    """
    triage = next(one for one in state.triages if one.terms)
    terms = cast("Terms", triage.terms)
    opened_at = max(state.cycles[cycle - 1].started_at, state.recorded_at or triage.at)
    made_at = max(opened_at, triage.at)
    policy = rulebook.policy((terms.policy, terms.policy_version))
    compiled = rulebook.calendar((terms.calendar, terms.calendar_version))
    buffer = int(policy.promise_buffer.total_seconds())
    starts = (Course(policy.total_resolution, compiled, seconds(at)) for at in (opened_at, made_at))
    due_at = next(at for start in starts if (at := instant_of(start.promised(buffer))) > made_at)
    return Promise(number=number, cycle=cycle, due_at=due_at, made_at=made_at, terms=terms)


def _revised(current: Promise, proposal: Proposal, rulebook: Rulebook) -> Promise | None:
    """The promise moved into the working hours at or after the proposed date.

    None where the date is over already, out of all reach, or not later than what was promised: a promise is only ever
    moved back, with a reason; to be earlier than promised needs no notice.
    """
    terms = current.terms
    if not proposal.at < proposal.expected_at < proposal.at + FARTHEST:
        return None
    compiled = rulebook.calendar((terms.calendar, terms.calendar_version))
    due_at = instant_of(compiled.into_hours(seconds(proposal.expected_at)))
    if due_at <= current.due_at:
        return None
    return current.but(number=current.number + 1, due_at=due_at, made_at=proposal.at, reason=proposal.reason)


def pledges(state: Complaint) -> Iterator[Pledge]:
    """Every promise with its fate, oldest first."""
    for promise in state.promises:
        same = [other for other in state.promises if other.cycle == promise.cycle]
        successor = next((other for other in same if other.number == promise.number + 1), None)
        status = _status(state, promise, successor)
        ended_at = state.cycles[promise.cycle - 1].ended_at
        first = status == "kept" and ended_at is not None and ended_at <= same[0].due_at
        yield Pledge(promise, status, over=ended_at is not None, first=first, told_at=state.told.get(promise.number))


def _status(state: Complaint, promise: Promise, successor: Promise | None) -> Status:
    cycle = state.cycles[promise.cycle - 1]
    if successor is not None:  # notice given after the date is no notice
        return "broken" if successor.made_at > promise.due_at else "revised"
    if cycle.ended_at is None:
        return "broken" if promise_mark(promise.number) in state.fired else "open"
    if cycle.ended_at > promise.due_at:
        return "broken"
    return "kept" if cycle.ending == "resolved" else "cancelled"

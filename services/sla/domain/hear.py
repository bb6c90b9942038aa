"""From events to facts: what each event adds to the state, and nothing more.

Within intake's stream the order is kept, so its facts fold one by one. What triage and notify say stands apart from it
and commutes with it. What is late, repeated or out of place leaves the state as it is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.sla.domain.state import Complaint, Cycle, Ending, Pause, Proposal, Triage
from shared.contracts.envelope import Event, Fact
from shared.contracts.events import (
    ComplaintReceived,
    MessageAccepted,
    MessageAdded,
    ProgressRecorded,
    Reopened,
    Resolved,
    Triaged,
    Withdrawn,
)

# The answer itself acknowledges too: who has it needs no receipt any more.
ACKNOWLEDGES = frozenset({"acknowledgement", "resolution"})
LONGEST_WAIT = timedelta(days=3660)  # nobody's clock ran longer before intake heard of it; bounds calendar work


def hear(state: Complaint, event: Event[Any]) -> Complaint:
    """The state with this event's facts in it; the same object where it adds nothing."""
    fold = _FOLDS.get(type(event.facts))
    return fold(state, event.facts, event.time) if fold else state


def running(state: Complaint) -> Cycle | None:
    """The cycle that still waits for its answer."""
    return state.cycles[-1] if state.cycles and state.cycles[-1].ended_at is None else None


def _received(state: Complaint, facts: ComplaintReceived, at: datetime) -> Complaint:
    if state.received_at is not None:
        return state
    received_at = min(facts.received_at, at)
    started_at = max(received_at, at - LONGEST_WAIT)
    cycles = (Cycle(started_at=started_at),)
    return state.but(received_at=received_at, recorded_at=at, channel=facts.channel, cycles=cycles)


def _triaged(state: Complaint, facts: Triaged, at: datetime) -> Complaint:
    last = state.triages[-1] if state.triages else None
    if last and (last.category, last.severity) == (facts.category, facts.severity):
        return state
    said = Triage(at=at, category=facts.category, severity=facts.severity)
    return state.but(triages=(*state.triages, said))


def _accepted(state: Complaint, facts: MessageAccepted, _: datetime) -> Complaint:
    changed: dict[str, Any] = {}
    at, number = facts.accepted_at, facts.states_promise
    if facts.message_kind in ACKNOWLEDGES and (state.acknowledged_at is None or at < state.acknowledged_at):
        changed["acknowledged_at"] = at
    if number is not None and (number not in state.told or at < state.told[number]):
        changed["told"] = dict(sorted({**state.told, number: at}.items()))
    return state.but(**changed) if changed else state


def _progress(state: Complaint, facts: ProgressRecorded, at: datetime) -> Complaint:
    cycle = running(state)
    if cycle is None:
        return state
    state = _pause(state, cycle, at) if facts.state == "awaiting_customer" else _resume(state, at)
    if facts.expected_at is None or not facts.reason:
        return state
    proposal = Proposal(at=at, cycle=len(state.cycles), expected_at=facts.expected_at, reason=facts.reason)
    return state.but(proposals=(*state.proposals, proposal))


def _pause(state: Complaint, cycle: Cycle, at: datetime) -> Complaint:
    if cycle.pauses and cycle.pauses[-1].until is None:
        return state
    return _with_last(state, cycle.but(pauses=(*cycle.pauses, Pause(since=at))))


def _resume(state: Complaint, at: datetime) -> Complaint:
    cycle = running(state)
    if cycle is None or not cycle.pauses or cycle.pauses[-1].until is not None:
        return state
    last = cycle.pauses[-1]
    closed = last.but(until=max(last.since, at))
    return _with_last(state, cycle.but(pauses=(*cycle.pauses[:-1], closed)))


def _end(state: Complaint, at: datetime, ending: Ending) -> Complaint:
    """End the cycle, first closing an open pause at that very instant: nobody waited for the customer after the answer.

    An answer dated before the opening counts from the opening.
    """
    cycle = running(state)
    if cycle is None:
        return state
    ended_at = max(at, cycle.started_at)
    cycle = _resume(state, ended_at).cycles[-1]
    return _with_last(state, cycle.but(ended_at=ended_at, ending=ending))


def _reopen(state: Complaint, at: datetime) -> Complaint:
    if not state.cycles or state.cycles[-1].ended_at is None:
        return state
    return state.but(cycles=(*state.cycles, Cycle(started_at=max(at, state.cycles[-1].ended_at))))


def _with_last(state: Complaint, cycle: Cycle) -> Complaint:
    return state.but(cycles=(*state.cycles[:-1], cycle))


def _message(state: Complaint, facts: MessageAdded, at: datetime) -> Complaint:
    return _resume(state, at) if facts.author == "customer" else state


_FOLDS: Final[Mapping[type[Fact], Callable[[Complaint, Any, datetime], Complaint]]] = {
    ComplaintReceived: _received,
    MessageAdded: _message,
    ProgressRecorded: _progress,
    Resolved: lambda state, facts, at: _end(state, min(facts.resolved_at, at), "resolved"),
    Withdrawn: lambda state, _, at: _end(state, at, "withdrawn"),
    Reopened: lambda state, _, at: _reopen(state, at),
    Triaged: _triaged,
    MessageAccepted: _accepted,
}

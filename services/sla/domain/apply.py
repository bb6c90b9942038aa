"""From events to facts: what each event adds to the state, and nothing more.

Within intake's stream the order is kept; what triage and notify say commutes with it, because every moment finds its
place by when it happened. What is late changes what follows from it; what is repeated leaves the state as it is.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.sla.domain.cycles import cycles, floor
from services.sla.domain.history import SOURCES, HistoryEntry, What, put
from services.sla.domain.state import PromiseProposal, PromiseStatement, ReceiptRecord, SlaState, TriageRecord
from shared.contracts.envelope import Event, Fact
from shared.contracts.events import (
    Assigned,
    ComplaintReceived,
    Merged,
    MessageAccepted,
    MessageAdded,
    MessageBounced,
    MessageFailed,
    MilestoneRecorded,
    ProgressRecorded,
    Reopened,
    Resolved,
    Triaged,
    Withdrawn,
)

LONGEST_WAIT = timedelta(days=3660)  # nobody's clock ran longer before intake heard of it; bounds calendar work


def hear(state: SlaState, event: Event[Any]) -> SlaState:
    """The state with this event's facts in it; the same object where it adds nothing."""
    fold = _FOLDS.get(type(event.facts))
    return fold(state, event, event.facts) if fold else state


def recorded_at(event: Event[Any]) -> datetime:
    """When whoever says it had it on disk: the time in its id (UUIDv7), which a backdated fact cannot move."""
    if event.id.version != 7:
        return event.time
    return max(datetime.fromtimestamp((event.id.int >> 80) / 1000, UTC), event.time)


def _with(state: SlaState, event: Event[Any], what: What, at: datetime, item: str = "", *, about: str = "") -> SlaState:
    source = SOURCES[event.source.rpartition("/")[2]]
    if source == SOURCES["intake"]:
        if state.receipt is None:
            return state  # intake says first that it received it; what comes before that is about nothing
        if not isinstance(event.facts, MilestoneRecorded):  # those may be told long after they happened
            at = max(at, floor(state.moments, what) or at)
    moments = put(state.moments, HistoryEntry(at, source, event.sequence, what, item, recorded_at(event), about))
    return state if moments is state.moments else state.replace(moments=moments)


def _received(state: SlaState, event: Event[Any], facts: ComplaintReceived) -> SlaState:
    if state.receipt is not None:
        return state
    received_at = min(facts.received_at, event.time)
    receipt = ReceiptRecord(
        received_at=received_at,
        recorded_at=event.time,
        channel=facts.channel,
        product=facts.product,
        client=facts.client,
        timezone=facts.timezone,
    )
    started_at = max(received_at, event.time - LONGEST_WAIT)
    return _with(state.replace(receipt=receipt), event, "received", started_at)


def _triaged(state: SlaState, event: Event[Any], facts: Triaged) -> SlaState:
    said = TriageRecord(
        at=event.time,
        category=facts.category,
        severity=facts.severity,
        language=facts.language,
        signals=facts.signals,
    )
    if any(one == said for one in state.triages):
        return state
    last = state.triages[-1] if state.triages else None
    if last and last.at <= said.at and last.replace(at=said.at) == said:
        return state
    return state.replace(triages=tuple(sorted((*state.triages, said), key=lambda one: one.at)))


def _assigned(state: SlaState, event: Event[Any], facts: Assigned) -> SlaState:
    what: What = "assigned" if facts.handler else "queued"
    return _with(state, event, what, event.time, f"{facts.team}/{facts.handler or ''}")


def _message(state: SlaState, event: Event[Any], facts: MessageAdded) -> SlaState:
    if facts.author == "handler" and not facts.public:
        return state
    return _with(state, event, "customer_wrote" if facts.author == "customer" else "handler_wrote", event.time)


def _progress(state: SlaState, event: Event[Any], facts: ProgressRecorded) -> SlaState:
    heard = _with(state, event, facts.state, event.time)
    known = cycles(heard.moments)
    if heard is state or facts.expected_at is None or not facts.reason or not known or known[-1].ended_at:
        return heard
    proposal = PromiseProposal(at=event.time, cycle=len(known), expected_at=facts.expected_at, reason=facts.reason)
    return heard.replace(proposals=(*heard.proposals, proposal))


def _resolved(state: SlaState, event: Event[Any], facts: Resolved) -> SlaState:
    return _with(state, event, "resolved", min(facts.resolved_at, event.time), about=str(event.id))


def _milestone(state: SlaState, event: Event[Any], facts: MilestoneRecorded) -> SlaState:
    return _with(state, event, facts.milestone, min(facts.occurred_at, event.time), facts.item)


def _plain(what: What) -> Callable[[SlaState, Event[Any], Any], SlaState]:
    return lambda state, event, _: _with(state, event, what, event.time)


def _accepted(state: SlaState, event: Event[Any], facts: MessageAccepted) -> SlaState:
    # The answer itself acknowledges too: who has it needs no receipt any more (see kinds).
    named: dict[str, What] = {"acknowledgement": "acknowledged", "resolution": "answer_told"}
    what = named.get(facts.message_kind, "told")
    about = facts.cause if what == "answer_told" else ""
    heard = _with(state, event, what, facts.accepted_at, facts.message, about=about)
    if heard is state or facts.states_promise is None:
        return heard
    telling = PromiseStatement(facts.states_promise, facts.accepted_at, facts.message)
    return heard.replace(tellings=tuple(sorted((*state.tellings, telling))))


def _returned(state: SlaState, event: Event[Any], facts: MessageBounced | MessageFailed) -> SlaState:
    """A message that came back for good was never told; a soft bounce may still arrive."""
    if isinstance(facts, MessageBounced) and not facts.hard:
        return state
    return _with(state, event, "returned", event.time, facts.message)


_FOLDS: Final[Mapping[type[Fact], Callable[[SlaState, Event[Any], Any], SlaState]]] = {
    ComplaintReceived: _received,
    MessageAdded: _message,
    ProgressRecorded: _progress,
    Resolved: _resolved,
    Withdrawn: _plain("withdrawn"),
    Merged: _plain("merged"),
    Reopened: _plain("reopened"),
    MilestoneRecorded: _milestone,
    Triaged: _triaged,
    Assigned: _assigned,
    MessageAccepted: _accepted,
    MessageBounced: _returned,
    MessageFailed: _returned,
}

"""Apply events: what each event adds to the state, and nothing more.

Intake's events arrive in order; those of triage and notify commute with them, because every entry is placed by the time
at which it happened. A late event changes what follows from it; a repeated event leaves the state as it is.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.sla.domain.history import SOURCES, HistoryEntry, What, cycles, earliest_time, insert_entry
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

LONGEST_WAIT = timedelta(days=3660)  # a receipt further back starts clocks no earlier; bounds calendar work


def apply(state: SlaState, event: Event[Any]) -> SlaState:
    """Return the state with this event applied; the same object if it adds nothing."""
    add = _APPLY.get(type(event.facts))
    return add(state, event, event.facts) if add else state


def recorded_at(event: Event[Any]) -> datetime:
    """Return when the publisher stored the event: the time in its id (UUIDv7), which a backdated fact cannot move."""
    if event.id.version != 7:
        return event.time
    return max(datetime.fromtimestamp((event.id.int >> 80) / 1000, UTC), event.time)


def _add_entry(
    state: SlaState, event: Event[Any], what: What, at: datetime, item: str = "", *, about: str = ""
) -> SlaState:
    source = SOURCES[event.source.rpartition("/")[2]]
    if source == SOURCES["intake"]:
        if state.receipt is None:
            return state  # intake publishes the receipt first
        if not isinstance(event.facts, MilestoneRecorded):  # a milestone may be reported long after it happened
            at = max(at, earliest_time(state.moments, what) or at)
    moments = insert_entry(
        state.moments, HistoryEntry(at, source, event.sequence, what, item, recorded_at(event), about)
    )
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
    return _add_entry(state.replace(receipt=receipt), event, "received", started_at)


def _triaged(state: SlaState, event: Event[Any], facts: Triaged) -> SlaState:
    triage = TriageRecord(
        at=event.time,
        category=facts.category,
        severity=facts.severity,
        language=facts.language,
        signals=facts.signals,
    )
    if triage in state.triages:
        return state
    last = state.triages[-1] if state.triages else None
    if last and last.at <= triage.at and last.replace(at=triage.at) == triage:
        return state
    return state.replace(triages=tuple(sorted((*state.triages, triage), key=lambda record: record.at)))


def _assigned(state: SlaState, event: Event[Any], facts: Assigned) -> SlaState:
    what: What = "assigned" if facts.handler else "queued"
    return _add_entry(state, event, what, event.time, f"{facts.team}/{facts.handler or ''}")


def _message(state: SlaState, event: Event[Any], facts: MessageAdded) -> SlaState:
    if facts.author == "handler" and not facts.public:
        return state
    return _add_entry(state, event, "customer_wrote" if facts.author == "customer" else "handler_wrote", event.time)


def _progress(state: SlaState, event: Event[Any], facts: ProgressRecorded) -> SlaState:
    after = _add_entry(state, event, facts.state, event.time)
    if after is state or facts.expected_at is None or not facts.reason:
        return after
    all_cycles = cycles(after.moments)
    if not all_cycles or all_cycles[-1].ended_at:
        return after
    proposal = PromiseProposal(at=event.time, cycle=len(all_cycles), expected_at=facts.expected_at, reason=facts.reason)
    return after.replace(proposals=(*after.proposals, proposal))


def _resolved(state: SlaState, event: Event[Any], facts: Resolved) -> SlaState:
    return _add_entry(state, event, "resolved", min(facts.resolved_at, event.time), about=str(event.id))


def _milestone(state: SlaState, event: Event[Any], facts: MilestoneRecorded) -> SlaState:
    return _add_entry(state, event, facts.milestone, min(facts.occurred_at, event.time), facts.item)


def _plain(what: What) -> Callable[[SlaState, Event[Any], Any], SlaState]:
    return lambda state, event, _: _add_entry(state, event, what, event.time)


def _accepted(state: SlaState, event: Event[Any], facts: MessageAccepted) -> SlaState:
    # The answer also acknowledges the complaint (see clock_types).
    kinds: dict[str, What] = {"acknowledgement": "acknowledged", "resolution": "answer_told"}
    what = kinds.get(facts.message_kind, "told")
    about = facts.cause if what == "answer_told" else ""
    after = _add_entry(state, event, what, facts.accepted_at, facts.message, about=about)
    if after is state or facts.states_promise is None:
        return after
    statement = PromiseStatement(facts.states_promise, facts.accepted_at, facts.message)
    return after.replace(tellings=tuple(sorted((*state.tellings, statement))))


def _returned(state: SlaState, event: Event[Any], facts: MessageBounced | MessageFailed) -> SlaState:
    """Add the return of a message: it reached nobody. After a soft bounce it may still arrive."""
    if isinstance(facts, MessageBounced) and not facts.hard:
        return state
    return _add_entry(state, event, "returned", event.time, facts.message)


_APPLY: Final[Mapping[type[Fact], Callable[[SlaState, Event[Any], Any], SlaState]]] = {
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

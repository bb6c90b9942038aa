"""Apply events and publications: the facts that an event adds, and the terms that facts and publications select.

Intake's events arrive in order; those of triage and notify commute with them, because every entry is placed by the time
at which it happened. A late event changes what follows from it; a repeated event leaves the state as it is.

Pinned terms stay; new ones begin when their cause happened. The terms of the receipt apply until triage has decided;
from each triage on those that match its result; from a publication on those of its revision, if it was published to
move open complaints. A triage is matched in the revision that applies to the complaint by then: a publication for new
complaints only does not reach an old one through a second triage. A clock that ended keeps the terms it ended under.

Packs apply by the day of the receipt, whenever it was recorded: the same time that clocks are counted from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.sla.domain.history import SOURCES, HistoryEntry, What, cycles, earliest_time, insert_entry
from services.sla.domain.state import (
    AppliedTerms,
    PromiseProposal,
    PromiseStatement,
    ReceiptRecord,
    SlaState,
    TriageRecord,
)
from services.sla.policies import MatchFacts, Rulebook, Terms
from shared.contracts import events
from shared.contracts.envelope import Event, Fact

LONGEST_WAIT = timedelta(days=3660)  # a receipt further back starts clocks no earlier; bounds calendar work


def apply(state: SlaState, event: Event[Any]) -> SlaState:
    """Return the state with this event applied; the same object if it adds nothing."""
    add = _APPLY.get(type(event.facts))
    return add(state, event, event.facts) if add else state


def _recorded_at(event: Event[Any]) -> datetime:
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
        if not isinstance(event.facts, events.MilestoneRecorded):  # a milestone may be reported long after it happened
            at = max(at, earliest_time(state.moments, what) or at)
    entry = HistoryEntry(at, source, event.sequence, what, item, _recorded_at(event), about)
    moments = insert_entry(state.moments, entry)
    return state if moments is state.moments else state.replace(moments=moments)


def _received(state: SlaState, event: Event[Any], facts: events.ComplaintReceived) -> SlaState:
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


def _triaged(state: SlaState, event: Event[Any], facts: events.Triaged) -> SlaState:
    language, signals = facts.language, facts.signals
    triage = TriageRecord(
        at=event.time, category=facts.category, severity=facts.severity, language=language, signals=signals
    )
    last = state.triages[-1] if state.triages else None
    if triage in state.triages or (last and last.at <= triage.at and last.replace(at=triage.at) == triage):
        return state
    return state.replace(triages=tuple(sorted((*state.triages, triage), key=lambda record: record.at)))


def _assigned(state: SlaState, event: Event[Any], facts: events.Assigned) -> SlaState:
    what: What = "assigned" if facts.handler else "queued"
    return _add_entry(state, event, what, event.time, f"{facts.team}/{facts.handler or ''}")


def _message(state: SlaState, event: Event[Any], facts: events.MessageAdded) -> SlaState:
    if facts.author == "handler" and not facts.public:
        return state
    return _add_entry(state, event, "customer_wrote" if facts.author == "customer" else "handler_wrote", event.time)


def _progress(state: SlaState, event: Event[Any], facts: events.ProgressRecorded) -> SlaState:
    after = _add_entry(state, event, facts.state, event.time)
    if after is state or facts.expected_at is None or not facts.reason:
        return after
    all_cycles = cycles(after.moments)
    if not all_cycles or all_cycles[-1].ended_at:
        return after
    proposal = PromiseProposal(at=event.time, cycle=len(all_cycles), expected_at=facts.expected_at, reason=facts.reason)
    return after.replace(proposals=(*after.proposals, proposal))


def _resolved(state: SlaState, event: Event[Any], facts: events.Resolved) -> SlaState:
    return _add_entry(state, event, "resolved", min(facts.resolved_at, event.time), about=str(event.id))


def _milestone(state: SlaState, event: Event[Any], facts: events.MilestoneRecorded) -> SlaState:
    return _add_entry(state, event, facts.milestone, min(facts.occurred_at, event.time), facts.item)


def _plain(what: What) -> Callable[[SlaState, Event[Any], Any], SlaState]:
    return lambda state, event, _: _add_entry(state, event, what, event.time)


def _accepted(state: SlaState, event: Event[Any], facts: events.MessageAccepted) -> SlaState:
    # The answer also acknowledges the complaint (see clock_types).
    kinds: dict[str, What] = {"acknowledgement": "acknowledged", "resolution": "answer_told"}
    what = kinds.get(facts.message_kind, "told")
    about = facts.cause if what == "answer_told" else ""
    after = _add_entry(state, event, what, facts.accepted_at, facts.message, about=about)
    if after is state or facts.states_promise is None:
        return after
    statement = PromiseStatement(facts.states_promise, facts.accepted_at, facts.message)
    return after.replace(tellings=tuple(sorted((*state.tellings, statement))))


def _returned(state: SlaState, event: Event[Any], facts: events.MessageBounced | events.MessageFailed) -> SlaState:
    """Add the return of a message that was not delivered. After a soft bounce it may still arrive."""
    if isinstance(facts, events.MessageBounced) and not facts.hard:
        return state
    return _add_entry(state, event, "returned", event.time, facts.message)


_APPLY: Final[Mapping[type[Fact], Callable[[SlaState, Event[Any], Any], SlaState]]] = {
    events.ComplaintReceived: _received,
    events.MessageAdded: _message,
    events.ProgressRecorded: _progress,
    events.Resolved: _resolved,
    events.Withdrawn: _plain("withdrawn"),
    events.Merged: _plain("merged"),
    events.Reopened: _plain("reopened"),
    events.MilestoneRecorded: _milestone,
    events.Triaged: _triaged,
    events.Assigned: _assigned,
    events.MessageAccepted: _accepted,
    events.MessageBounced: _returned,
    events.MessageFailed: _returned,
}


def pin_terms(state: SlaState, rulebook: Rulebook) -> SlaState:
    """Return the state with the terms of the receipt and of every triage, once the receipt is there."""
    receipt = state.receipt
    expected = 1 + len(state.triages)
    if receipt is None or sum(applied.why != "rebase" for applied in state.terms) == expected:
        return state
    pinned = {(applied.why, applied.at): applied for applied in state.terms if applied.why != "rebase"}
    first = pinned.get(("receipt", receipt.recorded_at)) or AppliedTerms(
        receipt.recorded_at, "receipt", _match(state, None, rulebook, rulebook.current.number)
    )
    # A triage from before a publication may be received after it; then that publication selects other terms.
    moved = [
        applied._replace(terms=_match_at(state, applied.at, rulebook, applied.terms.revision))
        for applied in state.terms
        if applied.why == "rebase"
    ]
    later = [
        pinned.get(("triage", triage.at))
        or AppliedTerms(triage.at, "triage", _match(state, triage, rulebook, _revision_at((first, *moved), triage.at)))
        for triage in state.triages
    ]
    return state.replace(terms=(first, *sorted((*later, *moved), key=lambda applied: applied.at)))


def match_facts(state: SlaState, triage: TriageRecord | None) -> MatchFacts:
    """Return what policies may match on: the receipt, and the result of that triage."""
    receipt = state.receipt
    return MatchFacts(
        category=triage.category if triage else (),
        severity=triage.severity if triage else None,
        channel=receipt.channel if receipt else None,
        product=receipt.product if receipt else None,
        client=receipt.client if receipt else None,
        language=triage.language if triage else None,
        signals=triage.signals if triage else (),
    )


def _match(state: SlaState, triage: TriageRecord | None, rulebook: Rulebook, revision: int) -> Terms:
    received_at = next(entry.at for entry in state.moments if entry.what == "received")
    return rulebook.match(match_facts(state, triage), received_at, revision)


def expected_terms(state: SlaState, rulebook: Rulebook) -> tuple[AppliedTerms, ...]:
    """Return the terms that the facts require; revisions, and when publications were applied, are taken as pinned.

    A publication that does not move anything, or hides one that does, leaves no terms.
    """
    receipt = state.receipt
    if receipt is None:
        return ()
    pinned = {(applied.why, applied.at): applied.terms.revision for applied in state.terms if applied.why != "rebase"}
    current = pinned.get(("receipt", receipt.recorded_at), rulebook.current.number)
    first = AppliedTerms(receipt.recorded_at, "receipt", _match(state, None, rulebook, current))
    rebased = (applied for applied in state.terms if applied.why == "rebase")
    moved = [
        applied._replace(terms=_match_at(state, applied.at, rulebook, published.number), mode=published.mode)
        for applied, published in zip(rebased, rulebook.rebasing_revisions(current), strict=False)
    ]
    later = [
        _expected_triage(state, triage, rulebook, (first, *moved), pinned.get(("triage", triage.at)))
        for triage in state.triages
    ]
    return (first, *sorted((*later, *moved), key=lambda applied: applied.at))


def _expected_triage(
    state: SlaState, triage: TriageRecord, rulebook: Rulebook, pinned: Sequence[AppliedTerms], revision: int | None
) -> AppliedTerms:
    """Return the terms of a triage; at the instant of publications it may have been read before, after or between."""
    after = _revision_at(pinned, triage.at)
    before = _revision_at((each for each in pinned if each.at != triage.at or each.why == "receipt"), triage.at)
    possible = {before, *(each.terms.revision for each in pinned if each.at == triage.at)}
    read = revision if revision is not None and revision in possible else after
    return AppliedTerms(triage.at, "triage", _match(state, triage, rulebook, read))


def _revision_at(pinned: Iterable[AppliedTerms], at: datetime) -> int:
    """Return the revision of the receipt, or of the last publication applied to the complaint by then."""
    return [applied.terms.revision for applied in pinned if applied.why == "receipt" or applied.at <= at][-1]


def _match_at(state: SlaState, at: datetime, rulebook: Rulebook, revision: int) -> Terms:
    """Return the terms by the last triage until `at`."""
    triage = next((triage for triage in reversed(state.triages) if triage.at <= at), None)
    return _match(state, triage, rulebook, revision)


def apply_publications(state: SlaState, now: datetime, rulebook: Rulebook) -> SlaState:
    """Return the state under every publication since its terms that moves open complaints, one after the other.

    The same object if there is none. A later publication for new complaints only neither moves the complaint nor hides
    earlier publications that do.
    """
    moving = rulebook.rebasing_revisions(state.terms[-1].terms.revision) if state.terms else ()
    if not moving:
        return state
    at = max(now, state.terms[-1].at)
    added = [AppliedTerms(at, "rebase", _match_at(state, at, rulebook, new.number), new.mode) for new in moving]
    return state.replace(terms=(*state.terms, *added))

"""Terms that apply to a complaint, and since when. Pinned terms stay; new ones begin when their cause happened.

The terms of the receipt apply until triage has decided; from each triage on those that match its result; from a
publication on those of its revision, if it was published to move open complaints. A triage is matched in the revision
that applies to the complaint by then: a publication for new complaints only does not reach an old one through a second
triage. A clock that ended keeps the terms it ended under.

Packs apply by the day of the receipt, whenever it was recorded: the same time that clocks are counted from.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from services.sla.domain.state import AppliedTerms, SlaState, TriageRecord
from services.sla.policies import MatchFacts, Rulebook, Terms


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
    moved = [_rematch(state, applied, rulebook) for applied in state.terms if applied.why == "rebase"]
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
    moved = tuple(_expected_moves(state, rulebook, current))
    later = [
        _expected_triage(state, triage, rulebook, (first, *moved), pinned.get(("triage", triage.at)))
        for triage in state.triages
    ]
    return (first, *sorted((*later, *moved), key=lambda applied: applied.at))


def _expected_moves(state: SlaState, rulebook: Rulebook, since: int) -> Iterator[AppliedTerms]:
    moved = [applied for applied in state.terms if applied.why == "rebase"]
    for applied, published in zip(moved, rulebook.rebasing_revisions(since), strict=False):
        terms = _match(state, _last_triage(state, applied.at), rulebook, published.number)
        yield AppliedTerms(applied.at, "rebase", terms, published.mode)


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


def _rematch(state: SlaState, applied: AppliedTerms, rulebook: Rulebook) -> AppliedTerms:
    """Return the terms of a publication after a triage from before it was received late."""
    return applied._replace(terms=_match(state, _last_triage(state, applied.at), rulebook, applied.terms.revision))


def _last_triage(state: SlaState, until: datetime) -> TriageRecord | None:
    return next((triage for triage in reversed(state.triages) if triage.at <= until), None)


def apply_publications(state: SlaState, now: datetime, rulebook: Rulebook) -> SlaState:
    """Return the state under every publication since its terms that moves open complaints, one after the other.

    The same object if there is none. A later publication for new complaints only neither moves the complaint nor hides
    earlier publications that do.
    """
    moving = rulebook.rebasing_revisions(state.terms[-1].terms.revision) if state.terms else ()
    if not moving:
        return state
    at = max(now, state.terms[-1].at)
    triage = _last_triage(state, at)
    added = (
        AppliedTerms(at, "rebase", _match(state, triage, rulebook, published.number), published.mode)
        for published in moving
    )
    return state.replace(terms=(*state.terms, *added))

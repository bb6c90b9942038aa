"""Which terms a complaint is under, and since when. Terms once pinned stay; new ones begin where their cause happened.

Under the terms of the receipt until triage has spoken; from each triage on under what fits its words; from a
publication on under what it says, if it was published to move what is open. A triage reads in the revision that the
complaint is under by then: what was published for new complaints only does not reach an old one through a second look.
A clock that ended keeps the terms it ended under.

Packs go by the day of receipt, whenever it was recorded: the same moment that clocks are counted from.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from services.sla.domain.state import AppliedTerms, SlaState, TriageRecord
from services.sla.policies import Rulebook, Terms


def settle_terms(state: SlaState, rulebook: Rulebook) -> SlaState:
    """Pin the terms of the receipt and of every triage, as soon as the channel is known as well."""
    receipt = state.receipt
    wanted = 1 + len(state.triages)
    if receipt is None or sum(one.why != "rebase" for one in state.terms) == wanted:
        return state
    known = {(one.why, one.at): one for one in state.terms if one.why != "rebase"}
    current = rulebook.current.number
    first = known.get(("receipt", receipt.recorded_at)) or AppliedTerms(
        receipt.recorded_at, "receipt", _match(state, None, rulebook, current)
    )
    moved = [_again(state, one, rulebook) for one in state.terms if one.why == "rebase"]
    later = [
        known.get(("triage", one.at))
        or AppliedTerms(one.at, "triage", _match(state, one, rulebook, _revision((first, *moved), one.at)))
        for one in state.triages
    ]
    return state.replace(terms=(first, *sorted((*later, *moved), key=lambda one: one.at)))


def _match(state: SlaState, triage: TriageRecord | None, rulebook: Rulebook, revision: int) -> Terms:
    received_at = next(one.at for one in state.moments if one.what == "received")
    return rulebook.match(state.asked(triage), received_at, revision)


def worked_out(state: SlaState, rulebook: Rulebook) -> tuple[AppliedTerms, ...]:
    """What the terms have to be, by the facts: only their revisions, and when publications met it, are as pinned.

    A publication that does not move anything, or hides one that does, leaves no terms.
    """
    receipt = state.receipt
    if receipt is None:
        return ()
    pinned = {(one.why, one.at): one.terms.revision for one in state.terms if one.why != "rebase"}
    current = pinned.get(("receipt", receipt.recorded_at), rulebook.current.number)
    first = AppliedTerms(receipt.recorded_at, "receipt", _match(state, None, rulebook, current))
    moved = tuple(_republished(state, rulebook, current))
    later = [
        _under_triage(state, one, rulebook, (first, *moved), pinned.get(("triage", one.at))) for one in state.triages
    ]
    return (first, *sorted((*later, *moved), key=lambda one: one.at))


def _republished(state: SlaState, rulebook: Rulebook, since: int) -> Iterator[AppliedTerms]:
    moved = [one for one in state.terms if one.why == "rebase"]
    for one, published in zip(moved, rulebook.rebasing_revisions(since), strict=False):
        terms = _match(state, last_triage(state, one.at), rulebook, published.number)
        yield AppliedTerms(one.at, "rebase", terms, published.mode)


def _under_triage(
    state: SlaState, triage: TriageRecord, rulebook: Rulebook, pinned: Sequence[AppliedTerms], revision: int | None
) -> AppliedTerms:
    """A triage of the very instant of publications may have been read before them, after them, or between two."""
    after = _revision(pinned, triage.at)
    before = _revision((one for one in pinned if one.at != triage.at or one.why == "receipt"), triage.at)
    between = {before, *(one.terms.revision for one in pinned if one.at == triage.at)}
    read = revision if revision is not None and revision in between else after
    return AppliedTerms(triage.at, "triage", _match(state, triage, rulebook, read))


def _revision(pinned: Iterable[AppliedTerms], at: datetime) -> int:
    """Of the receipt, or of the last publication that had moved the complaint by then."""
    return [one.terms.revision for one in pinned if one.why == "receipt" or one.at <= at][-1]


def _again(state: SlaState, rebase: AppliedTerms, rulebook: Rulebook) -> AppliedTerms:
    """A triage that happened before a publication was heard after it: the publication meets the complaint as it was."""
    return rebase._replace(terms=_match(state, last_triage(state, rebase.at), rulebook, rebase.terms.revision))


def last_triage(state: SlaState, until: datetime) -> TriageRecord | None:
    """What triage had said by then."""
    return next((one for one in reversed(state.triages) if one.at <= until), None)


def rebased(state: SlaState, now: datetime, rulebook: Rulebook) -> SlaState:
    """The complaint under every publication since its terms that moves what is open, one after the other.

    The same object where there is none. A later publication for new complaints only neither moves it nor hides those
    before it that do.
    """
    moving = rulebook.rebasing_revisions(state.terms[-1].terms.revision) if state.terms else ()
    if not moving:
        return state
    at = max(now, state.terms[-1].at)
    triage = last_triage(state, at)
    added = (AppliedTerms(at, "rebase", _match(state, triage, rulebook, one.number), one.mode) for one in moving)
    return state.replace(terms=(*state.terms, *added))


def stretches(terms: Sequence[AppliedTerms]) -> list[tuple[AppliedTerms, datetime | None]]:
    """Each terms with the moment from which others apply; absent for the last."""
    ends: list[tuple[AppliedTerms, datetime | None]] = [(one, other.at) for one, other in pairwise(terms)]
    return [*ends, (terms[-1], None)] if terms else []

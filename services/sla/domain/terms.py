"""Which terms a complaint is under, and since when. Terms once pinned stay; new ones begin where their cause happened.

Under the terms of the receipt until triage has spoken; from each triage on under what fits its words; from a
publication on under what it says, if it was published to move what is open. A clock that ended keeps the terms it ended
under.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from services.sla.domain.state import Complaint, Triage, Under
from services.sla.policies import Rulebook, Terms


def settle_terms(state: Complaint, rulebook: Rulebook) -> Complaint:
    """Pin the terms of the receipt and of every triage, as soon as the channel is known as well."""
    receipt = state.receipt
    wanted = 1 + len(state.triages)
    if receipt is None or sum(one.why != "rebase" for one in state.terms) == wanted:
        return state
    known = {(one.why, one.at): one for one in state.terms if one.why != "rebase"}
    first = known.get(("receipt", receipt.recorded_at)) or Under(
        receipt.recorded_at, "receipt", rulebook.match(state.asked(None), receipt.recorded_at)
    )
    later = [
        known.get(("triage", one.at)) or Under(one.at, "triage", _match(state, one, rulebook)) for one in state.triages
    ]
    moved = [_again(state, one, rulebook) for one in state.terms if one.why == "rebase"]
    return state.but(terms=(first, *sorted((*later, *moved), key=lambda one: one.at)))


def _match(state: Complaint, triage: Triage | None, rulebook: Rulebook) -> Terms:
    at = state.receipt.recorded_at if state.receipt else triage.at if triage else None
    assert at is not None  # noqa: S101  # terms are only settled once the receipt is known
    return rulebook.match(state.asked(triage), at)


def _again(state: Complaint, rebase: Under, rulebook: Rulebook) -> Under:
    """A triage that happened before a publication was heard after it: the publication meets the complaint as it was."""
    return rebase._replace(terms=_match(state, last_triage(state, rebase.at), rulebook))


def last_triage(state: Complaint, until: datetime) -> Triage | None:
    """What triage had said by then."""
    return next((one for one in reversed(state.triages) if one.at <= until), None)


def rebased(state: Complaint, now: datetime, rulebook: Rulebook) -> Complaint:
    """The complaint under what is current now; the same object where that changes nothing for it."""
    current = rulebook.current
    if not state.terms or state.terms[-1].terms.revision >= current.number:
        return state
    terms = _match(state, last_triage(state, now), rulebook)
    return state.but(terms=(*state.terms, Under(now, "rebase", terms, current.mode)))


def stretches(terms: Sequence[Under]) -> list[tuple[Under, datetime | None]]:
    """Each terms with the moment from which others apply; absent for the last."""
    ends: list[tuple[Under, datetime | None]] = [(one, other.at) for one, other in pairwise(terms)]
    return [*ends, (terms[-1], None)] if terms else []

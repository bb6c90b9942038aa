"""What we believed about a complaint at an earlier moment: the same state without what was recorded later."""

from datetime import datetime

from services.sla.domain.history import cycles
from services.sla.domain.state import ExtensionRequest, SlaState


def as_of(state: SlaState, at: datetime) -> SlaState | None:
    """The state as it could be known at `at`; None where the complaint was not known yet.

    Facts count by when they were recorded, not by when they happened: what was told late was not believed before.
    Rungs need no taking back, because whether a clock was late follows from how far time had been looked at.
    """
    known = tuple(one for one in state.moments if one.recorded_at <= at)
    begun = len(cycles(known))
    if state.receipt is None or at < state.receipt.recorded_at or not begun:
        return None
    heard = {one.item for one in known}
    triages = tuple(one for one in state.triages if one.at <= at)
    kept = {one.at for one in triages}
    terms = tuple(
        one for one in state.terms if one.why == "receipt" or (one.at in kept if one.why == "triage" else one.at <= at)
    )
    return state.replace(
        moments=known,
        triages=triages,
        terms=terms,
        promises=tuple(one for one in state.promises if one.made_at <= at and one.cycle <= begun),
        proposals=tuple(one for one in state.proposals if one.at <= at),
        extensions=tuple(_undecided(one, at) for one in state.extensions if one.asked_at <= at),
        tellings=tuple(one for one in state.tellings if one.message in heard),
        fired=(),
        reached_at=min(at, state.reached_at) if state.reached_at else None,
    )


def _undecided(one: ExtensionRequest, at: datetime) -> ExtensionRequest:
    """An extension as it stood then: nobody knew yet what would be decided later."""
    return one.replace(approved=None, by=None, decided_at=None) if one.decided_at and one.decided_at > at else one

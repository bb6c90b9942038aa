"""State of a complaint as it was recorded at an earlier time: the same state without what was recorded later."""

from datetime import datetime

from services.sla.domain.history import cycles
from services.sla.domain.state import ExtensionRequest, SlaState


def as_of(state: SlaState, at: datetime) -> SlaState | None:
    """Return the state as it was recorded at `at`; None if the complaint was not recorded yet.

    Facts count by when they were recorded, not by when they happened. Fired steps need not be taken back: a clock was
    late or not by how far time had been evaluated.
    """
    moments = tuple(entry for entry in state.moments if entry.recorded_at <= at)
    begun = len(cycles(moments))
    if state.receipt is None or at < state.receipt.recorded_at or not begun:
        return None
    messages = {entry.item for entry in moments}
    triages = tuple(triage for triage in state.triages if triage.at <= at)
    times = {triage.at for triage in triages}
    terms = tuple(
        applied
        for applied in state.terms
        if applied.why == "receipt" or (applied.at in times if applied.why == "triage" else applied.at <= at)
    )
    return state.replace(
        moments=moments,
        triages=triages,
        terms=terms,
        promises=tuple(promise for promise in state.promises if promise.made_at <= at and promise.cycle <= begun),
        proposals=tuple(proposal for proposal in state.proposals if proposal.at <= at),
        extensions=tuple(_as_requested(request, at) for request in state.extensions if request.asked_at <= at),
        tellings=tuple(statement for statement in state.tellings if statement.message in messages),
        fired=(),
        reached_at=min(at, state.reached_at) if state.reached_at else None,
    )


def _as_requested(request: ExtensionRequest, at: datetime) -> ExtensionRequest:
    """Return the request without a decision that was made after `at`."""
    if request.decided_at is None or request.decided_at <= at:
        return request
    return request.replace(approved=None, by=None, decided_at=None)

"""A complaint as it would be if another rulebook had always been in force: its facts again, everything else anew.

What happened stays as it happened: who wrote when, what triage said, which message a provider accepted. Terms, clocks
and promises follow from it once more. A message that stated a promise states the one that would have been made in its
place, so a date counts as told when it was. Dates that a handler named are theirs, and stay; but one beyond what the
other rulebook allows without approval would have waited, unless it really was approved, as it then would have been.
"""

from services.sla.domain import SlaState
from services.sla.domain.promise_dates import exceeded_limit, make_promises, revised_due_time
from services.sla.domain.promise_status import chain_key
from services.sla.domain.state import Promise
from services.sla.domain.terms import pin_terms
from services.sla.policies import Rulebook


def refolded(state: SlaState, rulebook: Rulebook, really: Rulebook) -> SlaState:
    """The complaint from nothing, under the current revision of that rulebook alone; `really` is what was in force."""
    blank = SlaState(
        complaint_id=state.complaint_id,
        receipt=state.receipt,
        moments=state.moments,
        triages=state.triages,
        tellings=state.tellings,
        reached_at=state.reached_at,
    )
    would = pin_terms(blank, rulebook)
    made = {one.cycle: one for one in make_promises(would, rulebook).promises}
    for number, one in enumerate(state.promises):
        approved = _was_approved(one, state.replace(promises=state.promises[:number]), really)
        instead = _instead(one, made.get(one.cycle), would, rulebook, approved=approved)
        if instead is not None:
            would = would.replace(promises=(*would.promises, instead))
    return would


def _was_approved(one: Promise, before: SlaState, really: Rulebook) -> bool:
    """Whether somebody had to approve it, and so did; `before`: the complaint with the promises made before it."""
    current = _last(before, one)
    return current is not None and exceeded_limit(before, current, one.due_at, really) is not None


def _last(state: SlaState, one: Promise) -> Promise | None:
    """The version that stood before that one."""
    return next((other for other in reversed(state.promises) if chain_key(other) == chain_key(one)), None)


def _instead(
    one: Promise, made: Promise | None, would: SlaState, rulebook: Rulebook, *, approved: bool
) -> Promise | None:
    """What would have been promised in its place, under the number that it really had, so that tellings find it.

    None where there would have been nothing to move, or where the move would have waited for approval.
    """
    if made is None:
        return None
    if one.subject != "outcome":
        return one.replace(terms=made.terms)
    current = _last(would, one)
    if current is None:
        return made.replace(number=one.number)
    due_at = revised_due_time(current, one.due_at, one.made_at, rulebook)
    if due_at is None or (not approved and exceeded_limit(would, current, due_at, rulebook)):
        return None
    return current.replace(
        number=one.number, due_at=due_at, made_at=one.made_at, reason=one.reason, by=one.by, of=one.of
    )

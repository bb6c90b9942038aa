"""Rebuild a complaint as it would be if another rulebook had always been in force.

Facts stay as they are: who wrote when, what triage decided, which messages were accepted. Terms, clocks and promises
are decided again from the facts. Promises are the hard part, because the customer was told dates that the other
rulebook would not have made:

- A message that stated a promise states the promise that would have been made in its place, so a date counts as told at
  the time when the real one was told. To keep that link, a replaced promise keeps the number of the real one.
- A date that a handler chose stays that date. If the other rulebook would have required approval for it, it only
  counts if the real one was approved too; then the approval would have been given as well.
"""

from services.sla.domain import SlaState
from services.sla.domain.apply import pin_terms
from services.sla.domain.promise_dates import exceeded_limit, make_promises, revised_due_time
from services.sla.domain.promise_status import chain_key
from services.sla.domain.state import Promise
from services.sla.policies import Rulebook

FACTS = ("complaint_id", "receipt", "moments", "triages", "tellings", "reached_at")
MOVE_FIELDS = (
    "number",
    "made_at",
    "reason",
    "by",
    "of",
)  # of a promise; its move determines them


def replay_under(state: SlaState, rulebook: Rulebook, actual: Rulebook) -> SlaState:
    """Return the state under the current revision of `rulebook` alone; `actual` is the rulebook that was in force."""
    facts = {name: getattr(state, name) for name in FACTS}
    replayed = pin_terms(SlaState(**facts), rulebook)
    first = {promise.cycle: promise for promise in make_promises(replayed, rulebook).promises}
    for index, promise in enumerate(state.promises):
        earlier = state.replace(promises=state.promises[:index])
        current = _previous_version(earlier, promise)  # if the move needed approval, it was approved
        approved = current is not None and exceeded_limit(earlier, current, promise.due_at, actual) is not None
        replacement = _replacement(promise, first.get(promise.cycle), replayed, rulebook, approved=approved)
        if replacement is not None:
            replayed = replayed.replace(promises=(*replayed.promises, replacement))
    return replayed


def _previous_version(state: SlaState, promise: Promise) -> Promise | None:
    """Return the newest version of the same promise in this state."""
    return next((other for other in reversed(state.promises) if chain_key(other) == chain_key(promise)), None)


def _replacement(
    promise: Promise, first: Promise | None, replayed: SlaState, rulebook: Rulebook, *, approved: bool
) -> Promise | None:
    """Return the promise that would have been made instead, under the same number; `first`: first of its cycle.

    None if there would have been no promise to move, or if the move would have waited for approval.
    """
    if first is None:
        return None
    if promise.subject != "outcome":
        return promise.replace(terms=first.terms)
    current = _previous_version(replayed, promise)
    if current is None:
        return first.replace(number=promise.number)
    due_at = revised_due_time(current, promise.due_at, promise.made_at, rulebook)
    if due_at is None or (not approved and exceeded_limit(replayed, current, due_at, rulebook)):
        return None
    return current.replace(due_at=due_at, **{name: getattr(promise, name) for name in MOVE_FIELDS})

"""A complaint as it would be if another rulebook had always been in force: its facts again, everything else anew.

What happened stays as it happened: who wrote when, what triage said, which message a provider accepted. Terms, clocks
and promises follow from it once more. A message that stated a promise states the one that would have been made in its
place, so a date counts as told when it was. Dates that a handler named are theirs, and stay.
"""

from services.sla.domain import Complaint
from services.sla.domain.promises import chain_key
from services.sla.domain.promising import moved_to, settle_promises
from services.sla.domain.state import Promise
from services.sla.domain.terms import settle_terms
from services.sla.policies import Rulebook


def refolded(state: Complaint, rulebook: Rulebook) -> Complaint:
    """The complaint from nothing, under the current revision of that rulebook alone."""
    blank = Complaint(
        complaint_id=state.complaint_id,
        receipt=state.receipt,
        moments=state.moments,
        triages=state.triages,
        tellings=state.tellings,
        reached_at=state.reached_at,
    )
    settled = settle_terms(blank, rulebook)
    made = {one.cycle: one for one in settle_promises(settled, rulebook).promises}
    return settled.but(promises=_promised(state.promises, made, rulebook))


def _promised(really: tuple[Promise, ...], made: dict[int, Promise], rulebook: Rulebook) -> tuple[Promise, ...]:
    """Each promise under the number that it really had, so that tellings find it."""
    latest: dict[int, Promise] = {}
    found: list[Promise] = []
    for one in really:
        chain = chain_key(one)
        instead = _instead(one, made.get(one.cycle), latest.get(chain), rulebook)
        if instead is not None:
            latest[chain] = instead
            found.append(instead)
    return tuple(found)


def _instead(one: Promise, made: Promise | None, before: Promise | None, rulebook: Rulebook) -> Promise | None:
    """What would have been promised in its place; None where there would have been nothing to move."""
    if made is None:
        return None
    if one.subject != "outcome":
        return one.but(terms=made.terms)
    if before is None:
        return made.but(number=one.number)
    due_at = moved_to(before, one.due_at, one.made_at, rulebook)
    if due_at is None:
        return None
    return before.but(number=one.number, due_at=due_at, made_at=one.made_at, reason=one.reason, by=one.by, of=one.of)

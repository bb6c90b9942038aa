"""What a publication changes of one complaint: a holiday is published for every one that is open.

Where the same rules go on, only by other calendars, nothing is worked out anew but the clocks that have other hours
before they are due, and what time has reached.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from services.sla.calendar import alike
from services.sla.domain.clocks import Clock, derived_once, mark, open_runs
from services.sla.domain.goals import seconds
from services.sla.domain.ledger import PROMISES, Ledger, around, due_names, ledger
from services.sla.domain.placing import Placed, place
from services.sla.domain.promises import pledges
from services.sla.domain.state import Complaint
from services.sla.policies import Charge, Rulebook, Terms


class Change(NamedTuple):
    """The complaint under what was published, and the ledgers before and after; both of one part of it, or whole."""

    complaint: Complaint
    before: Ledger
    after: Ledger


def change_of(state: Complaint, moved: Complaint, rulebook: Rulebook, now: datetime) -> Change:
    """`moved` is the complaint under the terms that were published."""
    charges = _recounted(state.terms[-1].terms, moved.terms[-1].terms, rulebook)
    carries = any(one.mode == "rebase_remaining" for one in moved.terms)
    old = state.due_at is not None and not state.ahead  # stored before states told what is ahead
    if charges is None or carries or old or state.moments[-1].at > now:
        return Change(moved, ledger(state, rulebook), ledger(moved, rulebook))
    return _part(state, moved, rulebook, charges, due_names(state, now))


def _part(
    state: Complaint, moved: Complaint, rulebook: Rulebook, charges: Mapping[str, Charge], names: frozenset[str]
) -> Change:
    before: list[Clock] = []
    after: list[Clock] = []
    due_times: list[datetime | None] = []
    ahead = dict(state.ahead)
    for found in open_runs(state, rulebook):
        _, charge, run, _ = found
        new, placed, key = charges[charge.name], place(charge, run, None), mark(charge, run.item, run.cycle)
        if key not in names and _is_same(charge, new, placed, ahead.get(key)):
            due_times.append(placed.due_at)
            continue
        again = place(new, run, None)
        before.append(derived_once(state, found, placed, steps=False))
        after.append(derived_once(moved, (moved.terms[-1], new, run, None), again))
        due_times.append(again.due_at)
    names |= {clock.key for clock in after}
    known = Ledger(tuple(before), tuple(pledges(state)) if PROMISES in names else (), only=names)
    tightest_at = min((at for at in due_times if at), default=None)
    return Change(moved.but(tightest_at=tightest_at), known, around(moved, rulebook, tuple(after), names))


def _is_same(old: Charge, new: Charge, placed: Placed, ahead: datetime | None) -> bool:
    """Whether the other calendar has the same hours up to where the clock is due and next has something to say.

    All that it may say after that comes later by either, and is looked at again by then.
    """
    if old.compiled is new.compiled:
        return True
    if placed.due_at is None:
        return False
    last = placed.due_at if ahead is None else max(placed.due_at, ahead)
    return alike(old.compiled, new.compiled, placed.course.start, seconds(last))


@lru_cache(maxsize=1024)
def _recounted(old: Terms, new: Terms, rulebook: Rulebook) -> dict[str, Charge] | None:
    """The new charges by their names, where they ask the same by other calendars; None where they ask otherwise."""
    before, after = rulebook.charges(old), rulebook.charges(new)
    same = (old.policy, old.policy_version, old.packs) == (new.policy, new.policy_version, new.packs)
    if not same or [(one.name, one.rule) for one in before] != [(one.name, one.rule) for one in after]:
        return None
    return {one.name: one for one in after}

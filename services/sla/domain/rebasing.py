"""What a publication changes of one complaint: a holiday is published for every one that is open.

Where the same rules go on, only by other calendars, only the clocks that count by these are worked out anew, with what
time has reached.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from services.sla.domain.clocks import Clock, derived, mark, open_runs, place
from services.sla.domain.ledger import PROMISES, Ledger, around, due_names, ledger
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
    for found in open_runs(state, rulebook):
        _, charge, run, carried = found
        new = charges[charge.name]
        if new.compiled is charge.compiled and mark(charge, run.item, run.cycle) not in names:
            due_times.append(place(charge, run, carried).due_at)
            continue
        before.append(derived(state, found, steps=False))
        after.append(derived(moved, (moved.terms[-1], new, run, None)))
        due_times.append(after[-1].due_at)
    names |= {clock.key for clock in after}
    known = Ledger(tuple(before), tuple(pledges(state)) if PROMISES in names else (), only=names)
    tightest_at = min((at for at in due_times if at), default=None)
    return Change(moved.but(tightest_at=tightest_at), known, around(moved, rulebook, tuple(after), names))


@lru_cache(maxsize=1024)
def _recounted(old: Terms, new: Terms, rulebook: Rulebook) -> dict[str, Charge] | None:
    """The new charges by their names, where they ask the same by other calendars; None where they ask otherwise."""
    before, after = rulebook.charges(old), rulebook.charges(new)
    same = (old.policy, old.policy_version, old.packs) == (new.policy, new.policy_version, new.packs)
    if not same or [(one.name, one.rule) for one in before] != [(one.name, one.rule) for one in after]:
        return None
    return {one.name: one for one in after}

"""What a publication changes of one complaint: a holiday is published for every one that is open.

Where the same rules go on, only by other calendars, nothing is worked out anew but the clocks that have other hours
before they are due, and what time has reached.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from services.sla.calendar import have_same_hours
from services.sla.domain.clocks import Clock, derived_once, is_over, mark, open_runs
from services.sla.domain.due_times import PlacedRun, place
from services.sla.domain.evaluation import PROMISES, Evaluation, around, due_names, evaluate
from services.sla.domain.promise_status import promise_statuses
from services.sla.domain.state import SlaState
from services.sla.policies import ClockSpec, Rulebook, Terms
from services.sla.policies.deadlines import seconds


class Recomputation(NamedTuple):
    """The complaint under what was published, and the ledgers before and after; both of one part of it, or whole."""

    complaint: SlaState
    before: Evaluation
    after: Evaluation


class Recount(NamedTuple):
    """Open clocks that have other hours before they are due, by the old calendars and by the new; `kept` have not."""

    before: tuple[Clock, ...]
    after: tuple[Clock, ...]
    kept: tuple[datetime | None, ...]  # when each of them is due, if it runs

    @property
    def tightest_at(self) -> datetime | None:
        """When the first clock that runs is due, by the new calendars."""
        due_times = (*self.kept, *(clock.due_at for clock in self.after))
        return min((at for at in due_times if at), default=None)


def change_of(state: SlaState, moved: SlaState, rulebook: Rulebook, now: datetime) -> Recomputation:
    """`moved` is the complaint under the terms that were published."""
    names = due_names(state, now)
    found = recount(state, moved, rulebook, now, names, steps=False)
    if found is None:
        return Recomputation(moved, evaluate(state, rulebook), evaluate(moved, rulebook))
    names |= {clock.key for clock in found.after}
    known = Evaluation(found.before, tuple(promise_statuses(state)) if PROMISES in names else (), only=names)
    return Recomputation(
        moved.replace(tightest_at=found.tightest_at), known, around(moved, rulebook, found.after, names)
    )


def recount(
    state: SlaState, moved: SlaState, rulebook: Rulebook, now: datetime, names: frozenset[str], *, steps: bool = True
) -> Recount | None:
    """What other calendars may move, with the clocks of these `names` whether they do or not.

    Without `steps` those of before come without their rungs, where nobody asks when they would have spoken. None where
    the publication asks for something else than other calendars, or where the state does not tell enough.
    """
    charges = _recounted(state.terms[-1].terms, moved.terms[-1].terms, rulebook)
    carries = any(one.mode == "rebase_remaining" for one in moved.terms)
    old = state.due_at is not None and not state.ahead  # stored before states told what is ahead
    if charges is None or carries or old or state.moments[-1].at > now:
        return None
    before: list[Clock] = []
    after: list[Clock] = []
    kept: list[datetime | None] = []
    ahead = dict(state.ahead)
    for found in open_runs(state, rulebook):
        _, charge, run, _ = found
        new, placed, key = charges[charge.name], place(charge, run, None), mark(charge, run.item, run.cycle)
        if key not in names and _is_same(charge, new, placed, ahead.get(key)):
            if not is_over(state, found, placed):
                kept.append(placed.due_at)
            continue
        before.append(derived_once(state, found, placed, steps=steps))
        after.append(derived_once(moved, (moved.terms[-1], new, run, None), place(new, run, None)))
    if any(clock.is_chance for clock in after):
        return None  # it may be over by the other calendar, and with it the complaint
    return Recount(tuple(before), tuple(after), tuple(kept))


def _is_same(old: ClockSpec, new: ClockSpec, placed: PlacedRun, ahead: datetime | None) -> bool:
    """Whether the other calendar has the same hours up to where the clock is due and next has something to say.

    All that it may say after that comes later by either, and is looked at again by then.
    """
    if old.compiled is new.compiled:
        return True
    if placed.due_at is None:
        return False
    last = placed.due_at if ahead is None else max(placed.due_at, ahead)
    return have_same_hours(old.compiled, new.compiled, placed.course.start, seconds(last))


@lru_cache(maxsize=1024)
def _recounted(old: Terms, new: Terms, rulebook: Rulebook) -> dict[str, ClockSpec] | None:
    """The new charges by their names, where they ask the same by other calendars; None where they ask otherwise."""
    before, after = rulebook.clock_specs(old), rulebook.clock_specs(new)
    same = (old.policy, old.policy_version, old.packs) == (new.policy, new.policy_version, new.packs)
    if not same or [(one.name, one.rule) for one in before] != [(one.name, one.rule) for one in after]:
        return None
    return {one.name: one for one in after}

"""Partial evaluation: derive only what a tick, or a calendar that changed, can affect.

Every decision could evaluate whole states; the results are the same (tests/properties/test_sla_time.py and
test_sla_parts.py compare them). Two kinds of decision come in such numbers that they derive a part instead:

    a tick                                         75 µs instead of 200 µs; thousands can be due in one second
    a recomputation after a change of calendars   180 µs instead of 400 µs; a holiday moves a million clocks

(Decisions about states with five clocks, as loaded from the database, on one core.)

The parts have names: a clock has its key, the promises and the silence have one name each, letters belong to their
clock. `SlaState.ahead` holds the next timer of every name, so a state shows which names are due at a time.
"""

from bisect import insort
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from services.sla.calendar import have_same_hours
from services.sla.domain.clock_runs import derive_runs
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.clocks import TimedRun, applied_type, clock_key, is_passed, time_run
from services.sla.domain.evaluation import EARLIEST, LETTER, PROMISES, SILENCE, Evaluation, evaluate
from services.sla.domain.history import History
from services.sla.domain.state import NextTime, SlaState
from services.sla.policies import ClockSpec, Rulebook, Terms
from services.sla.policies.deadlines import seconds


class CalendarChange(NamedTuple):
    """Effect of new calendars on one complaint: `names` must be evaluated, the other open clocks keep their due times.

    `kept` are those due times, None for a paused clock.
    """

    names: frozenset[str]
    kept: tuple[datetime | None, ...]

    def tightest_at(self, after: Evaluation) -> datetime | None:
        """Return when the first running clock is due under the new calendars."""
        due_times = (*self.kept, *(clock.due_at for clock in after.clocks))
        return min((at for at in due_times if at), default=None)


def evaluate_due(state: SlaState, rulebook: Rulebook, now: datetime) -> Evaluation:
    """Return the evaluation of the names that are due by `now`; the whole one if the state does not show enough.

    A due clock that measures an opportunity may end with it the complaint, so that needs the whole evaluation.
    """
    names = due_names(state, now)
    part = evaluate(state, rulebook, names, with_notices=False)
    complete = names and names <= {clock.key for clock in part.clocks} | {PROMISES, SILENCE}
    if complete and not any(clock.is_optional for clock in part.clocks):
        return part
    return evaluate(state, rulebook, with_notices=False)


def due_names(state: SlaState, now: datetime) -> frozenset[str]:
    """Return the names whose next timer is due by `now`."""
    return frozenset([_owner(name) for name, _ in takewhile(lambda next_time: next_time[1] <= now, state.ahead)])


def merged_ahead(state: SlaState, evaluation: Evaluation, only: frozenset[str]) -> tuple[NextTime, ...]:
    """Return the next timers of an evaluation of `only`, with the stored ones of all other names."""
    merged = [entry for entry in state.ahead if _owner(entry[0]) not in only]
    for entry in evaluation.ahead:
        insort(merged, entry, key=EARLIEST)
    return tuple(merged)


def _owner(name: str) -> str:
    """Return the name that a timer belongs to: a letter belongs to its clock."""
    if name.startswith(LETTER):
        return name[len(LETTER) :].rpartition(":")[0]
    return SILENCE if name.startswith(SILENCE) else name


def calendar_change(
    state: SlaState, moved: SlaState, history: History, rulebook: Rulebook, now: datetime
) -> CalendarChange | None:
    """Compare the calendars of a state with those of the same state under new terms (`moved`).

    A clock keeps its due time if both calendars have the same hours from its start to its due time and its next timer;
    what may fire after that is later under either, and is evaluated again by then. Return None if the terms differ in
    more than calendars, or if the state does not show enough; then everything must be evaluated.
    """
    specs = _same_rules(state.terms[-1].terms, moved.terms[-1].terms, rulebook)
    carries = any(applied.mode == "rebase_remaining" for applied in moved.terms)
    old = state.due_at is not None and not state.ahead  # stored before `ahead` was introduced
    if specs is None or carries or old or state.moments[-1].at > now:
        return None
    names, kept = set(due_names(state, now)), list[datetime | None]()
    ahead = dict(state.ahead)
    for spec, new in specs:
        optional = CLOCK_TYPES[spec.rule.kind].optional
        for run in derive_runs(applied_type(spec), history.entries):
            if run.ended_at is not None:
                continue
            key, timed = clock_key(spec, run), time_run(spec, run)
            if key in names or not _has_same_hours(timed, new, ahead.get(key)):
                if optional:
                    return None  # under the new calendar it may be over, and the complaint with it
                names.add(key)
            elif not (optional and is_passed(state, timed)):
                kept.append(timed.due_at)
    return CalendarChange(frozenset(names), tuple(kept))


def _same_rules(old: Terms, new: Terms, rulebook: Rulebook) -> list[tuple[ClockSpec, ClockSpec]] | None:
    """Return each clock of the old terms with that of the new; None if the terms differ in more than calendars."""
    if (old.policy, old.policy_version, old.packs) != (new.policy, new.policy_version, new.packs):
        return None
    before, after = rulebook.clock_specs(old), rulebook.clock_specs(new)
    if [(spec.name, id(spec.rule)) for spec in before] != [(spec.name, id(spec.rule)) for spec in after]:
        return None
    return list(zip(before, after, strict=True))


def _has_same_hours(timed: TimedRun, new: ClockSpec, ahead: datetime | None) -> bool:
    old = timed.spec.compiled
    if old is new.compiled:
        return True
    if timed.due_at is None:
        return False
    last = timed.due_at if ahead is None else max(timed.due_at, ahead)
    return have_same_hours(old, new.compiled, timed.course.start, seconds(last))

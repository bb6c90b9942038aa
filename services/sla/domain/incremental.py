"""Time and calendars: fire what is due, and evaluate only what a tick, or a calendar that changed, can affect.

Every decision could evaluate whole states; the results are the same (tests/properties/test_sla_time.py and
test_sla_parts.py compare them). Two kinds of decision come in such numbers that they derive a part instead:

    a tick                                         75 µs instead of 200 µs; thousands can be due in one second
    a recomputation after a change of calendars   150 µs instead of 400 µs; a holiday moves a million clocks

(Decisions about states with five clocks, as loaded from the database, on one core.)

The parts have names: a clock has its key, the promises and the silence have one name each, letters belong to their
clock. `SlaState.ahead` holds the next timer of every name, so a state shows which names are due at a time.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from services.sla.calendar import have_same_hours
from services.sla.domain import clocks
from services.sla.domain.clock_runs import derive_runs
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.clocks import Clock, PendingStep, TimedRun
from services.sla.domain.evaluation import PROMISES, SILENCE, Evaluation, evaluate, timer_owner
from services.sla.domain.history import History
from services.sla.domain.state import SlaState
from services.sla.policies import ClockSpec, Rulebook, Terms
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import ClockEscalated, ClockWarned


def reach(state: SlaState, now: datetime) -> SlaState:
    """Return the state with time evaluated up to `now`."""
    return state.replace(reached_at=max(now, state.reached_at or now))


def fire(state: SlaState, evaluation: Evaluation, now: datetime) -> tuple[SlaState, Evaluation, tuple[Fact, ...]]:
    """Fire every step and notice that is due by `now`, each once: return what is left, and the facts to publish.

    Of the steps that one clock missed together only the last fires; of a clock that is due only the breach.
    """
    marks, left, facts = set(state.fired), list[Clock](), list[Fact]()
    for clock in evaluation.clocks:
        if due := [step for step in clock.steps if step.at <= now]:
            marks.update(f"{clock.key}:{step.name}" for step in due)
            facts += _fact_of(clock, due[-1], now)
            clock = clock._replace(fired=clock.fired | {step.name for step in due})  # noqa: PLW2901
        left.append(clock)
    notices = [notice for notice in evaluation.notices if notice.at <= now]
    if len(marks) == len(state.fired) and not notices:
        return state, evaluation, ()
    marks.update(notice.mark for notice in notices)
    facts += [notice.fact for notice in notices]
    later = tuple(notice for notice in evaluation.notices if notice.at > now)
    fired = state.replace(fired=tuple(sorted(marks)))
    return fired, evaluation._replace(clocks=tuple(left), notices=later), tuple(facts)


def _fact_of(clock: Clock, step: PendingStep, now: datetime) -> Iterator[Fact]:
    if clock.due_at is None:
        return
    if step.after:
        yield ClockEscalated(**clock.event_fields, rung=step.name, to=step.to, late_by=now - clock.due_at)
    else:
        yield ClockWarned(**clock.event_fields, rung=step.name, to=step.to)


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
    return frozenset([timer_owner(name) for name, _ in takewhile(lambda next_time: next_time[1] <= now, state.ahead)])


class CalendarChange(NamedTuple):
    """Effect of new calendars on one complaint: `names` must be evaluated, the other open clocks keep their due times.

    `before` and `after` are the clocks among the names. `kept` are the due times that stay, None for a paused clock.
    """

    names: frozenset[str]
    before: tuple[Clock, ...]
    after: tuple[Clock, ...]
    kept: tuple[datetime | None, ...]

    @property
    def tightest_at(self) -> datetime | None:
        """Time at which the first running clock is due under the new calendars."""
        due_times = (*self.kept, *(clock.due_at for clock in self.after))
        return min((at for at in due_times if at), default=None)


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
    names, before, after, kept = due_names(state, now), list[Clock](), list[Clock](), list[datetime | None]()
    ahead = dict(state.ahead)
    for spec, new in specs:
        optional = CLOCK_TYPES[spec.rule.kind].optional
        for run in derive_runs(clocks.applied_type(spec), history.entries):
            if run.ended_at is not None:
                continue
            key, timed = clocks.clock_key(spec, run), clocks.time_run(spec, run)
            if key in names or not _has_same_hours(timed, new, ahead.get(key)):
                if optional:
                    return None  # under the new calendar it may be over, and the complaint with it
                before.append(clocks.derive_clock(state, state.terms[-1], timed, key))
                after.append(clocks.derive_clock(moved, moved.terms[-1], clocks.time_run(new, run), key))
            elif not (optional and clocks.is_passed(state, timed)):
                kept.append(timed.due_at)
    names |= {clock.key for clock in before}
    return CalendarChange(names, tuple(before), tuple(after), tuple(kept))


@lru_cache(maxsize=1024)  # a publication has few terms and many complaints
def _same_rules(old: Terms, new: Terms, rulebook: Rulebook) -> tuple[tuple[ClockSpec, ClockSpec], ...] | None:
    """Return each clock of the old terms with that of the new; None if the terms differ in more than calendars."""
    if (old.policy, old.policy_version, old.packs) != (new.policy, new.policy_version, new.packs):
        return None
    before, after = rulebook.clock_specs(old), rulebook.clock_specs(new)
    if [(spec.name, id(spec.rule)) for spec in before] != [(spec.name, id(spec.rule)) for spec in after]:
        return None
    return tuple(zip(before, after, strict=True))


def _has_same_hours(timed: TimedRun, new: ClockSpec, ahead: datetime | None) -> bool:
    old = timed.spec.compiled
    if old is new.compiled:
        return True
    if timed.due_at is None:
        return False
    last = timed.due_at if ahead is None else max(timed.due_at, ahead)
    return have_same_hours(old, new.compiled, timed.course.start, seconds(last))

"""The dry run: every open complaint as it is now beside itself as a publication would leave it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from services.sla.domain import Evaluation, SlaState
from services.sla.domain.clocks import Clock, clocks
from services.sla.domain.history import current_team, read_history
from services.sla.domain.incremental import CalendarChange, calendar_change
from services.sla.domain.promise_status import PromiseStatus, promise_statuses
from services.sla.domain.terms import apply_publications
from services.sla.policies import Rulebook
from services.sla.rulebook.counters import NO_TEAM, Failures, Farthest, Load
from services.sla.rulebook.reports import DryRun, Example

AHEAD = timedelta(days=14)  # for which the load is told; further ahead much will have changed anyway


class DryRunCounter:
    """Counts complaint by complaint. `before`: the rulebook as published, `after`: with the draft as its next one."""

    def __init__(self, before: Rulebook, after: Rulebook, now: datetime) -> None:
        self._before, self._after, self._now = before, after, now
        self._counts: Counter[str] = Counter()
        self._failures = Failures()
        self._load = Load()
        self._farthest = Farthest()

    def add(self, state: SlaState) -> None:
        """One complaint, looked at now on both sides: what time has reached by itself is no effect of the draft."""
        self._look_at(state)
        self._counts["complaints"] += 1  # last: one that fails on the way is counted by `fail` alone

    def _look_at(self, state: SlaState) -> None:
        is_now = apply_publications(state, self._now, self._before).replace(reached_at=self._now)
        would = apply_publications(is_now, self._now, self._after)
        if would is not is_now and (
            change := calendar_change(is_now, would, read_history(is_now.moments), self._after, self._now)
        ):
            self._recounted(is_now, would, change)
            return
        old = _looked_at(is_now, self._before)
        new = old if would is is_now else _looked_at(would, self._after)
        self._counts["promises_touched"] += touched(old.promise_statuses, new.promise_statuses)
        if new is not old:
            last, then = would.terms[-1].terms, is_now.terms[-1].terms
            self._counts["other_terms"] += last[:3] != then[:3]
        self._compare(state, old, new)

    def _recounted(self, is_now: SlaState, would: SlaState, change: CalendarChange) -> None:
        """Only calendars change: what they cannot move is counted, not worked out."""
        old, new = (_looked_at(state, self._after, change.names) for state in (is_now, would))
        owner = current_team(is_now.moments) or NO_TEAM
        self._counts["clocks"] += len(change.kept)
        self._counts["unchanged"] += len(change.kept)
        for due_at in change.kept:
            self._load.add(owner, *2 * [self._if_soon(due_at)])
        self._counts["promises_touched"] += touched(old.promise_statuses, new.promise_statuses)
        self._compare(is_now, old, new)

    def fail(self, complaint: UUID) -> None:
        """One that could not be computed."""
        self._failures.add(complaint)

    def report(self) -> DryRun:
        """The figures so far."""
        names = set(DryRun.model_fields) - {"mode", "as_of", "failed", "failed_such_as", "load", "examples"}
        return DryRun(
            mode=self._after.current.mode,
            as_of=self._now,
            failed=self._failures.count,
            failed_such_as=self._failures.such_as,
            load=self._load.hours(),
            examples=self._farthest.examples,
            **{name: self._counts[name] for name in names},
        )

    def _compare(self, state: SlaState, old: Evaluation, new: Evaluation) -> None:
        owner = current_team(state.moments) or NO_TEAM
        counts = self._counts
        for was, would in pairs(old, new):
            if was is not None and was.is_open:
                counts["clocks"] += 1
            self._due(state, owner, was, would)
            if was is would:
                continue
            late, later = was is not None and was.breached, would is not None and would.breached
            counts["breached_now"] += later and not late
            counts["breach_voided"] += late and not later
            counts["rungs_now"] += would is not None and _rings(would, self._now, was)

    def _due(self, state: SlaState, owner: str, was: Clock | None, would: Clock | None) -> None:
        old, new = (self._open_due(clock) for clock in (was, would))
        if was is not would:
            self._load.add(owner, self._soon(was), self._soon(would))
        name = _difference(old, new)
        if name is None:
            return
        self._counts[name] += 1
        if was is not None and old is not None and new is not None and old != new:
            moved = (new - old).total_seconds()
            if self._farthest.is_far(moved):
                self._farthest.add(
                    Example(
                        complaint_id=state.complaint_id,
                        team=owner,
                        clock=was.key,
                        old_due_at=old,
                        new_due_at=new,
                        moved_seconds=int(moved),
                    )
                )

    def _open_due(self, clock: Clock | None) -> datetime | None:
        """When it is due, or would be if its pause ended now; None where it is not open."""
        if clock is None or not clock.is_open:
            return None
        return clock.due_at or clock.forecast(self._now)

    def _soon(self, clock: Clock | None) -> datetime | None:
        return self._if_soon(clock.due_at if clock is not None and clock.phase == "running" else None)

    def _if_soon(self, at: datetime | None) -> datetime | None:
        return at if at is not None and self._now <= at < self._now + AHEAD else None


def _looked_at(state: SlaState, rulebook: Rulebook, only: frozenset[str] | None = None) -> Evaluation:
    """Without notices: a publication says none, and working them out takes a tenth of the time."""
    history = read_history(state.moments)
    return Evaluation(history, tuple(clocks(state, history, rulebook, only)), tuple(promise_statuses(state, history)))


def pairs(old: Evaluation, new: Evaluation) -> Iterator[tuple[Clock | None, Clock | None]]:
    """Each clock beside itself."""
    if new is old:
        yield from zip(old.clocks, old.clocks, strict=True)
        return
    after = {clock.key: clock for clock in new.clocks}
    for clock in old.clocks:
        yield clock, after.pop(clock.key, None)
    for clock in after.values():
        yield None, clock


def touched(old: tuple[PromiseStatus, ...], new: tuple[PromiseStatus, ...]) -> int:
    """How many promises differ in anything: date, terms, whether told, what became of them."""
    if old == new:
        return 0
    after = {one.promise.number: one for one in new}
    differing = sum(after.pop(one.promise.number, None) != one for one in old)
    return differing + len(after)


def _difference(old: datetime | None, new: datetime | None) -> str | None:
    if old is None or new is None:
        return "dropped" if old else "started" if new else None
    return "unchanged" if old == new else "earlier" if new < old else "later"


def _rings(clock: Clock, now: datetime, was: Clock | None) -> bool:
    """Whether a step would be reached at once that is not reached as it is."""
    ringing = bool(clock.steps) and clock.steps[0].at <= now
    return ringing and not (was is not None and was.steps and was.steps[0].at <= now)

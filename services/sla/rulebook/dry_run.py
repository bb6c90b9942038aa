"""Dry run: compare every open complaint as it is now with how a publication of the draft would leave it.

A publication recomputes open complaints, and time passes meanwhile. To count only effects of the draft, both sides are
evaluated as of the same time: first the complaint is brought up to date under the published rulebook, then the draft is
applied to that. Promises must come out equal on both sides, because a date that a customer was told never moves by
itself; if one differs, the draft cannot be published. Nothing is written.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.sla.domain import Evaluation, SlaState, evaluate
from services.sla.domain.apply import apply_publications
from services.sla.domain.clocks import Clock
from services.sla.domain.evaluation import PROMISES
from services.sla.domain.history import current_team, read_history
from services.sla.domain.incremental import CalendarChange, calendar_change
from services.sla.domain.promise_status import PromiseStatus
from services.sla.policies import Rulebook
from services.sla.rulebook.counters import NO_TEAM, ComplaintCounter
from services.sla.rulebook.reports import DryRun

AHEAD = timedelta(days=14)  # horizon of the reported load; what is due later will have changed by then


class DryRunCounter(ComplaintCounter):
    """Totals of a dry run. `before`: the rulebook as published; `after`: with the draft as its next revision."""

    def __init__(self, before: Rulebook, after: Rulebook, now: datetime) -> None:
        super().__init__(now)
        self._before, self._after = before, after

    def _add(self, state: SlaState) -> None:
        current = apply_publications(state, self._now, self._before).replace(reached_at=self._now)
        moved = apply_publications(current, self._now, self._after)
        if moved is not current:
            history = read_history(current.moments)
            if change := calendar_change(current, moved, history, self._after, self._now):
                self._add_changed(current, moved, change)
                return
        old = evaluate(current, self._before, with_notices=False)
        new = old if moved is current else evaluate(moved, self._after, with_notices=False)
        self._counts["promises_touched"] += count_touched(old.promise_statuses, new.promise_statuses)
        if new is not old:
            self._counts["other_terms"] += moved.terms[-1].terms[:3] != current.terms[-1].terms[:3]
        self._compare(state, old, new)

    def _add_changed(self, current: SlaState, moved: SlaState, change: CalendarChange) -> None:
        """Add a complaint of which only calendars change; clocks that these cannot move were not evaluated."""
        only = change.names | {PROMISES}
        old, new = (evaluate(state, self._after, only, with_notices=False) for state in (current, moved))
        owner = current_team(current.moments) or NO_TEAM
        self._counts["clocks"] += len(change.kept)
        self._counts["unchanged"] += len(change.kept)
        for due_at in change.kept:
            self._load.add(owner, *2 * [self._if_ahead(due_at)])
        self._counts["promises_touched"] += count_touched(old.promise_statuses, new.promise_statuses)
        self._compare(current, old, new)

    def report(self) -> DryRun:
        """Return the figures so far."""
        common = {"mode": self._after.current.mode, **self._common_figures()}
        return DryRun(**common, **{name: self._counts[name] for name in DryRun.model_fields if name not in common})

    def _compare(self, state: SlaState, before: Evaluation, after: Evaluation) -> None:
        owner = current_team(state.moments) or NO_TEAM
        counts = self._counts
        for old, new in pair_clocks(before, after):
            if old is not None and old.is_open:
                counts["clocks"] += 1
            self._add_due(state, owner, old, new)
            if old is new:
                continue
            was_late, is_late = old is not None and old.breached, new is not None and new.breached
            counts["breached_now"] += is_late and not was_late
            counts["breach_voided"] += was_late and not is_late
            counts["rungs_now"] += self._has_step_now(new) and not self._has_step_now(old)

    def _add_due(self, state: SlaState, owner: str, old: Clock | None, new: Clock | None) -> None:
        before, after = self._open_due(old), self._open_due(new)
        if old is not new:
            self._load.add(owner, self._due_ahead(old), self._due_ahead(new))
        change = _change(before, after)
        if change is None:
            return
        self._counts[change] += 1
        if old is not None and before is not None and after is not None and before != after:
            self._farthest.add(state.complaint_id, owner, old.key, before, after)

    def _open_due(self, clock: Clock | None) -> datetime | None:
        """Return the due time, as if a pause ended now; None if the clock is not open."""
        if clock is None or not clock.is_open:
            return None
        return clock.due_at or clock.forecast(self._now)

    def _due_ahead(self, clock: Clock | None) -> datetime | None:
        return self._if_ahead(clock.due_at if clock is not None and clock.phase == "running" else None)

    def _if_ahead(self, at: datetime | None) -> datetime | None:
        return at if at is not None and self._now <= at < self._now + AHEAD else None

    def _has_step_now(self, clock: Clock | None) -> bool:
        """Return True if a step of the clock is reached now and has not fired."""
        return clock is not None and bool(clock.steps) and clock.steps[0].at <= self._now


def pair_clocks(before: Evaluation, after: Evaluation) -> Iterator[tuple[Clock | None, Clock | None]]:
    """Pair each clock before and after the change by its key; None on the side where it does not exist."""
    if after is before:
        yield from zip(before.clocks, before.clocks, strict=True)
        return
    new = {clock.key: clock for clock in after.clocks}
    for clock in before.clocks:
        yield clock, new.pop(clock.key, None)
    for clock in new.values():
        yield None, clock


def count_touched(old: tuple[PromiseStatus, ...], new: tuple[PromiseStatus, ...]) -> int:
    """Count the promises that differ in any field: date, terms, time told, status."""
    if old == new:
        return 0
    after = {status.promise.number: status for status in new}
    differing = sum(after.pop(status.promise.number, None) != status for status in old)
    return differing + len(after)


def _change(old: datetime | None, new: datetime | None) -> str | None:
    if old is None or new is None:
        return "dropped" if old else "started" if new else None
    return "unchanged" if old == new else "earlier" if new < old else "later"

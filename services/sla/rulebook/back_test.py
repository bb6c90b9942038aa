"""The back-test: every complaint of some days as it went beside itself as it would have gone. Nothing is written."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.sla.domain import Evaluation, SlaState, evaluate
from services.sla.domain.clocks import Clock
from services.sla.domain.history import current_team
from services.sla.domain.promise_status import PromiseStatus, chain_key
from services.sla.policies import Rulebook
from services.sla.rulebook.counterfactual import refolded
from services.sla.rulebook.counters import NO_TEAM, Failures, Farthest, Load
from services.sla.rulebook.dry_run import pairs
from services.sla.rulebook.fired import rang, wrote
from services.sla.rulebook.reports import BackTest, BreachComparison, Example, Letters, Promises, Signals

KEPT = frozenset({"kept_first", "kept_revised"})
BROKEN = frozenset({"broken", "broken_then_kept"})


class _Group(NamedTuple):
    clock: str
    policy: str
    team: str


class BackTestCounter:
    """Counts complaint by complaint. `really`: the rulebook with all its revisions, `draft`: the draft alone."""

    def __init__(self, really: Rulebook, draft: Rulebook, now: datetime, days: int) -> None:
        self._really, self._draft, self._now, self._days = really, draft, now, days
        self._counts: Counter[str] = Counter()
        self._groups: dict[_Group, Counter[str]] = {}
        self._letters: dict[str, Counter[str]] = {}
        self._failures = Failures()
        self._load = Load()
        self._farthest = Farthest()

    def add(self, state: SlaState) -> None:
        """One complaint, open or closed, both sides looked at now."""
        went = state.replace(reached_at=self._now)
        old, new = evaluate(went, self._really), evaluate(refolded(went, self._draft, self._really), self._draft)
        owner = current_team(state.moments) or NO_TEAM
        for was, would in pairs(old, new):
            self._breached(state, owner, was, would)
            self._fired(owner, was, "before")
            self._fired(owner, would, "after")
        self._promised(old, new)
        self._counts["complaints"] += 1  # last: one that fails on the way is counted by `fail` alone

    def fail(self, complaint: UUID) -> None:
        """One that could not be computed."""
        self._failures.add(complaint)

    def report(self) -> BackTest:
        """The figures so far."""
        told = {name: self._counts[name] for name in Promises.model_fields}
        signals = {name: self._counts[name] for name in Signals.model_fields}
        return BackTest(
            days=self._days,
            as_of=self._now,
            complaints=self._counts["complaints"],
            failed=self._failures.count,
            failed_such_as=self._failures.such_as,
            gained=self._counts["gained"],
            lost=self._counts["lost"],
            breaches=[
                BreachComparison(**group._asdict(), **_four(counts)) for group, counts in sorted(self._groups.items())
            ],
            promises=Promises(**told),
            signals=Signals(**signals),
            letters=[
                Letters(letter=name, before=found["before"], after=found["after"])
                for name, found in sorted(self._letters.items())
            ],
            load=self._load.hours(),
            examples=self._farthest.examples,
        )

    def _breached(self, state: SlaState, owner: str, was: Clock | None, would: Clock | None) -> None:
        before, after = (clock if clock is not None and clock.breached else None for clock in (was, would))
        for clock, side in ((before, "before"), (after, "after")):
            if clock is not None:
                self._group(clock, owner)[side] += 1
        if (before is None) == (after is None):
            return
        name, clock = ("gained", after) if after is not None else ("lost", before)
        assert clock is not None  # noqa: S101  # one of the two is there
        self._counts[name] += 1
        self._group(clock, owner)[name] += 1
        if was is not None and would is not None and was.due_at and would.due_at:
            self._example(state, owner, clock.key, was.due_at, would.due_at)

    def _group(self, clock: Clock, owner: str) -> Counter[str]:
        group = _Group(clock.kind, clock.spec.source.id, owner)
        return self._groups.setdefault(group, Counter())

    def _example(self, state: SlaState, owner: str, key: str, old: datetime, new: datetime) -> None:
        moved = int((new - old).total_seconds())
        if self._farthest.is_far(moved):
            self._farthest.add(
                Example(
                    complaint_id=state.complaint_id,
                    team=owner,
                    clock=key,
                    old_due_at=old,
                    new_due_at=new,
                    moved_seconds=moved,
                )
            )

    def _fired(self, owner: str, clock: Clock | None, side: str) -> None:
        if clock is None:
            return
        instead = "_instead" if side == "after" else ""
        for one in rang(clock, self._now):
            self._counts[("escalations" if one.after else "warnings") + instead] += 1
            self._load.add(owner, *((one.at, None) if side == "before" else (None, one.at)))
        for letter in wrote(clock, self._now):
            self._letters.setdefault(letter, Counter())[side] += 1

    def _promised(self, old: Evaluation, new: Evaluation) -> None:
        after = {one.promise.number: one for one in new.promise_statuses}
        for one in old.promise_statuses:
            if one.told_at is None:
                continue
            self._counts["told"] += 1
            if instead := after.get(one.promise.number):
                self._counts[_compared(one, instead)] += 1
        for pledges, suffix in ((old.promise_statuses, ""), (new.promise_statuses, "_instead")):
            for outcome in {chain_key(one.promise): one.outcome for one in pledges}.values():
                self._counts[f"kept{suffix}"] += outcome in KEPT
                self._counts[f"broken{suffix}"] += outcome in BROKEN


def _four(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("before", "after", "gained", "lost")}


def _compared(was: PromiseStatus, would: PromiseStatus) -> str:
    old, new = was.promise.due_at, would.promise.due_at
    return "same" if old == new else "earlier" if new < old else "later"

"""Back-test: compare every complaint of the last days as it went with how it would have gone under the draft.

The two sides must differ by the rulebook alone, so both are evaluated from the same facts and as of the same time. The
real side uses the terms and promises as stored, under the revisions of their time. The other side is rebuilt from the
facts under the draft (see `counterfactual`). Escalation steps that really fired are not taken from the stored marks:
both sides compute from their clocks which steps and letters time would have reached (see `fired`), because marks exist
for one side only. Nothing is written.
"""

from collections import Counter
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.sla.domain import Evaluation, SlaState, evaluate
from services.sla.domain.clocks import Clock
from services.sla.domain.history import current_team
from services.sla.domain.promise_status import PromiseStatus, chain_key
from services.sla.policies import Rulebook
from services.sla.rulebook.counterfactual import replay_under
from services.sla.rulebook.counters import NO_TEAM, Failures, Farthest, Load, MovedClock
from services.sla.rulebook.dry_run import pair_clocks
from services.sla.rulebook.fired import fired_letters, fired_steps
from services.sla.rulebook.reports import BackTest, BreachComparison, Letters, Promises, Signals

KEPT = frozenset({"kept_first", "kept_revised"})
SIDES = ("before", "after", "gained", "lost")
BROKEN = frozenset({"broken", "broken_then_kept"})


class _Group(NamedTuple):
    clock: str
    policy: str
    team: str


class BackTestCounter:
    """Totals of a back-test. `actual`: the rulebook with all its revisions; `draft`: the draft as the only revision."""

    def __init__(self, actual: Rulebook, draft: Rulebook, now: datetime, days: int) -> None:
        self._actual, self._draft, self._now, self._days = actual, draft, now, days
        self._counts: Counter[str] = Counter()
        self._groups: dict[_Group, Counter[str]] = {}
        self._letters: dict[str, Counter[str]] = {}
        self._failures = Failures()
        self._load = Load()
        self._farthest = Farthest()

    def add(self, state: SlaState) -> None:
        """Add one complaint, open or closed; both sides are evaluated as of now."""
        actual = state.replace(reached_at=self._now)
        replayed = replay_under(actual, self._draft, self._actual)
        before, after = evaluate(actual, self._actual), evaluate(replayed, self._draft)
        owner = current_team(state.moments) or NO_TEAM
        for old, new in pair_clocks(before, after):
            self._add_breaches(state, owner, old, new)
            self._add_fired(owner, old, "before")
            self._add_fired(owner, new, "after")
        self._add_promises(before, after)
        self._counts["complaints"] += 1  # last, so that a complaint that fails on the way is counted by `fail` alone

    def fail(self, complaint: UUID) -> None:
        """Count a complaint that could not be computed."""
        self._failures.add(complaint)

    def report(self) -> BackTest:
        """Return the figures so far."""
        return BackTest(
            days=self._days,
            as_of=self._now,
            complaints=self._counts["complaints"],
            failed=self._failures.count,
            failed_such_as=self._failures.such_as,
            gained=self._counts["gained"],
            lost=self._counts["lost"],
            breaches=[
                BreachComparison(
                    **group._asdict(), **{side: counts[side] for side in ("before", "after", "gained", "lost")}
                )
                for group, counts in sorted(self._groups.items())
            ],
            promises=Promises(**{name: self._counts[name] for name in Promises.model_fields}),
            signals=Signals(**{name: self._counts[name] for name in Signals.model_fields}),
            letters=[
                Letters(letter=name, before=counts["before"], after=counts["after"])
                for name, counts in sorted(self._letters.items())
            ],
            load=self._load.hours(),
            examples=self._farthest.examples,
        )

    def _add_breaches(self, state: SlaState, owner: str, old: Clock | None, new: Clock | None) -> None:
        before, after = (clock if clock is not None and clock.breached else None for clock in (old, new))
        for clock, side in ((before, "before"), (after, "after")):
            if clock is not None:
                self._group(clock, owner)[side] += 1
        if (before is None) == (after is None):
            return
        name, clock = ("gained", after) if after is not None else ("lost", before)
        assert clock is not None  # noqa: S101  # exactly one of the two is a clock
        self._counts[name] += 1
        self._group(clock, owner)[name] += 1
        if old is not None and new is not None and old.due_at and new.due_at:
            self._farthest.add(MovedClock(state.complaint_id, owner, clock.key, old.due_at, new.due_at))

    def _group(self, clock: Clock, owner: str) -> Counter[str]:
        group = _Group(clock.kind, clock.spec.source.id, owner)
        return self._groups.setdefault(group, Counter())

    def _add_fired(self, owner: str, clock: Clock | None, side: str) -> None:
        if clock is None:
            return
        suffix = "_instead" if side == "after" else ""
        for step in fired_steps(clock, self._now):
            self._counts[("escalations" if step.after else "warnings") + suffix] += 1
            self._load.add(owner, *((step.at, None) if side == "before" else (None, step.at)))
        for letter in fired_letters(clock, self._now):
            self._letters.setdefault(letter, Counter())[side] += 1

    def _add_promises(self, before: Evaluation, after: Evaluation) -> None:
        replacements = {status.promise.number: status for status in after.promise_statuses}
        for status in before.promise_statuses:
            if status.told_at is None:
                continue
            self._counts["dates_told"] += 1
            if replacement := replacements.get(status.promise.number):
                self._counts[_compared(status, replacement)] += 1
        for statuses, suffix in ((before.promise_statuses, ""), (after.promise_statuses, "_instead")):
            for outcome in {chain_key(status.promise): status.outcome for status in statuses}.values():
                self._counts[f"kept{suffix}"] += outcome in KEPT
                self._counts[f"broken{suffix}"] += outcome in BROKEN


def _compared(old: PromiseStatus, new: PromiseStatus) -> str:
    before, after = old.promise.due_at, new.promise.due_at
    return "same" if before == after else "earlier" if after < before else "later"

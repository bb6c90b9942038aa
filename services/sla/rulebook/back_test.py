"""Back-test: compare every complaint of the last days as it went with how it would have gone under the draft.

The two sides must differ by the rulebook alone, so both are evaluated from the same facts and as of the same time. The
real side uses the terms and promises as stored, under the revisions of their time. The other side is rebuilt from the
facts under the draft (see `counterfactual`). Escalation steps that really fired are not taken from the stored marks:
both sides compute from their clocks which steps and letters time would have reached, because marks exist for one side
only. Nothing is written.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from services.sla.domain import Evaluation, SlaState, evaluate
from services.sla.domain.clocks import Clock
from services.sla.domain.history import current_team
from services.sla.domain.promise_status import PromiseStatus, chain_key
from services.sla.policies import EscalationStep, Rulebook
from services.sla.policies.deadlines import instant_of, seconds
from services.sla.rulebook.counterfactual import replay_under
from services.sla.rulebook.counters import NO_TEAM, ComplaintCounter
from services.sla.rulebook.dry_run import pair_clocks
from services.sla.rulebook.reports import BackTest, BreachComparison, Letters, Promises, Signals
from shared.contracts.events import ClockKind

KEPT = frozenset({"kept_first", "kept_revised"})
SIDES = ("before", "after", "gained", "lost")
BROKEN = frozenset({"broken", "broken_then_kept"})


class BackTestCounter(ComplaintCounter):
    """Totals of a back-test. `actual`: the rulebook with all its revisions; `draft`: the draft as the only revision."""

    def __init__(self, actual: Rulebook, draft: Rulebook, now: datetime, days: int) -> None:
        super().__init__(now)
        self._actual, self._draft, self._days = actual, draft, days
        self._groups: dict[tuple[ClockKind, str, str], Counter[str]] = {}  # by clock, policy or pack, and team
        self._letters: dict[str, Counter[str]] = {}

    def _add(self, state: SlaState) -> None:
        actual = state.replace(reached_at=self._now)
        replayed = replay_under(actual, self._draft, self._actual)
        before, after = evaluate(actual, self._actual), evaluate(replayed, self._draft)
        owner = current_team(state.moments) or NO_TEAM
        for old, new in pair_clocks(before, after):
            self._add_breaches(state, owner, old, new)
            self._add_fired(owner, old, "before")
            self._add_fired(owner, new, "after")
        self._add_promises(before, after)

    def report(self) -> BackTest:
        """Return the figures so far."""
        return BackTest(
            days=self._days,
            gained=self._counts["gained"],
            lost=self._counts["lost"],
            breaches=[
                BreachComparison(clock=clock, policy=policy, team=team, **{side: counts[side] for side in SIDES})
                for (clock, policy, team), counts in sorted(self._groups.items())
            ],
            promises=Promises(**{name: self._counts[name] for name in Promises.model_fields}),
            signals=Signals(**{name: self._counts[name] for name in Signals.model_fields}),
            letters=[
                Letters(letter=name, before=counts["before"], after=counts["after"])
                for name, counts in sorted(self._letters.items())
            ],
            **self._common_figures(),
        )

    def _add_breaches(self, state: SlaState, owner: str, old: Clock | None, new: Clock | None) -> None:
        was_late, is_late = (clock is not None and clock.breached for clock in (old, new))
        for clock, side, change in ((old, "before", "lost"), (new, "after", "gained")):
            if clock is None or not clock.breached:
                continue
            counts = self._groups.setdefault((clock.kind, clock.spec.source.id, owner), Counter())
            counts[side] += 1
            counts[change] += was_late != is_late
            self._counts[change] += was_late != is_late
        if was_late != is_late and old is not None and new is not None and old.due_at and new.due_at:
            self._farthest.add(state.complaint_id, owner, new.key, old.due_at, new.due_at)

    def _add_fired(self, owner: str, clock: Clock | None, side: str) -> None:
        if clock is None:
            return
        suffix = "_instead" if side == "after" else ""
        for signal, at in _fired_steps(clock, self._now):
            self._counts[signal + suffix] += 1
            self._load.add(owner, *((at, None) if side == "before" else (None, at)))
        for letter in _fired_letters(clock, self._now):
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


def _fired_steps(clock: Clock, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield every warning and escalation that was reached before the clock ended, or by now, with its time."""
    end = seconds(_end(clock, now))
    due = clock.course.due(clock.pauses)
    for step in clock.spec.rule.rungs:
        after = step.after is not None
        for repeat in range(step.at_most):
            at = _reached(clock, step, repeat)
            if at <= end and (after or at <= due):
                yield "escalations" if after else "warnings", instant_of(max(at, clock.course.start))


def _end(clock: Clock, now: datetime) -> datetime:
    """Return the time until which the clock ran; a pause that lasts stopped it at its beginning."""
    pause = (since for since, until in clock.waits if until is None) if clock.phase == "paused" else ()
    return min(clock.ended_at or now, now, *pause)


def _reached(clock: Clock, step: EscalationStep, repeat: int) -> int:
    """Return the time of a step in seconds. A pause that began after the step was reached did not move it."""
    for number, (since, _) in enumerate(clock.pauses):
        at = clock.course.step_at(step, clock.pauses[:number], repeat)
        if at <= since:
            return at
    return clock.course.step_at(step, clock.pauses, repeat)


def _fired_letters(clock: Clock, now: datetime) -> Iterator[str]:
    """Yield every letter of a regulator pack that fell due while the clock ran."""
    if clock.due_at is None:
        return
    end = min(clock.ended_at or now, now, clock.due_at)
    for letter in clock.spec.letters:
        at = instant_of(clock.course.before_due(letter.lead, seconds(clock.due_at)))
        if max(at, clock.started_at) <= end:
            yield f"{clock.spec.pack}/{letter.id}"

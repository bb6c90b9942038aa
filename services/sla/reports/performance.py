"""Figures of a period: how promises were kept, and what was missed for which cause.

Computed from the states, not from running totals. So a fact that is received late is included, and the same query may
give a more accurate answer later.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median_low
from typing import get_args

import asyncpg
from pydantic import AwareDatetime

from services.sla.domain import PromiseStatus, SlaContext, SlaState, evaluate
from services.sla.domain.history import current_team
from services.sla.domain.promise_status import Outcome, chain_key, promise_statuses
from services.sla.policies import Rulebook
from services.sla.store.outages import select_outages
from services.sla.store.scan import Period, scan_period
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import BreachCause, ClockKind, Obligation

OUTAGES_MAX = 10_000


class PromiseFigures(FrozenModel):
    """Figures of promises (outcome, next update or action) whose last told date lies in the period.

    Shares are of the promises that ended, kept or broken. `kept_first`: kept at the first date told; `kept_revised`: at
    a later date that was told in time.
    """

    promises: int
    open: int
    kept_first: int
    kept_revised: int
    broken: int
    broken_then_kept: int
    cancelled: int
    kept_first_share: float | None
    kept_share: float | None
    notice_lead_p50: timedelta | None
    complaints: int
    complaints_moved_twice: int
    revisions_per_complaint: float | None
    since: AwareDatetime
    until: AwareDatetime
    team: str | None


async def promise_figures(pool: asyncpg.Pool, period: Period) -> PromiseFigures:
    """Compute the figures of a period."""
    tally = PromiseTally(period)
    async for states in scan_period(pool, period).chunks():
        for state in states:
            tally.add(promise_statuses(state))
    return tally.figures()


class PromiseTally:
    """Running totals over the promises of many complaints."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self.outcomes: Counter[str] = Counter()
        self.leads: list[timedelta] = []
        self.moves: list[int] = []

    def add(self, statuses: Iterable[PromiseStatus]) -> None:
        """Add the promises of one complaint; versions that the customer was never told do not count."""
        chains: dict[int, list[PromiseStatus]] = {}
        for status in statuses:
            if status.told_at is not None:
                chains.setdefault(chain_key(status.promise), []).append(status)
        due = [chain for chain in chains.values() if self.period.covers(chain[-1].promise.due_at)]
        if not due:
            return
        self.outcomes.update(chain[-1].outcome for chain in due)
        self.leads += [
            version.replacement_lead for chain in due for version in chain if version.replacement_lead is not None
        ]
        self.moves.append(sum(len(chain) - 1 for chain in due))

    def figures(self) -> PromiseFigures:
        """Return the figures so far."""
        count, complaints = self.outcomes, len(self.moves)
        kept = count["kept_first"] + count["kept_revised"]
        ended = kept + count["broken"] + count["broken_then_kept"]
        return PromiseFigures(
            promises=count.total(),
            **{outcome: count[outcome] for outcome in get_args(Outcome)},
            kept_first_share=round(count["kept_first"] / ended, 4) if ended else None,
            kept_share=round(kept / ended, 4) if ended else None,
            notice_lead_p50=median_low(self.leads) if self.leads else None,
            complaints=complaints,
            complaints_moved_twice=sum(moves > 1 for moves in self.moves),
            revisions_per_complaint=round(sum(self.moves) / complaints, 3) if complaints else None,
            **self.period._asdict(),
        )


class Missed(FrozenModel):
    """Number of clocks of one kind, or of promises (`clock` absent), that were missed for one cause."""

    cause: BreachCause
    clock: ClockKind | None
    obligation: Obligation
    pack: str | None
    team: str | None
    missed: int


MissedKey = tuple[BreachCause, ClockKind | None, Obligation, str | None, str | None]


async def count_missed(pool: asyncpg.Pool, rulebook: Rulebook, period: Period) -> list[Missed]:
    """Count what fell due in the period and was missed, the most frequent first."""
    outages = await select_outages(pool, period.since, period.until, OUTAGES_MAX)
    context = SlaContext(period.until, rulebook, outages)
    count: Counter[MissedKey] = Counter()
    async for states in scan_period(pool, period).chunks():
        for state in states:
            count.update(_missed(state, context, period))
    return [
        Missed(cause=key[0], clock=key[1], obligation=key[2], pack=key[3], team=key[4], missed=number)
        for key, number in count.most_common()
    ]


def _missed(state: SlaState, context: SlaContext, period: Period) -> Iterator[MissedKey]:
    owner = current_team(state.moments)
    evaluation = evaluate(state, context.rulebook)
    for clock in evaluation.clocks:
        if clock.breached and clock.due_at is not None and period.covers(clock.due_at):
            yield context.cause(clock.due_at), clock.kind, clock.obligation, clock.spec.pack, owner
    for status in evaluation.promise_statuses:
        if status.status == "broken" and period.covers(status.promise.due_at):
            yield context.cause(status.promise.due_at), None, "promise", None, owner

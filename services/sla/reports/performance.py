"""How well promises were kept, and what was missed by whose fault: figures over all complaints of a period.

Counted from the states, not from running totals, so a late fact is in them, and the same question asked later about the
same past may have a better answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median_low
from typing import NamedTuple

import asyncpg

from services.sla.domain import Outage, PromiseStatus, SlaContext, SlaState, evaluate
from services.sla.domain.promise_status import chain_key, promise_statuses
from services.sla.policies import Rulebook
from services.sla.scan import Period, scan
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import BreachCause, ClockKind, Obligation

# What was down in a period, the latest first, and what nobody has written down yet; and the database's clock.
OUTAGES = """
    select cause, since, until from (
        select cause, since, until from outage where since < $2 and (until is null or until > $1)
        union all
        select 'downtime', at, null from heartbeat where expires_at < now()
    ) as down order by since desc limit $3
"""
OUTAGES_MAX = 10_000


class Figures(FrozenModel):
    """Of promises of an outcome, a next word or an action whose last told date lies in the period.

    Shares are of those that came to an end, kept or broken: `kept_first` were kept at the first date told,
    `kept_revised` at a later one that was told in time.
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


class _Chain(NamedTuple):
    """One promise with all its versions that were told."""

    told: tuple[PromiseStatus, ...]

    @property
    def last(self) -> PromiseStatus:
        return self.told[-1]


async def promises(pool: asyncpg.Pool, period: Period) -> Figures:
    """The figures of a period."""
    tally = PromiseTally()
    async for state, _ in scan(pool, period):
        tally.add(promise_statuses(state), period)
    return tally.figures()


class PromiseTally:
    """Adds up complaints one by one."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.leads: list[timedelta] = []
        self.moves: list[int] = []

    def add(self, pledged: Iterable[PromiseStatus], period: Period) -> None:
        """What the promises of one complaint add to the period."""
        chains = [one for one in _chains(pledged) if period.covers(one.last.promise.due_at)]
        if not chains:
            return
        self.outcomes.update(one.last.outcome for one in chains)
        self.leads += [one.notice_lead for chain in chains for one in chain.told if one.notice_lead is not None]
        self.moves.append(sum(len(one.told) - 1 for one in chains))

    def figures(self) -> Figures:
        """All of it."""
        count, complaints = self.outcomes, len(self.moves)
        kept = count["kept_first"] + count["kept_revised"]
        ended = kept + count["broken"] + count["broken_then_kept"]
        return Figures(
            promises=count.total(),
            open=count["open"],
            kept_first=count["kept_first"],
            kept_revised=count["kept_revised"],
            broken=count["broken"],
            broken_then_kept=count["broken_then_kept"],
            cancelled=count["cancelled"],
            kept_first_share=round(count["kept_first"] / ended, 4) if ended else None,
            kept_share=round(kept / ended, 4) if ended else None,
            notice_lead_p50=median_low(self.leads) if self.leads else None,
            complaints=complaints,
            complaints_moved_twice=sum(moves > 1 for moves in self.moves),
            revisions_per_complaint=round(sum(self.moves) / complaints, 3) if complaints else None,
        )


def _chains(pledged: Iterable[PromiseStatus]) -> Iterator[_Chain]:
    chains: dict[int, list[PromiseStatus]] = {}
    for one in pledged:
        if one.told_at is not None:
            chains.setdefault(chain_key(one.promise), []).append(one)
    return (_Chain(tuple(told)) for told in chains.values())


class Missed(FrozenModel):
    """So many clocks of one kind, or promises, that were missed for one reason. `clock` absent: promises."""

    cause: BreachCause
    clock: ClockKind | None
    obligation: Obligation
    pack: str | None
    team: str | None
    missed: int


Key = tuple[BreachCause, ClockKind | None, Obligation, str | None, str | None]


async def missed(pool: asyncpg.Pool, rulebook: Rulebook, period: Period) -> list[Missed]:
    """What fell due in the period and was missed, the most frequent first."""
    outages = await down(pool, period)
    context = SlaContext(period.until, rulebook, outages)
    count: Counter[Key] = Counter()
    async for state, team in scan(pool, period):
        count.update(_missed(state, team, context, period))
    return [
        Missed(cause=key[0], clock=key[1], obligation=key[2], pack=key[3], team=key[4], missed=number)
        for key, number in count.most_common()
    ]


def _missed(state: SlaState, team: str | None, context: SlaContext, period: Period) -> Iterator[Key]:
    book = evaluate(state, context.rulebook)
    for clock in book.clocks:
        if clock.breached and clock.due_at is not None and period.covers(clock.due_at):
            yield context.cause(clock.due_at), clock.kind, clock.obligation, clock.spec.pack, team
    for pledge in book.promise_statuses:
        if pledge.status == "broken" and period.covers(pledge.promise.due_at):
            yield context.cause(pledge.promise.due_at), None, "promise", None, team


async def down(pool: asyncpg.Pool, period: Period) -> tuple[Outage, ...]:
    """What of ours was down in the period, the latest first."""
    rows = await pool.fetch(OUTAGES, period.since, period.until, OUTAGES_MAX)
    return tuple(Outage(*row) for row in rows)

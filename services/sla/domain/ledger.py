"""Clocks and promises of a complaint at one moment, and what to say when they change."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import NamedTuple

from services.sla.domain.clocks import Clock, clocks
from services.sla.domain.promises import Pledge, pledges
from services.sla.domain.state import Complaint, Promise
from services.sla.policies import Rulebook
from shared.contracts.envelope import Fact, Say
from shared.contracts.events import (
    ClockBreached,
    ClockCorrected,
    ClockStopped,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)


class Ledger(NamedTuple):
    """Everything that follows from the facts of a complaint."""

    clocks: tuple[Clock, ...] = ()
    pledges: tuple[Pledge, ...] = ()

    @property
    def next_at(self) -> datetime | None:
        """When time alone will next have something to say: the earliest unfired rung, due time or promised date."""
        moments = chain((clock.next_at for clock in self.clocks), (pledge.next_at for pledge in self.pledges))
        return min((at for at in moments if at), default=None)


def ledger(state: Complaint | None, rulebook: Rulebook) -> Ledger:
    """The same facts, rulebook and calendars always give the same ledger."""
    return Ledger(tuple(clocks(state, rulebook)), tuple(pledges(state))) if state else Ledger()


def difference(before: Ledger, after: Ledger, now: datetime) -> tuple[Say[Fact], ...]:
    """What has to be said about the way from one ledger to the other.

    Cycles and promises are only ever added at the end, so what stands at one place in both is the same one.
    """
    return tuple(Say(facts=fact) for fact in _differences(before, after, now))


def _differences(before: Ledger, after: Ledger, now: datetime) -> Iterator[Fact]:
    for was, clock in zip(chain(before.clocks, repeat(None)), after.clocks, strict=False):
        if was is not clock:
            yield from _of_clock(was, clock, now)
    older = None
    for known, pledge in zip(chain(before.pledges, repeat(None)), after.pledges, strict=False):
        yield from _of_pledge(known, pledge, older)
        older = pledge.promise


def _of_clock(before: Clock | None, clock: Clock, now: datetime) -> Iterator[Fact]:
    if clock.due_at is None:
        return
    name = {"clock": clock.kind, "cycle": clock.cycle}
    if before and before.due_at and _corrected(before, clock):
        yield ClockCorrected(**name, old_due_at=before.due_at, due_at=clock.due_at)
    if clock.breached and not (before and before.breached):
        late_by = max(now - clock.due_at, timedelta())
        yield ClockBreached(**name, due_at=clock.due_at, late_by=late_by)
    if clock.phase == "stopped" and clock.ended_at and not (before and before.phase == "stopped"):
        yield ClockStopped(**name, due_at=clock.due_at, stopped_at=clock.ended_at, met=not clock.breached)


def _corrected(before: Clock, clock: Clock) -> bool:
    """Other terms gave another due time. Before triage has spoken nobody has relied on it, unless it stopped so."""
    relied = not before.provisional or before.phase == "stopped"
    return relied and before.terms != clock.terms and before.due_at != clock.due_at


def _of_pledge(was: Pledge | None, pledge: Pledge, older: Promise | None) -> Iterator[Fact]:
    if was is None and pledge.over:
        return  # it was over before it could be told: nobody was promised anything
    promise = pledge.promise
    if was is None:
        yield _revised(promise, older) if older and promise.reason else _made(promise)
    if pledge.status == "broken" and not (was and was.status == "broken"):
        yield PromiseBroken(promise=promise.number, due_at=promise.due_at)
    if pledge.status == "kept" and not (was and was.status == "kept"):
        yield PromiseKept(promise=promise.number, first=pledge.first)


def _made(promise: Promise) -> PromiseMade:
    terms = promise.terms
    return PromiseMade(
        promise=promise.number,
        due_at=promise.due_at,
        policy=terms.policy,
        policy_version=terms.policy_version,
        calendar=terms.calendar,
        calendar_version=terms.calendar_version,
    )


def _revised(promise: Promise, older: Promise) -> PromiseRevised:
    return PromiseRevised(
        promise=promise.number, old_due_at=older.due_at, due_at=promise.due_at, reason=promise.reason or ""
    )

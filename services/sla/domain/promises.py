"""The ledger of promises: which dates were made, told, moved, kept and broken. None is ever computed again.

A promise exists once a provider accepted the message that states it. Moving it counts as notice only if the new date
was told before the old one. The first promise of a cycle needs the receipt and triage's word; proposals of handlers
that arrive before wait for it. Everything comes from the times in the facts, so the ledger is the same whichever topic
was read first.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from services.sla.domain.clocks import INSTANT
from services.sla.domain.cycles import cycles
from services.sla.domain.moments import PUBLIC, happened
from services.sla.domain.state import Complaint, Promise

Status = Literal["untold", "open", "revised", "kept", "broken", "cancelled"]
Outcome = Literal["open", "untold", "kept_first", "kept_revised", "broken", "broken_then_kept", "cancelled"]


class Pledge(NamedTuple):
    """A promise and what became of it. `outcome` is that of its whole chain of versions; `first`: kept as first told.

    `notice_lead` is how long before its date the next one was told, negative where it was told after it. `is_last`: no
    later version was told.
    """

    promise: Promise
    status: Status
    outcome: Outcome
    told_at: datetime | None
    done_at: datetime | None
    notice_lead: timedelta | None
    is_last: bool
    reached: bool  # time has passed its date, as far as we looked
    is_over: bool  # done, or fallen away: nothing more will become of it

    @property
    def first(self) -> bool:
        """Whether the first date told was kept."""
        return self.status == "kept" and self.outcome == "kept_first"

    def is_passed(self, reached_at: datetime) -> bool:
        """Whether its date is over by then, and was not before."""
        return not self.reached and reached_at > self.promise.due_at

    @property
    def next_at(self) -> datetime | None:
        """When it will be broken if nothing happens."""
        return self.promise.due_at + INSTANT if self.status == "open" and not self.reached else None


class _Chain(NamedTuple):
    versions: tuple[Promise, ...]
    told: dict[int, datetime]
    done_at: datetime | None
    ended_at: datetime | None  # the cycle's, whatever ended it
    reached_at: datetime | None


def pledges(state: Complaint) -> Iterator[Pledge]:
    """Every promise with its fate, in the order of numbers."""
    if not state.promises:
        return
    found = [pledge for chain in _chains(state) for pledge in _judged(chain)]
    yield from sorted(found, key=lambda pledge: pledge.promise.number)


def passed(known: tuple[Pledge, ...], until: datetime) -> tuple[Pledge, ...]:
    """The same pledges with time looked at further: what was open and is over by then is broken, with its chain."""
    late = {one.promise.number for one in known if one.is_passed(until)}
    if not late:
        return known
    broken = {chain_key(one.promise) for one in known if one.status == "open" and one.promise.number in late}
    return tuple(_passed(one, late, broken) for one in known)


def _passed(one: Pledge, late: Collection[int], broken: Collection[int]) -> Pledge:
    is_late = one.promise.number in late
    if chain_key(one.promise) in broken:
        status: Status = "broken" if is_late and one.status == "open" else one.status
        return one._replace(status=status, outcome="broken", reached=one.reached or is_late)
    return one._replace(reached=True) if is_late else one


def chain_key(promise: Promise) -> int:
    """What versions of one promise have in common: the number of the first."""
    return promise.of or promise.number


def _chains(state: Complaint) -> Iterator[_Chain]:
    told = state.told
    known = cycles(state.moments)
    chains: dict[int, list[Promise]] = {}
    for promise in state.promises:
        chains.setdefault(chain_key(promise), []).append(promise)
    for versions in chains.values():
        cycle = known[versions[0].cycle - 1]
        done = _done_at(state, versions, told, cycle.ended_at if cycle.ending == "resolved" else None)
        outlives = versions[0].subject == "action" and cycle.ending == "resolved"  # an agreed action is owed still
        ended = None if outlives else cycle.ended_at
        over = done or ended  # a date told after that was told for nothing: what it speaks of has been
        heard = told if over is None else {number: at for number, at in told.items() if at <= over}
        yield _Chain(tuple(versions), heard, done, ended, state.reached_at)


def _done_at(
    state: Complaint, versions: Sequence[Promise], told: dict[int, datetime], resolved_at: datetime | None
) -> datetime | None:
    """When what was promised was done: the answer, the action, or the next word after the one that promised it."""
    one = versions[0]
    if one.subject == "outcome":
        return resolved_at
    if one.subject == "action":
        return next((m.at for m in state.moments if m.what == "action_completed" and m.item == one.item), None)
    numbers = {version.number for version in versions}
    stating = {telling.message for telling in state.tellings if telling.promise in numbers}
    since = min((told[number] for number in numbers if number in told), default=one.made_at)
    heard = happened(state.moments)  # without messages that came back: nobody has read those
    words = (m.at for m in heard if m.what in PUBLIC and m.at > since and m.item not in stating)
    return next(words, resolved_at)


def _judged(chain: _Chain) -> Iterator[Pledge]:
    told = [one for one in chain.versions if one.number in chain.told]
    fates = [
        (one, later, _status(chain, one, later)) for one in chain.versions for later in [_notice(chain, one, told)]
    ]
    outcome = _outcome(chain, [status for one, _, status in fates if one.number in chain.told])
    over = chain.done_at is not None or chain.ended_at is not None
    for one, later, status in fates:
        told_at = chain.told.get(one.number)
        lead = one.due_at - chain.told[later.number] if later and told_at else None
        reached = chain.reached_at is not None and chain.reached_at > one.due_at
        yield Pledge(one, status, outcome, told_at, chain.done_at, lead, later is None, reached, over)


def _notice(chain: _Chain, one: Promise, told: Sequence[Promise]) -> Promise | None:
    """The later version that was told first: the customer's notice that this date no longer stands."""
    if len(told) < 2 and one.number in chain.told:
        return None
    later = (other for other in told if other.number > one.number)
    return min(later, key=lambda other: chain.told[other.number], default=None)


def _status(chain: _Chain, one: Promise, later: Promise | None) -> Status:
    """Kept and cancelled compare with the end; what has no end yet, with how far time was looked at."""
    if one.number not in chain.told:
        return "untold"
    if chain.done_at is not None and chain.done_at <= one.due_at:
        return "kept"
    if later is not None:
        return "revised" if chain.told[later.number] <= one.due_at else "broken"
    end = chain.done_at or chain.ended_at
    if end is not None:
        return "broken" if end > one.due_at else "cancelled"
    return "broken" if chain.reached_at is not None and chain.reached_at > one.due_at else "open"


def _outcome(chain: _Chain, statuses: Sequence[Status]) -> Outcome:
    """Of the whole chain, by what became of those of its versions that were told."""
    if not statuses:
        return "untold"
    if statuses[0] == "kept":
        return "kept_first"
    if "broken" in statuses:
        return "broken_then_kept" if chain.done_at is not None else "broken"
    if statuses[-1] == "kept":
        return "kept_revised"
    return "cancelled" if statuses[-1] == "cancelled" else "open"

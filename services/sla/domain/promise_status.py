"""The ledger of promises: which dates were made, told, moved, kept and broken. None is ever computed again.

A promise exists once a provider accepted the message that states it. Moving it counts as notice only if the new date
was told before the old one. The first promise of a cycle needs the receipt and triage's word; proposals of handlers
that arrive before wait for it. Everything comes from the times in the facts, so the ledger is the same whichever topic
was read first.

An answer is kept by the customer having it, not by our having resolved: until it was told the promise waits for it.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from services.sla.domain.clocks import INSTANT
from services.sla.domain.cycles import Cycle, cycles
from services.sla.domain.history import PUBLIC, HistoryEntry, happened
from services.sla.domain.state import Promise, SlaState

Status = Literal["untold", "open", "revised", "kept", "broken", "cancelled"]
Outcome = Literal["open", "untold", "kept_first", "kept_revised", "broken", "broken_then_kept", "cancelled"]


class PromiseStatus(NamedTuple):
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
    ended_at: datetime | None  # when it fell away
    reached_at: datetime | None


def promise_statuses(state: SlaState) -> Iterator[PromiseStatus]:
    """Every promise with its fate, in the order of numbers."""
    if not state.promises:
        return
    found = [pledge for chain in _chains(state) for pledge in _judged(chain)]
    yield from sorted(found, key=lambda pledge: pledge.promise.number)


def passed(known: tuple[PromiseStatus, ...], until: datetime) -> tuple[PromiseStatus, ...]:
    """The same pledges with time looked at further: what was open and is over by then is broken, with its chain."""
    late = {one.promise.number for one in known if one.is_passed(until)}
    if not late:
        return known
    broken = {chain_key(one.promise) for one in known if one.status == "open" and one.promise.number in late}
    return tuple(_passed(one, late, broken) for one in known)


def _passed(one: PromiseStatus, late: Collection[int], broken: Collection[int]) -> PromiseStatus:
    is_late = one.promise.number in late
    if chain_key(one.promise) in broken:
        status: Status = "broken" if is_late and one.status == "open" else one.status
        return one._replace(status=status, outcome="broken", reached=one.reached or is_late)
    return one._replace(reached=True) if is_late else one


def chain_key(promise: Promise) -> int:
    """What versions of one promise have in common: the number of the first."""
    return promise.of or promise.number


def _chains(state: SlaState) -> Iterator[_Chain]:
    told = state.told
    known = cycles(state.moments)
    chains: dict[int, list[Promise]] = {}
    for promise in state.promises:
        chains.setdefault(chain_key(promise), []).append(promise)
    for versions in chains.values():
        yield _chain(state, tuple(versions), told, known)


def _chain(state: SlaState, versions: tuple[Promise, ...], told: dict[int, datetime], known: Sequence[Cycle]) -> _Chain:
    done, ended = _done_at(state, versions, told, known), _ended_at(versions[0], known)
    if done is not None and ended is not None and done > ended:
        done = None  # what fell away is neither kept nor missed by what came after
    over = done or ended  # a date told after that was told for nothing: what it speaks of has been
    heard = {one.number: told[one.number] for one in versions if one.number in told}
    heard = {number: at for number, at in heard.items() if over is None or at <= over}
    cycle = known[versions[0].cycle - 1]
    if done is None and not heard and cycle.ending == "resolved" and versions[0].subject != "action":
        done = cycle.ended_at  # nobody was told a date, so nobody waits for more than our own end
    return _Chain(versions, heard, done, ended, state.seen_until)


def _ended_at(one: Promise, known: Sequence[Cycle]) -> datetime | None:
    """When it fell away: the complaint was taken back or merged, or opened again before its answer was told.

    A next word is owed until then, whatever is resolved or reopened in between; an agreed action beyond the answer.
    """
    rest = known[one.cycle - 1 :]
    if one.subject == "next_update":
        return next((cycle.ended_at for cycle in rest if cycle.ending != "resolved"), None)
    if rest[0].ending != "resolved":
        return rest[0].ended_at
    return rest[1].started_at if one.subject == "outcome" and len(rest) > 1 else None


def _done_at(
    state: SlaState, versions: Sequence[Promise], told: dict[int, datetime], known: Sequence[Cycle]
) -> datetime | None:
    """When what was promised was done: the answer told, the action completed, or the next word after its promise."""
    one = versions[0]
    if one.subject == "outcome":
        return known[one.cycle - 1].answered_at
    find = _completed_at if one.subject == "action" else _word_at
    return find(state, versions, told)


def _completed_at(state: SlaState, versions: Sequence[Promise], told: dict[int, datetime]) -> datetime | None:
    """Never before it was promised, nor before the customer was told a date for what we only heard of afterwards."""
    made_at, told_at = versions[0].made_at, _first_told(versions, told)
    completed = next(_completions(state, versions[0]), None)
    if completed is None:
        return None
    return max(completed.at, told_at if told_at and completed.recorded_at > told_at else made_at)


def _completions(state: SlaState, one: Promise) -> Iterator[HistoryEntry]:
    """Those after the agreement that it is about: what was done before belongs to an earlier one.

    Unless nothing was agreed before it and it was recorded after the promise: then only its time is wrong.
    """
    about = [moment for moment in state.moments if moment.item == one.item]
    agreed = [moment for moment in about if moment.what == "action_agreed" and moment.recorded_at <= one.made_at]
    for moment in about:
        if moment.what != "action_completed":
            continue
        is_stray = bool(agreed) and moment < agreed[0] and moment.recorded_at > one.made_at
        if not agreed or moment > agreed[-1] or is_stray:
            yield moment


def _word_at(state: SlaState, versions: Sequence[Promise], told: dict[int, datetime]) -> datetime | None:
    """The first word after the one that promised it; the answer is one even where that promise was told after it."""
    numbers = {version.number for version in versions}
    stating = {telling.message for telling in state.tellings if telling.promise in numbers}
    made_at = versions[0].made_at
    since = _first_told(versions, told) or made_at
    for moment in happened(state.moments):  # without messages that came back: nobody has read those
        after = made_at if moment.what == "answer_told" else since
        if moment.what in PUBLIC and moment.at > after and moment.item not in stating:
            return moment.at
    return None


def _first_told(versions: Sequence[Promise], told: dict[int, datetime]) -> datetime | None:
    return min((told[one.number] for one in versions if one.number in told), default=None)


def _judged(chain: _Chain) -> Iterator[PromiseStatus]:
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
        yield PromiseStatus(one, status, outcome, told_at, chain.done_at, lead, later is None, reached, over)


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

"""Status of promises: which dates were made, told, moved, kept and broken. Dates themselves are never recomputed.

A promise exists for the customer once a provider accepted a message that states it. It can be moved: a later version
takes its place, and all versions of one promise form a chain. The status of a version follows from four times:

    told_at     when the first message stating it was accepted; a returned message does not count
    done_at     when what was promised was done, see `_done_at`
    ended_at    when the promise was cancelled with its cycle, see `_ended_at`
    reached_at  up to when time has been evaluated, or anything happened

A version is kept if it was done by its date. If a later version was told first, its replacement, it is revised if that
was told by its date, else broken. Without either it is broken once its date has passed, and open until then. The
outcome of the chain follows from the versions that were told, in order; a date told after the end does not count.

An answer counts when the customer has it, not when the complaint was resolved. All times come from the facts, so the
result does not depend on the order in which topics were read.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from services.sla.domain.clocks import ONE_MICROSECOND
from services.sla.domain.history import PUBLIC, Cycle, History, HistoryEntry, read_history
from services.sla.domain.state import Promise, SlaState

Status = Literal["untold", "open", "revised", "kept", "broken", "cancelled"]
Outcome = Literal["open", "untold", "kept_first", "kept_revised", "broken", "broken_then_kept", "cancelled"]


class PromiseStatus(NamedTuple):
    """Version of a promise with its status. `outcome` is that of its chain.

    `replacement_lead` is how long before its date the next version was told, negative if later. `is_last`: no later
    version was told. `is_reached`: time has been evaluated beyond its date. `is_over`: done or cancelled, final.
    """

    promise: Promise
    status: Status
    outcome: Outcome
    told_at: datetime | None
    done_at: datetime | None
    replacement_lead: timedelta | None
    is_last: bool
    is_reached: bool
    is_over: bool

    @property
    def is_current(self) -> bool:
        """True if it is the version that counts, and neither done nor cancelled."""
        return self.is_last and not self.is_over

    @property
    def next_at(self) -> datetime | None:
        """Time at which it will be broken if nothing happens."""
        return self.promise.due_at + ONE_MICROSECOND if self.status == "open" and not self.is_reached else None


class _Chain(NamedTuple):
    versions: tuple[Promise, ...]
    told_times: dict[int, datetime]  # by number of the version
    done_at: datetime | None
    ended_at: datetime | None
    reached_at: datetime | None


def promise_statuses(state: SlaState, history: History | None = None) -> Iterator[PromiseStatus]:
    """Yield the status of every promise, in the order of numbers. `history`: that of the state, if already derived."""
    if not state.promises:
        return
    chains = _chains(state, history or read_history(state.moments))
    statuses = [status for chain in chains for status in _statuses(chain)]
    yield from sorted(statuses, key=lambda status: status.promise.number)


def chain_key(promise: Promise) -> int:
    """Return the key that all versions of a promise share: the number of the first."""
    return promise.of or promise.number


def promise_fields(promise: Promise) -> dict[str, Any]:
    """Return the fields that every event about a promise has."""
    return {"promise": promise.number, "subject": promise.subject, "item": promise.item}


def _chains(state: SlaState, history: History) -> Iterator[_Chain]:
    told_times = _told_times(state)
    chains: dict[int, list[Promise]] = {}
    for promise in state.promises:
        chains.setdefault(chain_key(promise), []).append(promise)
    last = state.moments[-1].at if state.moments else None
    reached_at = max((at for at in (state.reached_at, last) if at is not None), default=None)
    for versions in chains.values():
        done, ended = _done_at(state, versions, told_times, history), _ended_at(versions[0], history.cycles)
        if done is not None and ended is not None and done > ended:
            done = None  # a cancelled promise is neither kept nor missed by what came later
        over = done or ended
        own = {version.number: told_times[version.number] for version in versions if version.number in told_times}
        own = {number: at for number, at in own.items() if over is None or at <= over}
        cycle = history.cycles[versions[0].cycle - 1]
        if done is None and not own and cycle.ending == "resolved" and versions[0].subject != "action":
            done = cycle.ended_at  # the customer was told no date, so the resolution itself is enough
        yield _Chain(tuple(versions), own, done, ended, reached_at)


def _told_times(state: SlaState) -> dict[int, datetime]:
    """Return when each promise was first told, by its number, in a message that was not returned."""
    returned = {entry.item for entry in state.moments if entry.what == "returned"}
    times: dict[int, datetime] = {}
    for statement in state.tellings:
        if statement.message not in returned:
            times[statement.promise] = min(statement.at, times.get(statement.promise, statement.at))
    return times


def _ended_at(promise: Promise, cycles: Sequence[Cycle]) -> datetime | None:
    """Return when the promise was cancelled: by withdrawal or merge, or by a reopening before its answer was told.

    The next update stays promised until then, even if the complaint is resolved or reopened in between; an agreed
    action stays promised after the answer.
    """
    rest = cycles[promise.cycle - 1 :]
    if promise.subject == "next_update":
        return next((cycle.ended_at for cycle in rest if cycle.ending != "resolved"), None)
    if rest[0].ending != "resolved":
        return rest[0].ended_at
    return rest[1].started_at if promise.subject == "outcome" and len(rest) > 1 else None


def _done_at(
    state: SlaState, versions: Sequence[Promise], told_times: dict[int, datetime], history: History
) -> datetime | None:
    """Return when the promise was fulfilled: answer told, action completed, or next message after the promise."""
    promise = versions[0]
    if promise.subject == "outcome":
        return history.cycles[promise.cycle - 1].answered_at
    told_at = min((told_times[each.number] for each in versions if each.number in told_times), default=None)
    if promise.subject == "action":
        return _completed_at(state, promise, told_at)
    return _next_update_at(state, versions, told_at, history.entries)


def _completed_at(state: SlaState, promise: Promise, told_at: datetime | None) -> datetime | None:
    """Return when the action was completed; not before the promise was made.

    If the completion was recorded after the customer was told a date, it counts from that time at the earliest.
    """
    completed = next(_completions(state, promise), None)
    if completed is None:
        return None
    return max(completed.at, told_at if told_at and completed.recorded_at > told_at else promise.made_at)


def _completions(state: SlaState, promise: Promise) -> Iterator[HistoryEntry]:
    """Yield the completions after the agreement that the promise is about; earlier ones belong to an earlier agreement.

    Exception: nothing was agreed before it and it was recorded after the promise; then only its time is wrong.
    """
    about = [entry for entry in state.moments if entry.item == promise.item]
    agreed = [entry for entry in about if entry.what == "action_agreed" and entry.recorded_at <= promise.made_at]
    for entry in about:
        if entry.what != "action_completed":
            continue
        is_misdated = bool(agreed) and entry < agreed[0] and entry.recorded_at > promise.made_at
        if not agreed or entry > agreed[-1] or is_misdated:
            yield entry


def _next_update_at(
    state: SlaState, versions: Sequence[Promise], told_at: datetime | None, entries: Sequence[HistoryEntry]
) -> datetime | None:
    """Return the time of the first message after the one that promised it.

    The answer counts even if the message that promised an update was told after it.
    """
    numbers = {version.number for version in versions}
    stating = {statement.message for statement in state.tellings if statement.promise in numbers}
    made_at = versions[0].made_at
    for entry in entries:
        after = made_at if entry.what == "answer_told" else told_at or made_at
        if entry.what in PUBLIC and entry.at > after and entry.item not in stating:
            return entry.at
    return None


def _statuses(chain: _Chain) -> Iterator[PromiseStatus]:
    replacements = [_told_replacement(chain, version) for version in chain.versions]
    statuses = [
        _status(chain, version, replacement) for version, replacement in zip(chain.versions, replacements, strict=True)
    ]
    outcome = _outcome(chain, [status for status in statuses if status != "untold"])
    over = chain.done_at is not None or chain.ended_at is not None
    for version, replacement, status in zip(chain.versions, replacements, statuses, strict=True):
        told_at = chain.told_times.get(version.number)
        lead = version.due_at - chain.told_times[replacement.number] if replacement and told_at else None
        reached = chain.reached_at is not None and chain.reached_at > version.due_at
        yield PromiseStatus(version, status, outcome, told_at, chain.done_at, lead, replacement is None, reached, over)


def _told_replacement(chain: _Chain, version: Promise) -> Promise | None:
    """Return the later version that was told first: it told the customer that this date no longer applies."""
    later = (other for other in chain.versions if other.number > version.number and other.number in chain.told_times)
    return min(later, key=lambda other: chain.told_times[other.number], default=None)


def _status(chain: _Chain, version: Promise, replacement: Promise | None) -> Status:
    due_at, end = version.due_at, chain.done_at or chain.ended_at
    if version.number not in chain.told_times:
        return "untold"
    if chain.done_at is not None and chain.done_at <= due_at:
        return "kept"
    if replacement is not None:
        return "revised" if chain.told_times[replacement.number] <= due_at else "broken"
    if end is not None:
        return "broken" if end > due_at else "cancelled"
    return "broken" if chain.reached_at is not None and chain.reached_at > due_at else "open"


def _outcome(chain: _Chain, statuses: Sequence[Status]) -> Outcome:
    """Return the outcome of a chain by the statuses of the versions that were told, in order."""
    if not statuses:
        return "untold"
    if statuses[0] == "kept":
        return "kept_first"
    if "broken" in statuses:
        return "broken_then_kept" if chain.done_at is not None else "broken"
    if statuses[-1] == "kept":
        return "kept_revised"
    return "cancelled" if statuses[-1] == "cancelled" else "open"

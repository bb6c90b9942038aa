"""Evaluation of one state: the clocks, promises and notices that follow from its facts.

The stages build on each other: history, clocks, promise statuses, notices. The same facts, rulebook and calendars
always give the same evaluation. A decision evaluates the state before its input and the state after it, publishes the
difference, and stores a summary of the second.
"""

from bisect import insort
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from services.sla.domain.clocks import Clock, clocks
from services.sla.domain.history import PUBLIC, History, read_history
from services.sla.domain.promise_status import PromiseStatus, promise_statuses
from services.sla.domain.state import NextTime, SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import LetterDue, SilenceNoticed

PROMISES = "promises"  # the name of all promises together in `SlaState.ahead`
LETTER, SILENCE = "letter:", "silence:"  # prefixes of the names and marks of notices
EARLIEST = itemgetter(1, 0)  # order of `SlaState.ahead`: by time, then by name


class Notice(NamedTuple):
    """Fact to publish at `at`, once; `mark` is its name in `SlaState.fired` afterwards."""

    mark: str
    at: datetime
    fact: Fact


class Evaluation(NamedTuple):
    """Evaluation of one state; empty before the receipt. `only`: the names it covers if it is partial."""

    history: History = History((), (), ())
    clocks: tuple[Clock, ...] = ()
    promise_statuses: tuple[PromiseStatus, ...] = ()
    notices: tuple[Notice, ...] = ()
    only: frozenset[str] | None = None

    @property
    def ahead(self) -> tuple[NextTime, ...]:
        """Next timer of each clock, of the promises and of each notice, the earliest first."""
        times = [(clock.key, at) for clock in self.clocks if (at := clock.next_at)]
        times += [(notice.mark, notice.at) for notice in self.notices]
        promised = min((at for status in self.promise_statuses if (at := status.next_at)), default=None)
        if promised:
            times.append((PROMISES, promised))
        return tuple(sorted(times, key=EARLIEST))

    @property
    def tightest(self) -> Clock | None:
        """Open clock that is due first; a regulator's before an internal one if both are due at once."""
        due = [clock for clock in self.clocks if clock.is_open and clock.due_at is not None]
        return min(due, key=lambda clock: (clock.due_at, clock.obligation != "regulatory"), default=None)

    @property
    def promised_at(self) -> datetime | None:
        """Earliest date that the customer was told and that is not kept yet, missed or not."""
        waiting = (status for status in self.promise_statuses if status.told_at is not None and status.is_current)
        return min((status.promise.due_at for status in waiting), default=None)

    @property
    def untold_since(self) -> datetime | None:
        """Time at which the oldest date was made that the customer still has to be told, in no later version."""
        waiting = (status for status in self.promise_statuses if status.status == "untold" and status.is_current)
        return min((status.promise.made_at for status in waiting), default=None)

    @property
    def last_due_at(self) -> datetime | None:
        """Latest due time of any clock or promise, open or ended."""
        times = [clock.due_at for clock in self.clocks if clock.due_at]
        times += [status.promise.due_at for status in self.promise_statuses]
        return max(times, default=None)

    @property
    def spent_seconds(self) -> int | None:
        """Opening time in seconds from the receipt to the first answer, without pauses; absent until there is one."""
        first = next((clock for clock in self.clocks if clock.spec.name == "requester_wait"), None)
        if first is None or first.phase != "stopped" or first.ended_at is None:
            return None
        course, end = first.course, seconds(first.ended_at)
        paused = sum(course.compiled.elapsed(since, until) for since, until in first.pauses)
        return course.compiled.elapsed(course.start, end) - paused


def evaluate(
    state: SlaState | None,
    rulebook: Rulebook,
    only: frozenset[str] | None = None,
    *,
    reuse: History | None = None,
    derived: tuple[Clock, ...] | None = None,
    with_notices: bool = True,
) -> Evaluation:
    """Return the evaluation of a state.

    `reuse`: the history of an earlier evaluation in the same decision; it is read again only if entries were added.
    `only`: names of open clocks, of the promises and of the silence, for a partial evaluation. `derived`: its clocks,
    if they are derived already. The difference of two evaluations needs no notices of the earlier one.
    """
    if state is None:
        return Evaluation()
    history = reuse if reuse and reuse.stored is state.moments else read_history(state.moments)
    derived = tuple(clocks(state, history, rulebook, only)) if derived is None else derived
    statuses = tuple(promise_statuses(state, history)) if only is None or PROMISES in only else ()
    if not with_notices:
        return Evaluation(history, derived, statuses, (), only)
    notices = [*letters(state, derived)]
    if (only is None or SILENCE in only) and (notice := silence(state, history, rulebook)):
        notices.append(notice)
    return Evaluation(history, derived, statuses, tuple(notices), only)


def letters(state: SlaState, derived: tuple[Clock, ...]) -> Iterator[Notice]:
    """Yield the letters that regulators want sent before the limits of these clocks and that were not due yet.

    None once a limit has passed: a letter that is too late is a breach.
    """
    for clock in derived:
        if not clock.spec.letters or clock.phase != "running" or clock.due_at is None or clock.breached:
            continue
        for rule, at in clock.timed.letters:
            mark = f"{LETTER}{clock.key}:{rule.id}"
            if mark not in state.fired:
                pack, limit_at = clock.spec.pack or "", clock.due_at
                fact = LetterDue(pack=pack, letter=rule.id, limit_at=limit_at, reasons=rule.reasons)
                yield Notice(mark, at, fact)


def silence(state: SlaState, history: History, rulebook: Rulebook) -> Notice | None:
    """Return the notice that the customer received nothing for the days that the policy allows.

    None while the complaint is closed. If a message that would have ended the silence was returned afterwards, the days
    count again from that attempt.
    """
    if not history.cycles or history.cycles[-1].ended_at is not None or not state.terms:
        return None
    terms = state.terms[-1].terms
    days = rulebook.policy((terms.policy, terms.policy_version)).silence_days
    if days is None:
        return None
    since = history.cycles[-1].started_at
    since = max((entry.at for entry in history.entries if entry.what in PUBLIC and entry.at > since), default=since)
    since = max(since, state.receipt.recorded_at) if state.receipt else since
    tried = _last_attempt(state)
    if tried is not None and tried < since + timedelta(days=days):
        tried = None  # the silence had not been noticed by then
    counted = tried or since
    mark = f"{SILENCE}{seconds(counted)}"  # the same if the attempt counted as a message until it was returned
    if mark in state.fired:
        return None
    return Notice(mark, counted + timedelta(days=days), SilenceNoticed(since=since, days=days, tried_at=tried))


def _last_attempt(state: SlaState) -> datetime | None:
    """Return the time of the last message that was returned: when it was accepted, or else given up."""
    returned = {entry.item: entry.at for entry in state.moments if entry.what == "returned"}
    if not returned:
        return None
    accepted = {entry.item: entry.at for entry in state.moments if entry.item in returned and entry.what in PUBLIC}
    return max((returned | accepted).values())


def summarize(state: SlaState, evaluation: Evaluation) -> SlaState:
    """Return the state with the figures that are queried over all complaints; the same object if none changed.

    A partial evaluation leaves the other figures unchanged. `last_due_at` is after a partial evaluation the later of
    the stored and the new time; None if none is stored.
    """
    only, ahead, last_due_at = evaluation.only, evaluation.ahead, evaluation.last_due_at
    changes: dict[str, Any] = {}
    if only is None:
        changes["is_open"] = any(clock.is_open for clock in evaluation.clocks)
        changes["tightest_at"] = evaluation.tightest.due_at if evaluation.tightest else None
        changes["spent_seconds"] = evaluation.spent_seconds
    else:
        merged = [entry for entry in state.ahead if timer_owner(entry[0]) not in only]
        for entry in ahead:
            insort(merged, entry, key=EARLIEST)
        ahead = tuple(merged)
        stored = state.last_due_at
        last_due_at = max(stored, last_due_at or stored) if stored else None
    if only is None or PROMISES in only:
        changes |= {"promised_at": evaluation.promised_at, "untold_since": evaluation.untold_since}
    changes |= {"ahead": ahead, "due_at": ahead[0][1] if ahead else None, "last_due_at": last_due_at}
    same = all(getattr(state, name) == value for name, value in changes.items())
    return state if same else state.replace(**changes)


def timer_owner(name: str) -> str:
    """Return the name that a timer belongs to: a letter belongs to its clock."""
    if name.startswith(LETTER):
        return name[len(LETTER) :].rpartition(":")[0]
    return SILENCE if name.startswith(SILENCE) else name

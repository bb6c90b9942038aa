"""What time brings besides clocks: letters that a regulator wants before a limit, and silence towards the customer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from services.sla.domain.clocks import Clock
from services.sla.domain.cycles import cycles
from services.sla.domain.history import PUBLIC, HistoryEntry, happened
from services.sla.domain.state import SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import CACHED_CLOCKS, instant_of, seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import LetterDue, SilenceNoticed

LETTER, SILENCE = "letter:", "silence:"  # what their marks begin with


class Notice(NamedTuple):
    """Something to say at `at`, once; `mark` is the name under which it is remembered then."""

    mark: str
    at: datetime
    fact: Fact


def notices(state: SlaState, clocks: tuple[Clock, ...], rulebook: Rulebook) -> Iterator[Notice]:
    """All that was not said yet."""
    yield from letters(state, clocks)
    if noticed := silence(state, rulebook):
        yield noticed


def letters(state: SlaState, clocks: tuple[Clock, ...]) -> Iterator[Notice]:
    """What a regulator wants said before the limits of these clocks."""
    for clock in clocks:
        if clock.charge.letters and clock.phase == "running" and clock.due_at is not None:
            yield from _letters(state, clock, clock.due_at)


def _letters(state: SlaState, clock: Clock, due_at: datetime) -> Iterator[Notice]:
    """With lead time before the limit; none once the limit has passed: what is too late is a breach."""
    for letter in clock.charge.letters:
        mark = f"{LETTER}{clock.key}:{letter.id}"
        if mark in state.fired or clock.breached:
            continue
        at = instant_of(clock.course.before_due(letter.lead, seconds(due_at)))
        fact = LetterDue(pack=clock.charge.pack or "", letter=letter.id, limit_at=due_at, reasons=letter.reasons)
        yield Notice(mark, max(at, clock.started_at), fact)


def silence(state: SlaState, rulebook: Rulebook) -> Notice | None:
    """So many days after the customer last heard of us, while the complaint is open.

    Where what was written about it then came back, it is said again so many days after that attempt.
    """
    known = cycles(state.moments)
    if not known or known[-1].ended_at is not None or not state.terms:
        return None
    terms = state.terms[-1].terms
    days = rulebook.policy((terms.policy, terms.policy_version)).silence_days
    if days is None:
        return None
    since = max(_last_word(state.moments) or known[-1].started_at, known[-1].started_at)
    since = max(since, state.receipt.recorded_at) if state.receipt else since
    tried = _last_try(state.moments)
    if tried is not None and tried < since + timedelta(days=days):
        tried = None  # that was before anybody could notice
    counted = tried or since
    mark = f"{SILENCE}{seconds(counted)}"  # the same for an attempt that was taken for a word until it came back
    if mark in state.fired:
        return None
    noticed = SilenceNoticed(since=since, days=days, tried_at=tried)
    return Notice(mark, counted + timedelta(days=days), noticed)


@lru_cache(maxsize=CACHED_CLOCKS)
def _last_try(moments: tuple[HistoryEntry, ...]) -> datetime | None:
    """When the last message that came back was tried: accepted at first, or else given up."""
    returned = {one.item: one.at for one in moments if one.what == "returned"}
    accepted = {one.item: one.at for one in moments if one.item in returned and one.what in PUBLIC}
    return max((returned | accepted).values(), default=None)


@lru_cache(maxsize=CACHED_CLOCKS)
def _last_word(moments: tuple[HistoryEntry, ...]) -> datetime | None:
    """When the customer last heard of us; a message that came back broke no silence."""
    return max((one.at for one in happened(moments) if one.what in PUBLIC), default=None)

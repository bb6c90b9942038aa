"""Is what we stored what the events say? The facts are folded anew and compared, clock by clock and promise by promise.

Terms are worked out anew from the facts. What is decided once and never computed again has to be what sla itself said:
promises, extensions, what fired. Only how far time was looked at is taken from the stored state. Where one of these
differs, what follows from it is not compared: it could not agree, and what is wrong would pass for what is right.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from services.sla.audit.published import NOT_THERE, Difference, unlike_said
from services.sla.domain import Clock, PromiseStatus, SlaState, evaluate
from services.sla.domain.apply import apply
from services.sla.domain.decide import summarize
from services.sla.domain.promise_dates import make_promises
from services.sla.domain.state import AppliedTerms
from services.sla.domain.terms import expected_terms, pin_terms
from services.sla.policies import Rulebook
from shared.contracts.envelope import ComplaintId, Event, Fact

FACTS = ("receipt", "moments", "triages", "tellings")  # what events alone say
PINNED = ("terms", "promises", "proposals", "extensions", "fired", "reached_at")
DERIVED = ("due_at", "is_open", "tightest_at", "promised_at", "spent_seconds", "untold_since")


def refold(known: SlaState | None, complaint: ComplaintId, events: Iterable[Event[Any]]) -> SlaState:
    """The facts that these events add, in whatever order the topics are read."""
    return reduce(apply, events, known or SlaState(complaint_id=complaint))


def differences(
    stored: SlaState,
    heard: SlaState,
    rulebook: Rulebook,
    said: Sequence[Fact] | None = None,
    *,
    whole: bool = True,
) -> Iterator[Difference]:
    """Everything that differs between what is stored and what was folded anew; nothing where all is well.

    `said` is what sla itself said, `whole`: from its first word on; without it promises and rungs are taken as stored.
    """
    facts = [Difference(name, _fact(stored, name), _fact(heard, name)) for name in FACTS]
    if wrong := [one for one in facts if one.stored != one.refolded]:
        yield from wrong
        return
    decided = [*_of_terms(stored, rulebook), *(() if said is None else unlike_said(stored, said, whole=whole))]
    yield from decided
    if not decided:
        yield from _of_what_follows(stored, heard, rulebook)


def _fact(state: SlaState, name: str) -> object:
    """A receipt without the customer's zone: it is for words alone, and older rows have none."""
    if name == "receipt" and state.receipt is not None:
        return state.receipt.replace(timezone=None)
    return getattr(state, name)


def _of_terms(stored: SlaState, rulebook: Rulebook) -> Iterator[Difference]:
    """Of the facts only: those that are stored were found to be what the events say."""
    ours = {(one.at, one.why): one for one in stored.terms}
    theirs = {(one.at, one.why): one for one in expected_terms(stored, rulebook)}
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            yield Difference(f"terms of {key[0].isoformat()}", _worded(ours.get(key)), _worded(theirs.get(key)))


def _worded(one: AppliedTerms | None) -> str:
    if one is None:
        return NOT_THERE
    policy, version, packs, revision = one.terms
    listed = ", ".join(f"{name} {number}" for name, number in packs) or "none"
    return f"{one.why} under policy {policy} {version}, packs {listed}, revision {revision} ({one.mode})"


def _of_what_follows(stored: SlaState, heard: SlaState, rulebook: Rulebook) -> Iterator[Difference]:
    refolded = heard.replace(**{name: getattr(stored, name) for name in PINNED})
    if make_promises(pin_terms(refolded, rulebook), rulebook) != refolded:
        yield Difference("decisions", "not all were taken that the facts ask for", "all of them")
        return
    yield from _of_ledgers(stored, refolded, rulebook)
    follows = summarize(refolded, evaluate(refolded, rulebook))
    for name in DERIVED:
        if getattr(stored, name) != getattr(follows, name):
            yield Difference(name, getattr(stored, name), getattr(follows, name))
    yield from _last_due(stored.last_due_at, follows.last_due_at)


def _last_due(stored: datetime | None, expected: datetime | None) -> Iterator[Difference]:
    """It may be too late, where a date came nearer that was looked at alone, and not known in old states."""
    if stored is not None and (expected is None or stored < expected):
        yield Difference("last_due_at", stored, expected)


def _of_ledgers(stored: SlaState, refolded: SlaState, rulebook: Rulebook) -> Iterator[Difference]:
    ours, theirs = (_entries(state, rulebook) for state in (stored, refolded))
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield Difference(name, ours.get(name), theirs.get(name))


def _entries(state: SlaState, rulebook: Rulebook) -> dict[str, object]:
    book = evaluate(state, rulebook)
    clocks: dict[str, object] = {f"clock {one.key}": _clock(one) for one in book.clocks}
    promises: dict[str, object] = {f"promise {one.promise.number}": _promise(one) for one in book.promise_statuses}
    return clocks | promises


def _clock(one: Clock) -> tuple[object, ...]:
    """What may be said of a clock: all of it but the rulebook's own objects."""
    return one.phase, one.started_at, one.due_at, one.ended_at, one.breached, one.pauses, one.steps


def _promise(one: PromiseStatus) -> tuple[object, ...]:
    return one.promise.due_at, one.status, one.outcome, one.told_at, one.done_at, one.notice_lead


def columns(state: SlaState, row: dict[str, Any], promoted: dict[str, Any]) -> Iterator[Difference]:
    """Columns that say something else than the state beside them; a timer that was put off may stand later."""
    for name, expected in promoted.items():
        stored = row[name]
        put_off = name == "due_at" and isinstance(stored, datetime) and expected is not None and stored > expected
        if stored != expected and not put_off:
            yield Difference(f"column {name}", stored, expected)
    if row["version"] != state.version:
        yield Difference("column version", row["version"], state.version)

"""Compare a stored state with the state that its input events give, clock by clock and promise by promise.

Three layers are compared, each only if the one below it agrees, because otherwise every difference would follow from
the first and hide where the fault is:

1. Facts: applied again from the input events.
2. Decisions that are made once and stored: terms are decided again from the facts. Promises, extensions and escalations
   cannot be, because they depend on the rulebook and the time at which they were made; they are compared with the
   events that sla published (see `published`).
3. All that is computed from both: clocks, due times, promise statuses, and the promoted columns.

Only `reached_at`, the time up to which timers have run, is taken from the stored state.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from services.sla.audit.published import MISSING, Difference, compare_published
from services.sla.domain import Clock, Evaluation, PromiseStatus, SlaState, evaluate
from services.sla.domain.apply import apply, expected_terms, pin_terms
from services.sla.domain.evaluation import summarize
from services.sla.domain.promise_dates import make_promises
from services.sla.domain.state import AppliedTerms
from services.sla.policies import Rulebook
from shared.contracts.envelope import ComplaintId, Event, Fact

FACTS = ("receipt", "moments", "triages", "tellings")  # fields that input events alone determine
DECISIONS = ("terms", "promises", "proposals", "extensions", "fired", "reached_at")
DERIVED = ("due_at", "is_open", "tightest_at", "promised_at", "spent_seconds", "untold_since")


def rebuild(state: SlaState | None, complaint: ComplaintId, events: Iterable[Event[Any]]) -> SlaState:
    """Add the facts of these events to a state, in whatever order the topics are read."""
    return reduce(apply, events, state or SlaState(complaint_id=complaint))


def compare_states(
    stored: SlaState,
    rebuilt: SlaState,
    rulebook: Rulebook,
    published: Sequence[Fact] | None = None,
    *,
    complete: bool = True,
) -> Iterator[Difference]:
    """Yield every difference between a stored state and the one rebuilt from events.

    `published`: events of sla about this complaint, `complete` if the first one is among them. Without them promises
    and escalations are taken as stored.
    """
    facts = [Difference(name, _fact(stored, name), _fact(rebuilt, name)) for name in FACTS]
    if differing := [fact for fact in facts if fact.stored != fact.rebuilt]:
        yield from differing
        return
    decisions = [*_compare_terms(stored, rulebook)]
    if published is not None:
        decisions += compare_published(stored, published, complete=complete)
    yield from decisions
    if not decisions:
        yield from _compare_derived(stored, rebuilt, rulebook)


def _fact(state: SlaState, name: str) -> object:
    """Return a field. A receipt is without the customer's time zone: it only affects wording, and old rows lack it."""
    if name == "receipt" and state.receipt is not None:
        return state.receipt.replace(timezone=None)
    return getattr(state, name)


def _compare_terms(stored: SlaState, rulebook: Rulebook) -> Iterator[Difference]:
    """Compare stored terms with terms decided again from the stored facts, which were found to be equal."""
    old = {(terms.at, terms.why): terms for terms in stored.terms}
    new = {(terms.at, terms.why): terms for terms in expected_terms(stored, rulebook)}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Difference(f"terms of {key[0].isoformat()}", _terms_text(old.get(key)), _terms_text(new.get(key)))


def _terms_text(applied: AppliedTerms | None) -> str:
    if applied is None:
        return MISSING
    policy, version, packs, revision = applied.terms
    names = ", ".join(f"{name} {number}" for name, number in packs) or "none"
    return f"{applied.why} under policy {policy} {version}, packs {names}, revision {revision} ({applied.mode})"


def _compare_derived(stored: SlaState, rebuilt: SlaState, rulebook: Rulebook) -> Iterator[Difference]:
    rebuilt = rebuilt.replace(**{name: getattr(stored, name) for name in DECISIONS})
    if make_promises(pin_terms(rebuilt, rulebook), rulebook) != rebuilt:
        yield Difference("decisions", "some that the facts require are missing", "all of them")
        return
    evaluation = evaluate(rebuilt, rulebook)
    old, new = _entries(evaluate(stored, rulebook)), _entries(evaluation)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Difference(name, old.get(name), new.get(name))
    expected = summarize(rebuilt, evaluation)
    for name in DERIVED:
        if getattr(stored, name) != getattr(expected, name):
            yield Difference(name, getattr(stored, name), getattr(expected, name))
    # A stored `last_due_at` may be later than needed, and None in states written before it existed.
    if stored.last_due_at and (expected.last_due_at is None or stored.last_due_at < expected.last_due_at):
        yield Difference("last_due_at", stored.last_due_at, expected.last_due_at)


def _entries(evaluation: Evaluation) -> dict[str, object]:
    clocks: dict[str, object] = {f"clock {clock.key}": _clock_fields(clock) for clock in evaluation.clocks}
    statuses = evaluation.promise_statuses
    return clocks | {f"promise {status.promise.number}": _status_fields(status) for status in statuses}


def _clock_fields(clock: Clock) -> tuple[object, ...]:
    """Return all fields of a clock that do not belong to the rulebook."""
    return clock.phase, clock.started_at, clock.due_at, clock.ended_at, clock.breached, clock.pauses, clock.steps


def _status_fields(status: PromiseStatus) -> tuple[object, ...]:
    return status.promise.due_at, status.status, status.outcome, status.told_at, status.done_at, status.replacement_lead


def compare_columns(state: SlaState, row: dict[str, Any], promoted: dict[str, Any]) -> Iterator[Difference]:
    """Yield the columns that differ from the state beside them; a postponed timer may be later."""
    for name, expected in promoted.items():
        stored = row[name]
        postponed = name == "due_at" and isinstance(stored, datetime) and expected is not None and stored > expected
        if stored != expected and not postponed:
            yield Difference(f"column {name}", stored, expected)
    if row["version"] != state.version:
        yield Difference("column version", row["version"], state.version)

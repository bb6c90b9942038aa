"""Compare stored promises, extensions and escalations with the events sla published about them.

They are decided once and never computed again, so the published events are the only evidence: a change in the database
does not change what was published. Two things are not published, and so not compared: who refused an extension, and of
several escalation steps of a clock that were missed together, all but the last.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.sla.domain import SlaState
from services.sla.domain.evaluation import LETTER, SILENCE
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import promise_statuses
from services.sla.domain.state import ExtensionRequest, Promise
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import sla

PromiseEvent = sla.PromiseMade | sla.PromiseRevised
StepEvent = sla.ClockWarned | sla.ClockEscalated
RISK = "risk:"
NOTICES = (LETTER, SILENCE, RISK)  # prefixes of marks in `fired` that stand for notices, not for escalation steps
MISSING, NEVER_PUBLISHED = "missing", "never published"


class Difference(NamedTuple):
    """Difference between what is stored and what the events give."""

    what: str
    stored: object
    rebuilt: object


def compare_published(stored: SlaState, published: Sequence[Fact], *, complete: bool = True) -> Iterator[Difference]:
    """Yield the differences. Not `complete`: the first events are deleted, so a missing event proves nothing."""
    count = len(cycles(stored.moments))
    impossible = [promise for promise in stored.promises if not 0 < promise.cycle <= count]
    for promise in impossible:
        yield Difference(f"promise {promise.number}", f"of cycle {promise.cycle}", "no such cycle")
    if impossible:
        return
    yield from _compare_promises(stored, published, complete=complete)
    yield from _compare_extensions(stored, published, complete=complete)
    yield from _compare_steps(stored, published, complete=complete)
    yield from _compare_notices(stored, published, complete=complete)


def _compare_promises(stored: SlaState, published: Sequence[Fact], *, complete: bool) -> Iterator[Difference]:
    promises = {promise.number: promise for promise in stored.promises}
    events = {fact.promise: fact for fact in published if isinstance(fact, PromiseEvent)}
    unpublished = {
        status.promise.number for status in promise_statuses(stored) if status.told_at is None and status.is_over
    }  # already over when they were made
    for number in sorted(promises.keys() | events.keys()):
        promise, event = promises.get(number), events.get(number)
        if event is None:
            if promise is not None and complete and number not in unpublished:
                yield Difference(f"promise {number}", _promise_text(promise), NEVER_PUBLISHED)
        elif promise is None or _differ(promise, event):
            yield Difference(f"promise {number}", _promise_text(promise) if promise else MISSING, _promise_text(event))


def _differ(promise: Promise, event: PromiseEvent) -> bool:
    if (promise.due_at, promise.subject, promise.item) != (event.due_at, event.subject, event.item):
        return True
    if isinstance(event, sla.PromiseRevised):
        return (promise.reason or "") != event.reason
    terms = promise.terms
    return bool(promise.reason) or (terms.policy, terms.policy_version) != (event.policy, event.policy_version)


def _promise_text(promise: Promise | PromiseEvent) -> str:
    text = f"{promise.subject} {promise.item}".strip() + f" by {promise.due_at.isoformat()}"
    if isinstance(promise, sla.PromiseMade):
        return f"{text}, policy {promise.policy} {promise.policy_version}"
    if isinstance(promise, Promise) and not promise.reason:
        return f"{text}, policy {promise.terms.policy} {promise.terms.policy_version}"
    return f"{text}, because of '{promise.reason}'"


def _compare_extensions(stored: SlaState, published: Sequence[Fact], *, complete: bool) -> Iterator[Difference]:
    old = Counter(_extension_key(extension) for extension in stored.extensions)
    new = Counter(_extension_key(fact) for fact in published if isinstance(fact, sla.ExtensionRequested))
    for key in sorted((old | new).keys()):
        name = f"extension of promise {key[0]} until {key[2]}"
        yield from _compare_counts(name, old[key], new[key], complete=complete)
    moved = {fact.due_at for fact in published if isinstance(fact, sla.PromiseRevised)}
    for extension in stored.extensions:
        if complete and extension.approved and extension.expected_at not in moved:
            yield Difference(
                f"extension of promise {extension.promise}", f"approved by {extension.by}", "no promise was moved"
            )


def _extension_key(extension: ExtensionRequest | sla.ExtensionRequested) -> tuple[int, str, str, str, str]:
    times = (extension.asked_at, extension.expected_at, extension.limit_at)
    asked_at, expected_at, limit_at = (at.isoformat() for at in times)
    return extension.promise, asked_at, expected_at, limit_at, extension.reason


def _compare_steps(stored: SlaState, published: Sequence[Fact], *, complete: bool) -> Iterator[Difference]:
    """Compare fired escalation steps. A clock with a published step may have fired more, missed together with it."""
    fired = {mark for mark in stored.fired if not mark.startswith(NOTICES)}
    events = {f"{_clock_key(fact)}:{fact.rung}" for fact in published if isinstance(fact, StepEvent)}
    clocks = {mark.rpartition(":")[0] for mark in events}
    for mark in sorted(events - fired):
        yield Difference(f"step {mark}", "not fired", "published")
    for mark in sorted(fired - events):
        if complete and mark.rpartition(":")[0] not in clocks:
            yield Difference(f"step {mark}", "fired", NEVER_PUBLISHED)


def _clock_key(fact: StepEvent) -> str:
    name = f"{fact.pack}/{fact.clock}" if fact.pack else fact.clock
    return f"{name}:{fact.item}:{fact.cycle}" if fact.item else f"{name}:{fact.cycle}"


def _compare_notices(stored: SlaState, published: Sequence[Fact], *, complete: bool) -> Iterator[Difference]:
    old = Counter(_notice_key(mark) for mark in stored.fired if mark.startswith(NOTICES))
    new = Counter(mark for fact in published if (mark := _notice_mark(fact)))
    for mark in sorted((old | new).keys()):
        yield from _compare_counts(mark, old[mark], new[mark], complete=complete)


def _notice_key(mark: str) -> str:
    """Return the part of a stored mark that its event has too: the event of a letter has neither clock nor cycle."""
    if not mark.startswith(LETTER):
        return mark
    key, _, letter = mark.removeprefix(LETTER).rpartition(":")
    return f"{LETTER}{key.partition('/')[0]}:{letter}"


def _notice_mark(fact: Fact) -> str | None:
    match fact:
        case sla.LetterDue():
            return f"{LETTER}{fact.pack}:{fact.letter}"
        case sla.SilenceNoticed():
            return f"{SILENCE}{seconds(fact.tried_at or fact.since)}"
        case sla.PromiseAtRisk():
            return f"{RISK}{fact.promise}:{fact.cause}"
    return None


def _compare_counts(what: str, stored: int, published: int, *, complete: bool) -> Iterator[Difference]:
    if stored < published or (complete and stored > published):
        yield Difference(what, _times("stored", stored), _times("published", published))


def _times(verb: str, number: int) -> str:
    return f"{verb} {number} times" if number > 1 else f"{verb} once" if number else f"never {verb}"

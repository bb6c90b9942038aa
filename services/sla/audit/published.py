"""Is what was decided once what sla itself said? Its own topic is the only witness for promises, extensions and rungs.

Dates that were told are never computed again, so no fold can prove them. Who alters one in the database has not altered
what went out. Not said, and so not to be compared: who refused an extension, and of rungs missed together all but one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from services.sla.domain import SlaState
from services.sla.domain.evaluation import LETTER, SILENCE
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import promise_statuses
from services.sla.domain.state import Promise
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import (
    ClockEscalated,
    ClockWarned,
    ExtensionRequested,
    LetterDue,
    PromiseAtRisk,
    PromiseMade,
    PromiseRevised,
    SilenceNoticed,
)

RISK = "risk:"
NOT_THERE, NOTHING = "not there", "nothing of it"


class Difference(NamedTuple):
    """Something that is stored otherwise than the events say."""

    what: str
    stored: object
    refolded: object


def unlike_said(stored: SlaState, said: Sequence[Fact], *, whole: bool = True) -> Iterator[Difference]:
    """Where the state and sla's own words differ. Not `whole`: its first words are gone, so silence proves nothing."""
    beyond = [one for one in stored.promises if not 0 < one.cycle <= len(cycles(stored.moments))]
    if beyond:
        yield from (Difference(f"promise {one.number}", f"of cycle {one.cycle}", "no such cycle") for one in beyond)
        return
    yield from _promises(stored, said, whole=whole)
    yield from _extensions(stored, said, whole=whole)
    yield from _rungs(stored, said, whole=whole)
    yield from _notices(stored, said, whole=whole)


def _promises(stored: SlaState, said: Sequence[Fact], *, whole: bool) -> Iterator[Difference]:
    ours = {one.number: one for one in stored.promises}
    theirs = {one.promise: one for one in said if isinstance(one, PromiseMade | PromiseRevised)}
    mute = {
        one.promise.number for one in promise_statuses(stored) if one.told_at is None and one.is_over
    }  # over when made
    for number in sorted(ours.keys() | theirs.keys()):
        mine, told = ours.get(number), theirs.get(number)
        if told is None:
            if mine is not None and whole and number not in mute:
                yield Difference(f"promise {number}", _worded(mine), NOTHING)
        elif mine is None or _differ(mine, told):
            yield Difference(f"promise {number}", _worded(mine) if mine else NOT_THERE, _worded(told))


def _differ(mine: Promise, told: PromiseMade | PromiseRevised) -> bool:
    if (mine.due_at, mine.subject, mine.item) != (told.due_at, told.subject, told.item):
        return True
    if isinstance(told, PromiseRevised):
        return (mine.reason or "") != told.reason
    return bool(mine.reason) or (mine.terms.policy, mine.terms.policy_version) != (told.policy, told.policy_version)


def _worded(one: Promise | PromiseMade | PromiseRevised) -> str:
    about = f"{one.subject} {one.item}".strip()
    if isinstance(one, PromiseMade):
        return f"{about} by {one.due_at.isoformat()}, policy {one.policy} {one.policy_version}"
    if isinstance(one, Promise) and not one.reason:
        return f"{about} by {one.due_at.isoformat()}, policy {one.terms.policy} {one.terms.policy_version}"
    return f"{about} by {one.due_at.isoformat()}, because of '{one.reason}'"


def _extensions(stored: SlaState, said: Sequence[Fact], *, whole: bool) -> Iterator[Difference]:
    ours = Counter(_asked(one) for one in stored.extensions)
    theirs = Counter(_asked(one) for one in said if isinstance(one, ExtensionRequested))
    for asked in sorted((ours | theirs).keys()):
        yield from _counted(
            f"extension of promise {asked[0]} until {asked[2]}", ours[asked], theirs[asked], whole=whole
        )
    moved = {one.due_at for one in said if isinstance(one, PromiseRevised)}
    for one in stored.extensions:
        if whole and one.approved and one.expected_at not in moved:
            yield Difference(f"extension of promise {one.promise}", f"approved by {one.by}", "no date that moved")


def _asked(one: Any) -> tuple[int, str, str, str, str]:
    return (one.promise, *(at.isoformat() for at in (one.asked_at, one.expected_at, one.limit_at)), one.reason)


def _rungs(stored: SlaState, said: Sequence[Fact], *, whole: bool) -> Iterator[Difference]:
    """Of rungs that one clock missed together the last was said: none is fired of a clock of which nothing was."""
    fired = {one for one in stored.fired if not one.startswith((LETTER, SILENCE, RISK))}
    rung = {f"{_key(one)}:{one.rung}" for one in said if isinstance(one, ClockWarned | ClockEscalated)}
    speaking = {one.rpartition(":")[0] for one in rung}
    for mark in sorted(rung - fired):
        yield Difference(f"rung {mark}", "not fired", "said")
    for mark in sorted(fired - rung):
        if whole and mark.rpartition(":")[0] not in speaking:
            yield Difference(f"rung {mark}", "fired", NOTHING)


def _key(one: ClockWarned | ClockEscalated) -> str:
    name = f"{one.pack}/{one.clock}" if one.pack else one.clock
    return f"{name}:{one.item}:{one.cycle}" if one.item else f"{name}:{one.cycle}"


def _notices(stored: SlaState, said: Sequence[Fact], *, whole: bool) -> Iterator[Difference]:
    ours = Counter(_noticed(one) for one in stored.fired if one.startswith((LETTER, SILENCE, RISK)))
    theirs = Counter(mark for one in said if (mark := _mark(one)))
    for mark in sorted((ours | theirs).keys()):
        yield from _counted(mark, ours[mark], theirs[mark], whole=whole)


def _noticed(mark: str) -> str:
    """What was said of a letter names neither its clock's kind nor the cycle."""
    if not mark.startswith(LETTER):
        return mark
    key, _, letter = mark.removeprefix(LETTER).rpartition(":")
    return f"{LETTER}{key.partition('/')[0]}:{letter}"


def _mark(one: Fact) -> str | None:
    match one:
        case LetterDue():
            return f"{LETTER}{one.pack}:{one.letter}"
        case SilenceNoticed():
            return f"{SILENCE}{seconds(one.tried_at or one.since)}"
        case PromiseAtRisk():
            return f"{RISK}{one.promise}:{one.cause}"
    return None


def _counted(what: str, ours: int, theirs: int, *, whole: bool) -> Iterator[Difference]:
    if ours < theirs or (whole and ours > theirs):
        yield Difference(what, _often("noted", ours), _often("said", theirs))


def _often(done: str, number: int) -> str:
    return f"{done} {number} times" if number > 1 else f"{done} once" if number else f"never {done}"

"""Golden dates: what somebody worked out by hand from a regulator's rule must be what we compute, or we do not start.

They are the proof that a pack means the rule it cites: eight weeks that were counted in business days fail here, not in
front of an ombudsman. A date is computed with the newest version of its calendar; where that gives another one, an
older version will do, because a holiday that was announced later does not make an old sum wrong.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.sla.calendar import Compiled, business_days_due
from services.sla.policies import ClockRule, Pack, Rulebook
from services.sla.policies.deadlines import GoalClock, instant_of, seconds
from services.sla.policies.pack import ClockExtension, Golden
from shared.errors import Misconfigured


class Wrong(NamedTuple):
    """A date that came out otherwise: what it is the date of, what was written, what we compute."""

    what: str
    expected: datetime
    got: datetime


def check(rulebook: Rulebook) -> None:
    """Recompute every golden date of every version of every pack.

    Raises `Misconfigured` for the first that differs, with pack, clock, start, expected and got.
    """
    for pack in rulebook.pack_versions.values():
        for golden in pack.golden:
            wrong = _wrong(pack, golden, rulebook)
            if wrong:
                raise Misconfigured(_sentence(pack, golden, wrong))


def proven(rulebook: Rulebook) -> None:
    """Whoever puts a legal limit in force has worked a date of it out. Only for what is new: what is published counts.

    Raises `Misconfigured` for the first pack that is current and states none for its final response.
    """
    for pack in rulebook.current.packs:
        kinds = {rule.kind for rule in pack.clocks} - {one.clock for one in pack.golden}
        if "regulatory_final" in kinds:
            raise Misconfigured(
                f"pack {pack.id!r} version {pack.version}: regulatory_final has no golden date; add a [[pack.golden]] "
                "with its start and due time, worked out by hand"
            )


def latest(rule: ClockRule, extension: ClockExtension, compiled: Compiled, due: int) -> int:
    """How far a due time may be extended: so many business days after it, ending as the clock's own days end."""
    if not extension.business_days:
        return due
    return business_days_due(compiled, due, extension.business_days, day_zero="receipt", ends=rule.goal.ends)


def _wrong(pack: Pack, golden: Golden, rulebook: Rulebook) -> Wrong | None:
    """What differs by the newest version of the calendar, unless some version of it agrees with all of it."""
    name = pack.rule(golden.clock).calendar or pack.calendar
    versions = [rulebook.calendars[key] for key in sorted(rulebook.calendars, reverse=True) if key[0] == name]
    found = None
    for compiled in versions:
        wrong = next(_differing(pack, golden, compiled), None)
        if wrong is None:
            return None
        found = found or wrong
    return found


def _differing(pack: Pack, golden: Golden, compiled: Compiled) -> Iterator[Wrong]:
    for what, expected, got in _dates(pack, golden, compiled):
        if seconds(expected) != got:
            yield Wrong(what, expected, instant_of(got).astimezone(compiled.calendar.zone))


def _dates(pack: Pack, golden: Golden, compiled: Compiled) -> Iterator[tuple[str, datetime, int]]:
    """Every date that a golden one states, with what we compute for it."""
    rule = pack.rule(golden.clock)
    course = GoalClock(rule.goal, compiled, seconds(golden.start))
    due = course.due()
    yield golden.clock, golden.due, due
    for letter in pack.letters:
        if letter.clock == rule.kind and letter.id in golden.letters:
            at = course.before_due(letter.lead, due)
            yield f"letter {letter.id!r} of {golden.clock}", golden.letters[letter.id], at
    for rung in rule.rungs:
        if rung.name in golden.rungs:
            yield f"rung {rung.name!r} of {golden.clock}", golden.rungs[rung.name], course.rung(rung)
    extension = pack.extension_of(rule.kind)
    if extension and golden.latest:
        yield f"extension of {golden.clock}", golden.latest, latest(rule, extension, compiled, due)


def _sentence(pack: Pack, golden: Golden, wrong: Wrong) -> str:
    return (
        f"pack {pack.id!r} version {pack.version}: golden date of {wrong.what} from {golden.start.isoformat()}: "
        f"expected {wrong.expected.isoformat()}, got {wrong.got.isoformat()} ({golden.why})"
    )

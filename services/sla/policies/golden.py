"""Golden dates: due times that a person computed by hand from a regulator's rule, compared with the computed ones.

They prove that a pack means the rule it cites. A pack whose eight weeks were written as business days, or a change of
the code that moves a legal date, fails here at the start of the service and not in a case at an ombudsman.

A date is computed with the newest version of its calendar. If that differs, an older version may confirm it instead: a
holiday that was announced later does not make an older computation wrong.
"""

from collections.abc import Iterator
from datetime import datetime

from services.sla.calendar import Compiled
from services.sla.policies import Pack, Rulebook
from services.sla.policies.deadlines import GoalClock, instant_of, latest, seconds
from services.sla.policies.pack import GoldenDate
from shared.errors import Misconfigured


def check_golden_dates(rulebook: Rulebook) -> None:
    """Compute every golden date of every version of every pack.

    Raises `Misconfigured` for the first that differs, with pack, clock, start, expected and computed time.
    """
    for pack in rulebook.pack_versions.values():
        for golden in pack.golden:
            name = pack.rule(golden.clock).calendar or pack.calendar
            newest, *older = (key for key in sorted(rulebook.calendars, reverse=True) if key[0] == name)
            difference = _difference(pack, golden, rulebook.calendars[newest])
            if difference and all(_difference(pack, golden, rulebook.calendars[key]) for key in older):
                raise Misconfigured(difference)


def require_golden_dates(rulebook: Rulebook) -> None:
    """Require a golden date for the final response of each current pack. For new rulebooks, not for published ones.

    Raises `Misconfigured` for the first current pack that has a clock `regulatory_final` without a golden date.
    """
    for pack in rulebook.current.packs:
        kinds = {rule.kind for rule in pack.clocks} - {golden.clock for golden in pack.golden}
        if "regulatory_final" in kinds:
            raise Misconfigured(
                f"pack {pack.id!r} version {pack.version}: regulatory_final has no golden date; add a [[pack.golden]] "
                "with its start and due time, computed by hand"
            )


def _difference(pack: Pack, golden: GoldenDate, compiled: Compiled) -> str | None:
    """Return the first difference with that version of the calendar as a sentence, or None if it confirms all."""
    for subject, expected, computed in _dates(pack, golden, compiled):
        if seconds(expected) != computed:
            at = instant_of(computed).astimezone(compiled.calendar.zone)
            return (
                f"pack {pack.id!r} version {pack.version}: golden date of {subject} from {golden.start.isoformat()}: "
                f"expected {expected.isoformat()}, got {at.isoformat()} ({golden.why})"
            )
    return None


def _dates(pack: Pack, golden: GoldenDate, compiled: Compiled) -> Iterator[tuple[str, datetime, int]]:
    """Yield subject, expected and computed time of each date in a golden date."""
    rule = pack.rule(golden.clock)
    clock = GoalClock(rule.goal, compiled, seconds(golden.start))
    due = clock.due()
    yield golden.clock, golden.due, due
    for letter in pack.letters:
        if letter.clock == rule.kind and letter.id in golden.letters:
            at = clock.before_due(letter.lead, due)
            yield f"letter {letter.id!r} of {golden.clock}", golden.letters[letter.id], at
    for step in rule.rungs:
        if step.name in golden.rungs:
            yield f"rung {step.name!r} of {golden.clock}", golden.rungs[step.name], clock.step_at(step)
    extension = pack.extension_of(rule.kind)
    if extension and golden.latest:
        yield f"extension of {golden.clock}", golden.latest, latest(rule, extension, compiled, due)

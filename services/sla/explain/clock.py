"""Why a date is what it is, in plain sentences: for handlers to read out, and for customers to read themselves.

Customers are told promises and what a regulator's rule gives them; our own targets are nobody's business but ours.
Sentences are English: other languages are notify's, and services know each other through contracts only.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from services.sla.calendar import Calendar
from services.sla.domain.clock_types import KINDS
from services.sla.domain.clocks import Clock
from services.sla.explain.counting import anew, hours, left, pauses, since, standing_still
from services.sla.explain.format import Look, Reader, fell_away, named, spoken, spoken_seconds, zone_for
from services.sla.explain.promise import because_promise
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from services.sla.policies.goal import format_duration
from services.sla.policies.pack import Pack

__all__ = ["Look", "Reader", "because_clock", "because_promise"]
CHANCE = "The chance passed; nothing was missed."


def because_clock(clock: Clock, rulebook: Rulebook, reader: Reader = "handler", look: Look | None = None) -> str:
    """The sentences behind a clock: goal, policy and calendar by version, and every pause and holiday that counted."""
    calendar = clock.charge.compiled.calendar
    zone = zone_for(reader, calendar, look)
    if reader == "customer":
        return " ".join(_for_customers(clock, zone, look))
    told = (_rule(clock, calendar), _moves(clock, rulebook), _counted(clock, look), _state(clock, look))
    return " ".join(sentence for part in told for sentence in part)


def _rule(clock: Clock, calendar: Calendar) -> Iterator[str]:
    goal, source, zone = clock.goal, clock.charge.source, calendar.zone
    where = " by the clock on the wall" if goal.unit == "wall" else f" on the calendar {named(calendar)}"
    rule = (
        f"the rules of {source.name} ({source.id} version {source.version}) apply"
        if isinstance(source, Pack)
        else f"policy '{source.id}' version {source.version} applies"
    )
    yield (
        f"{KINDS[clock.kind].label}{_about(clock)} is due within {goal.text}{'' if goal.unit == 'at' else where}, "
        f"counted from {spoken(clock.started_at, zone)}{anew(clock)}, because {rule}"
        + (" as long as triage has not spoken." if clock.provisional else ".")
    )
    if isinstance(source, Pack):
        cited = source.source_of(clock.kind)
        yield f"Source: {cited.title}{', ' + cited.paragraph if cited.paragraph else ''}."
    if clock.under.why == "triage" and clock.cycle == 1:
        yield f"It came under it when triage had read the complaint, {spoken(clock.under.at, zone)}."


def _about(clock: Clock) -> str:
    return f" ({clock.item})" if clock.item else ""


def _moves(clock: Clock, rulebook: Rulebook) -> Iterator[str]:
    under = clock.under
    revision = rulebook.revisions.get(under.terms.revision)
    if under.why == "rebase" and revision is not None:
        rest = under.mode == "rebase_remaining"
        kept = f"what was left of it{left(clock)}" if rest else "everything that had counted before"
        reason = f", because of '{revision.reason}'" if revision.reason else ""
        at = spoken(under.at, clock.charge.compiled.calendar.zone)
        yield f"Revision {revision.number} of the rulebook moved it {at}{reason}, keeping {kept}."


def _counted(clock: Clock, look: Look | None) -> Iterator[str]:
    zone = clock.charge.compiled.calendar.zone
    yield from pauses(clock, zone, look)
    yield from hours(clock, zone, clock.due_at or (clock.forecast(look.at) if look else None))
    if clock.phase == "paused":
        yield from standing_still(clock, zone, look)
    elif clock.due_at is not None:
        yield f"So it {'was' if clock.ended_at else 'is'} due {spoken(clock.due_at, zone)}."


def _state(clock: Clock, look: Look | None) -> Iterator[str]:
    if _is_chance_gone(clock):
        yield CHANCE
        return
    if clock.breached and clock.due_at is not None and clock.ended_at is not None:
        late = format_duration(clock.ended_at - clock.due_at)
        opening = spoken_seconds(clock.course.compiled.elapsed(seconds(clock.due_at), seconds(clock.ended_at)))
        yield f"It was missed by {late} ({opening} of opening time)."
    elif clock.breached:
        yield "It was missed."
    if clock.phase == "cancelled":
        yield fell_away(look, clock.ended_at)


def _is_chance_gone(clock: Clock) -> bool:
    """What may be done in time and was not: over at its due time, before anything else ended it."""
    if not KINDS[clock.kind].chance or clock.due_at is None:
        return False
    return clock.breached or (clock.phase == "cancelled" and _ended_by(clock, clock.due_at))


def _ended_by(clock: Clock, due_at: datetime) -> bool:
    return clock.ended_at is not None and clock.ended_at >= due_at


def _for_customers(clock: Clock, zone: ZoneInfo, look: Look | None) -> Iterator[str]:
    if clock.obligation != "regulatory" or clock.due_at is None:
        return
    what = f"{KINDS[clock.kind].label.lower()}{_about(clock)}"
    yield (
        f"Under the rules that apply to us ({clock.charge.source.name}), {what} "
        f"{'was' if clock.ended_at else 'is'} due by {spoken(clock.due_at, zone)}: {clock.goal.text} from "
        f"{spoken(clock.started_at, zone)}, {since(clock)}."
    )
    yield from hours(clock, zone, clock.due_at)
    if _is_chance_gone(clock):
        yield CHANCE
    elif clock.breached:
        yield "We missed it."
    elif clock.phase == "cancelled":
        yield fell_away(look, clock.ended_at)
    elif clock.phase == "stopped" and clock.ended_at is not None:
        yield f"It was done on {spoken(clock.ended_at, zone)}."

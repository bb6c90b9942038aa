"""Refuses what a calendar could never come to: a budget that it is not open for in ten years has no due date."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.sla.calendar import Calendar
from services.sla.policies.goal import YEARS_MAX, Goal, iso_span
from services.sla.policies.model import Policy
from services.sla.policies.pack import Pack
from services.sla.policies.rule import ClockRule, EscalationStep
from shared.errors import Rejected

_WEEKS = 53 * YEARS_MAX


class Demand(NamedTuple):
    """So much opening time, or so many open dates, and who asks for it."""

    what: str
    calendar: str
    seconds: int = 0
    dates: int = 0


def refuse_never_due(source: Policy | Pack, calendars: Mapping[str, Calendar]) -> None:
    """Raises `Rejected` naming the first goal, rung, buffer or lead that its calendar is never open for."""
    for one in _wanted(source):
        seconds, dates = _most(calendars[one.calendar])
        if one.seconds > seconds or one.dates > dates:
            hours = f"{one.seconds // 3600} hours of opening time"
            given = f"{one.dates} business days" if one.dates else hours
            kind = "policy" if isinstance(source, Policy) else "pack"
            raise Rejected(
                f"{kind} {source.id!r}: {one.what}: {given} are more than calendar {one.calendar!r} has in "
                f"{YEARS_MAX} years; expected less, or a calendar that opens more"
            )


def _most(calendar: Calendar) -> tuple[int, int]:
    """More than it can be open in ten years, in seconds and in dates: whatever the week and every named date say."""
    weekly = [spans for spans in calendar.weekly_hours.values() if spans]
    yearly = [one.hours for one in calendar.holidays if one.hours and one.on[0] == "*"]
    dated = [one.hours for one in calendar.holidays if one.hours and one.on[0] != "*"]
    dated += [one.hours for one in calendar.extra_openings]
    counted = ((weekly, _WEEKS), (yearly, YEARS_MAX + 1), (dated, 1))
    seconds = sum(times * (end - start) for days, times in counted for spans in days for start, end in spans)
    return seconds, sum(times * len(days) for days, times in counted)


def _wanted(source: Policy | Pack) -> Iterator[Demand]:
    for rule in source.clocks:
        name = _calendar(source, rule)
        yield from _of_goal(rule.kind, name, rule.goal)
        for rung in rule.rungs:
            yield Demand(f"{rule.kind}: rung {rung.name}", name, _of_rung(rung))
    if isinstance(source, Policy):
        name = _calendar(source, source.rule(source.promise.clock))
        yield Demand("promise: buffer", name, int(source.promise.buffer.total_seconds()))
        return
    for letter in source.letters:
        yield from _of_goal(f"letter {letter.id}", _calendar(source, source.rule(letter.clock)), letter.lead)


def _calendar(source: Policy | Pack, rule: ClockRule) -> str:
    return rule.calendar or source.calendar


def _of_goal(what: str, calendar: str, goal: Goal) -> Iterator[Demand]:
    if goal.business is not None:
        yield Demand(f"{what}: {iso_span(goal.business)}", calendar, int(goal.business.total_seconds()))
    if goal.business_days is not None:
        yield Demand(what, calendar, dates=goal.business_days)


def _of_rung(rung: EscalationStep) -> int:
    """Opening time from the due time to its last repetition."""
    if rung.counted == "wall":
        return 0
    spans = [rung.before, rung.after, *([rung.every] * (rung.at_most - 1))]
    return int(sum(span.total_seconds() for span in spans if span is not None))

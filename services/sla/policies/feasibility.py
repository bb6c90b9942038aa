"""Check that each goal can become due: its calendar must have enough opening time.

A goal of 2,000 hours on a calendar that opens one hour a week would be due in 38 years; a buffer of 5 business days on
a calendar that lists three single openings has no due time at all. Computing such a due time would extend the horizon
to the last year and fail there, in the middle of handling an event. So a rulebook with such a goal is refused.

The check needs no compiled calendar. It compares the demand of each goal with an upper bound of what the calendar can
offer in ten years: every week of the pattern, each yearly entry in each year, each dated entry once. Holidays only
reduce this, so a demand above the bound can never be met; a demand below it is accepted.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.sla.calendar import Calendar
from services.sla.policies.goal import YEARS_MAX, Goal, iso_duration
from services.sla.policies.model import Policy
from services.sla.policies.pack import Pack
from services.sla.policies.rule import EscalationStep
from shared.errors import Rejected

_WEEKS = 53 * YEARS_MAX


class Demand(NamedTuple):
    """Opening time in seconds, or open dates, that a field requires of a calendar."""

    field: str
    calendar: str
    seconds: int = 0
    dates: int = 0


def refuse_never_due(source: Policy | Pack, calendars: Mapping[str, Calendar]) -> None:
    """Raise `Rejected` with the first goal, escalation step, buffer or lead that its calendar can never meet."""
    for demand in _demands(source):
        seconds, dates = _upper_bound(calendars[demand.calendar])
        if demand.seconds > seconds or demand.dates > dates:
            hours = f"{demand.seconds // 3600} hours of opening time"
            amount = f"{demand.dates} business days" if demand.dates else hours
            raise Rejected(
                f"{source.section} {source.id!r}: {demand.field}: {amount} are more than calendar "
                f"{demand.calendar!r} has in {YEARS_MAX} years; expected less, or a calendar that opens more"
            )


def _upper_bound(calendar: Calendar) -> tuple[int, int]:
    """Return the most opening time in seconds, and the most open dates, that ten years can have."""
    weekly = [spans for spans in calendar.weekly_hours.values() if spans]
    yearly = [holiday.hours for holiday in calendar.yearly.values() if holiday.hours]
    dated = [holiday.hours for holiday in calendar.dated.values() if holiday.hours]
    dated += [opening.hours for opening in calendar.extra_openings]
    counted = ((weekly, _WEEKS), (yearly, YEARS_MAX + 1), (dated, 1))
    seconds = sum(times * (end - start) for days, times in counted for spans in days for start, end in spans)
    return seconds, sum(times * len(days) for days, times in counted)


def _demands(source: Policy | Pack) -> Iterator[Demand]:
    calendars = {rule.kind: rule.calendar or source.calendar for rule in source.clocks}
    for rule in source.clocks:
        name = calendars[rule.kind]
        yield from _demands_of_goal(rule.kind, name, rule.goal)
        for step in rule.rungs:
            yield Demand(f"{rule.kind}: rungs: {step.name}", name, _opening_time_of_step(step))
    if isinstance(source, Policy):
        promise = source.promise
        yield Demand("promise: buffer", calendars[promise.clock], int(promise.buffer.total_seconds()))
        return
    for letter in source.letters:
        yield from _demands_of_goal(f"letter {letter.id}", calendars[letter.clock], letter.lead)


def _demands_of_goal(field: str, calendar: str, goal: Goal) -> Iterator[Demand]:
    if goal.business is not None:
        yield Demand(f"{field}: {iso_duration(goal.business)}", calendar, int(goal.business.total_seconds()))
    if goal.business_days is not None:
        yield Demand(field, calendar, dates=goal.business_days)


def _opening_time_of_step(step: EscalationStep) -> int:
    """Return the opening time in seconds between the due time and the last repetition of the step."""
    if step.counted == "wall":
        return 0
    spans = [step.before, step.after, *([step.every] * (step.at_most - 1))]
    return int(sum(span.total_seconds() for span in spans if span is not None))

"""Calendars with the same hours up to a due time have the same due time, whatever differs later."""

from datetime import date, timedelta
from random import Random

import pytest

from services.sla.calendar import Calendar, Compiled, Holiday, Opening, business_days_due, have_same_hours
from services.sla.calendar.clocktime import UNIX_ORDINAL
from services.sla.calendar.diff import differing_dates
from shared.errors import Rejected
from tests.properties.calendars_random import DAY, RULES, era, full

PAIRS = 1_500


def change(rng: Random, calendar: Calendar, around: date) -> Calendar:
    """Return the next version, with one change: a closed day, other hours, an extra opening, or one holiday less."""
    day = around + timedelta(days=rng.randint(-12, 12))
    hours = rng.choice(((), ((9 * 3600, 12 * 3600),), ((20 * 3600, 30 * 3600),)))
    others = tuple(holiday for holiday in calendar.holidays if holiday.on != str(day))
    choice = rng.randrange(3)
    if choice == 0:
        holiday = Holiday(on=str(day), hours=hours, rule=rng.choice(RULES))
        return calendar.model_copy(update={"version": 2, "holidays": (*others, holiday)})
    if choice == 1:
        opening = Opening(on=day, hours=((10 * 3600, 11 * 3600),))
        return calendar.model_copy(update={"version": 2, "extra_openings": (*calendar.extra_openings, opening)})
    return calendar.model_copy(update={"version": 2, "holidays": calendar.holidays[1:]})


def revalidate(calendar: Calendar) -> Calendar:
    """Return the calendar validated again, without cached properties of the calendar it was copied from."""
    return Calendar.model_validate(calendar.model_dump())


def due_times(compiled: Compiled, start: int, span: int, days: int) -> list[int]:
    """By opening seconds, and by business days with either end and either day zero."""
    return [
        compiled.add(start, span),
        business_days_due(compiled, start, days),
        business_days_due(compiled, start, days, ends="midnight", day_zero="receipt"),
    ]


def test_the_same_hours_give_the_same_due_times() -> None:
    rng, equal, differing = Random(), 0, 0
    for number in range(PAIRS):
        around = era(rng)
        old = full(rng, around)
        try:
            new = revalidate(change(rng, old, around))
            old_compiled, new_compiled = (Compiled(each, around=around) for each in (old, new))
        except (Rejected, ValueError):
            continue  # closed for too long, or an opening over another
        start = (around.toordinal() - UNIX_ORDINAL) * DAY + rng.randint(-15 * DAY, 15 * DAY)
        span, days = rng.randint(1, 30 * 3600), rng.randint(1, 8)
        for before, after in zip(
            due_times(old_compiled, start, span, days), due_times(new_compiled, start, span, days), strict=True
        ):
            if have_same_hours(old_compiled, new_compiled, start, before):
                equal += 1
                assert before == after, (number, old, new, start, span, days)
            else:
                differing += before != after
    assert equal > PAIRS // 4
    assert differing > PAIRS // 4


@pytest.mark.parametrize(
    "changes", [{"tz": "Europe/Oslo"}, {"weekly_hours": {"tue": ((0, DAY),)}}, {"holiday_rule": "shift_start"}]
)
def test_calendars_whose_weeks_differ_never_have_the_same_hours(changes: dict[str, object]) -> None:
    week = {"mon": ((9 * 3600, 17 * 3600),)}
    old = Calendar(id="office", version=1, tz="Europe/London", weekly_hours=week, holiday_rule="civil_day")
    new = revalidate(old.model_copy(update=changes))
    old_compiled, new_compiled = (Compiled(each, around=date(2026, 11, 1)) for each in (old, new))
    assert differing_dates(old_compiled, new_compiled) is None
    assert not have_same_hours(old_compiled, new_compiled, 1_793_000_000, 1_793_000_001)
    assert have_same_hours(old_compiled, old_compiled, 0, 1)


def test_a_holiday_on_a_closed_day_differs_if_it_cuts_the_night_before() -> None:
    nights = {"sat": ((22 * 3600, 30 * 3600),)}
    old = Calendar(id="nights", version=1, tz="UTC", weekly_hours=nights, holiday_rule="civil_day")
    new = revalidate(old.model_copy(update={"holidays": (Holiday(on="2026-11-08"),)}))  # a Sunday
    old_compiled, new_compiled = (Compiled(each, around=date(2026, 11, 1)) for each in (old, new))
    assert differing_dates(old_compiled, new_compiled) == [date(2026, 11, 8).toordinal()]

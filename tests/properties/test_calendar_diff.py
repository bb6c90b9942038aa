"""Calendars that are alike up to a due time come to the same one, whatever they say of later days."""

from datetime import date, timedelta
from random import Random

import pytest

from services.sla.calendar import Calendar, Compiled, Holiday, Opening, business_days_due, have_same_hours
from services.sla.calendar.clocktime import UNIX_ORDINAL
from services.sla.calendar.diff import differing_dates
from shared.errors import Rejected
from tests.properties.calendars_random import DAY, RULES, era, full

PAIRS = 1_500


def changed(rng: Random, calendar: Calendar, around: date) -> Calendar:
    """The next version: a day more closed, with other hours or with an extra opening, or one holiday less."""
    day = around + timedelta(days=rng.randint(-12, 12))
    hours = rng.choice(((), ((9 * 3600, 12 * 3600),), ((20 * 3600, 30 * 3600),)))
    others = tuple(one for one in calendar.holidays if one.on != str(day))
    what = rng.randrange(3)
    if what == 0:
        holiday = Holiday(on=str(day), hours=hours, rule=rng.choice(RULES))
        return calendar.model_copy(update={"version": 2, "holidays": (*others, holiday)})
    if what == 1:
        opening = Opening(on=day, hours=((10 * 3600, 11 * 3600),))
        return calendar.model_copy(update={"version": 2, "extra_openings": (*calendar.extra_openings, opening)})
    return calendar.model_copy(update={"version": 2, "holidays": calendar.holidays[1:]})


def fresh(calendar: Calendar) -> Calendar:
    """Checked as if written, with nothing remembered of the calendar that it was copied from."""
    return Calendar.model_validate(calendar.model_dump())


def dues(compiled: Compiled, start: int, span: int, days: int) -> list[int]:
    """By opening seconds, and by business days with either end and either day zero."""
    return [
        compiled.add(start, span),
        business_days_due(compiled, start, days),
        business_days_due(compiled, start, days, ends="midnight", day_zero="receipt"),
    ]


def test_what_is_alike_is_due_at_the_same_time() -> None:
    rng, alikes, differing = Random(), 0, 0
    for number in range(PAIRS):
        around = era(rng)
        old = full(rng, around)
        try:
            new = fresh(changed(rng, old, around))
            one, other = (Compiled(each, around=around) for each in (old, new))
        except (Rejected, ValueError):
            continue  # closed for too long, or an opening over another
        start = (around.toordinal() - UNIX_ORDINAL) * DAY + rng.randint(-15 * DAY, 15 * DAY)
        span, days = rng.randint(1, 30 * 3600), rng.randint(1, 8)
        for before, after in zip(dues(one, start, span, days), dues(other, start, span, days), strict=True):
            if have_same_hours(one, other, start, before):
                alikes += 1
                assert before == after, (number, old, new, start, span, days)
            else:
                differing += before != after
    assert alikes > PAIRS // 4
    assert differing > PAIRS // 4


@pytest.mark.parametrize(
    "changes", [{"tz": "Europe/Oslo"}, {"weekly_hours": {"tue": ((0, DAY),)}}, {"holiday_rule": "shift_start"}]
)
def test_where_every_week_may_differ_nothing_is_alike(changes: dict[str, object]) -> None:
    week = {"mon": ((9 * 3600, 17 * 3600),)}
    old = Calendar(id="office", version=1, tz="Europe/London", weekly_hours=week, holiday_rule="civil_day")
    new = fresh(old.model_copy(update=changes))
    assert differing_dates(old, new) is None
    one, other = (Compiled(each, around=date(2026, 11, 1)) for each in (old, new))
    assert not have_same_hours(one, other, 1_793_000_000, 1_793_000_001)
    assert have_same_hours(one, one, 0, 1)


def test_a_holiday_on_a_closed_day_counts_where_it_cuts_the_night_before() -> None:
    nights = {"sat": ((22 * 3600, 30 * 3600),)}
    old = Calendar(id="nights", version=1, tz="UTC", weekly_hours=nights, holiday_rule="civil_day")
    new = fresh(old.model_copy(update={"holidays": (Holiday(on="2026-11-08"),)}))  # a Sunday
    assert differing_dates(old, new) == [date(2026, 11, 8).toordinal()]

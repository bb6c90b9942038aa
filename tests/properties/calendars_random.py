"""Random calendars, thousands per second; hypothesis draws a hundred times slower."""

from datetime import date, timedelta
from random import Random

from services.sla.calendar import Calendar, Holiday, Opening
from services.sla.calendar.model import WEEKDAYS

DAY = 86_400
WEEK = 7 * DAY
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Belgrade",
    "America/New_York",
    "America/Los_Angeles",
    "America/Havana",  # changes its clocks at midnight
    "America/Sao_Paulo",  # skipped midnight itself, in the southern spring
    "America/Santiago",
    "America/St_Johns",  # half past, and until 2011 one minute past midnight
    "Africa/Cairo",  # skips midnight
    "Africa/Casablanca",  # summer time interrupted by Ramadan
    "Asia/Kathmandu",  # a quarter to
    "Asia/Tehran",
    "Asia/Jakarta",
    "Asia/Ho_Chi_Minh",
    "Australia/Sydney",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Auckland",
    "Pacific/Chatham",  # a quarter to, and summer time
    "Pacific/Apia",  # skipped 30 December 2011
    "Antarctica/Troll",  # two hours of summer time
)
ERAS = (
    date(2007, 10, 28),
    date(2011, 3, 20),
    date(2011, 12, 28),
    date(2018, 11, 1),
    date(2026, 3, 15),
    date(2026, 10, 20),
    date(2033, 4, 3),
)
RULES = (None, None, "civil_day", "shift_start")
Shifts = list[tuple[int, int]]


def era(rng: Random) -> date:
    """Draw a day near a change of clocks in some zone."""
    return rng.choice(ERAS) + timedelta(days=rng.randint(-10, 10))


def plain(rng: Random, around: date, *, step: int = 1) -> Calendar:
    """Draw weekly hours and closed civil days, which the other library supports too."""
    holidays = tuple(Holiday(on=str(day)) for day in _days(rng, around, rng.randint(0, 4)))
    return _calendar(rng, step, "civil_day", holidays, ())


def full(rng: Random, around: date, *, step: int = 300) -> Calendar:
    """Draw a calendar with all features: both rules, replacement hours, yearly holidays, extra openings."""
    closed = [Holiday(on=str(day), rule=rng.choice(RULES)) for day in _days(rng, around, rng.randint(0, 3))]
    instead = [
        Holiday(on=str(day), hours=tuple(_spans(rng, step)), rule=rng.choice(RULES))
        for day in _days(rng, around, rng.randint(0, 2))
    ]
    yearly = [Holiday(on=f"*{day:-%m-%d}") for day in _days(rng, around, rng.randint(0, 1))]
    holidays = {holiday.on: holiday for holiday in [*closed, *instead, *yearly]}
    extra = tuple(Opening(on=day, hours=tuple(_spans(rng, step))) for day in _days(rng, around, rng.randint(0, 2)))
    return _calendar(rng, step, rng.choice(("civil_day", "shift_start")), tuple(holidays.values()), extra)


def _calendar(rng: Random, step: int, rule: str, holidays: tuple[Holiday, ...], extra: tuple[Opening, ...]) -> Calendar:
    return Calendar(
        id="random",
        version=1,
        tz=rng.choice(ZONES),
        weekly_hours=_week(rng, step),
        holiday_rule=rule,
        holidays=holidays,
        extra_openings=extra,
    )


def _days(rng: Random, around: date, count: int) -> set[date]:
    return {around + timedelta(days=rng.randint(-12, 12)) for _ in range(count)}


def _spans(rng: Random, step: int) -> Shifts:
    """Draw one or two intervals of a date, the last possibly over midnight."""
    cuts = sorted(rng.sample(range(0, 36 * 3600, step), 4))
    return [(a, b) for a, b in ((cuts[0], cuts[1]), (cuts[2], cuts[3])) if a < DAY][: rng.randint(1, 2)] or [(0, DAY)]


def _week(rng: Random, step: int) -> dict[str, tuple[tuple[int, int], ...]]:
    """Draw one to twelve disjoint shifts of at most sixteen hours: by day, over midnight, up to it, or whole days."""
    count, whole = rng.randint(1, 12), WEEK // step
    drawn = sorted((rng.randrange(whole), rng.randint(1, 16 * 3600 // step)) for _ in range(count))
    if rng.random() < 0.3:
        drawn = sorted([*drawn, *((day * DAY // step, DAY // step) for day in rng.sample(range(7), 2))])
    hours: dict[str, Shifts] = {}
    end = max(0, *(start + length - whole for start, length in drawn))  # what runs over into Monday
    for start, length in drawn:
        if start < end:
            continue
        end = start + length
        first = start * step % DAY
        last = DAY if rng.random() < 0.2 and first + length * step > DAY else first + length * step
        hours.setdefault(WEEKDAYS[start * step // DAY], []).append((first, last))
    return {day: tuple(spans) for day, spans in (hours or {"mon": [(0, DAY)]}).items()}

"""Ten thousand random calendars against two references that share no code with ours, and not one difference.

One reference is a line of flags, one for each five minutes, painted by hand and counted one by one; it knows everything
a calendar can say. The other is workclock, another library. Its conventions, and where ours are set to the same:

    a budget that ends at closing time    due at closing time, as ours
    taking away                           the latest such instant, as `Compiled.add` of a negative number
    elapsed time                          signed and real, a 25-hour Sunday has 25, as ours
    a holiday                             closes its civil day and cuts night shifts: holiday_rule = civil_day
    replacement hours, extra openings     cannot be said; calendars for it are drawn without

Every run draws other cases; REDRESS_SEED repeats one.
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random, SystemRandom

import workclock

from services.sla.calendar import Calendar, Compiled, business_days_due, count_business_days
from services.sla.calendar.model import WEEKDAYS
from tests.properties.calendars_random import DAY, era, full, plain
from tests.properties.calendars_reference import SLOT, WINDOW, Slots, utc

SEED = int(os.environ.get("REDRESS_SEED") or SystemRandom().randrange(2**32))
CALENDARS, SPANS = 10_000, 3
Difference = tuple[str, object, object]


def by_hand(rng: Random) -> Iterator[Difference]:
    """Every answer of one calendar, ours and counted."""
    around = era(rng)
    calendar = full(rng, around)
    slots = Slots(calendar, around - timedelta(days=rng.randint(2, WINDOW - 2)))
    compiled = Compiled(calendar, around=around, years=2)
    for _ in range(SPANS):
        at, other = (rng.randrange(slots.start, slots.end) for _ in range(2))
        if rng.random() < 0.3:
            at -= at % SLOT  # on an opening or a closing, more often than by chance
        seconds = rng.choice((1, SLOT, 3600, DAY, 5 * DAY)) * rng.randint(1, 12)
        yield "elapsed", compiled.elapsed(at, other), slots.level(other) - slots.level(at)
        yield "is_open", compiled.is_open(at), slots.is_open(at)
        if (due := slots.add(at, seconds)) is not None:
            yield "add", compiled.add(at, seconds), due
        if (before := slots.subtract(at, seconds)) is not None:
            yield "subtract", compiled.add(at, -seconds), before


def as_workclock(calendar: Calendar) -> workclock.Schedule:
    def clock(seconds: int) -> time:
        return (datetime(2000, 1, 1) + timedelta(seconds=seconds % DAY)).time()  # noqa: DTZ001

    shifts = [
        workclock.WorkDay(clock(start), clock(end), [WEEKDAYS.index(day)])
        for day, spans in calendar.weekly_hours.items()
        for start, end in spans
    ]
    closed = workclock.Holidays([date.fromisoformat(holiday.on) for holiday in calendar.holidays])
    return workclock.Schedule([*shifts, closed], time_zone=calendar.tz)


def by_workclock(rng: Random) -> Iterator[Difference]:
    """Every answer of one calendar, ours and theirs; budgets up to twenty weeks of work."""
    around = era(rng)
    calendar = plain(rng, around)
    schedule, compiled = as_workclock(calendar), Compiled(calendar, around=around, years=2)
    middle = utc(calendar, around, 0)
    weekly = sum(end - start for spans in calendar.weekly_hours.values() for start, end in spans)
    for _ in range(SPANS):
        start = middle + rng.randint(-20 * DAY, 20 * DAY)
        seconds = rng.randint(1, rng.choice((3600, weekly, 20 * weekly)))
        at, budget = datetime.fromtimestamp(start, UTC), timedelta(seconds=seconds)
        yield "add", compiled.add(start, seconds), schedule.add(at, budget).timestamp()
        yield "subtract", compiled.add(start, -seconds), schedule.sub(at, budget).timestamp()
        yield "elapsed", compiled.elapsed(start, start + seconds), schedule.between(at, at + budget).total_seconds()


def by_dates(rng: Random) -> Iterator[Difference]:
    """Business days, ours and by walking from date to date and asking what is written down for each."""
    around = era(rng)
    calendar = full(rng, around)
    compiled, days = Compiled(calendar, around=around, years=2), rng.randint(1, 15)
    received = utc(calendar, around, rng.randrange(-5 * DAY, 5 * DAY))
    cutoff = rng.choice((None, time(rng.randint(0, 23))))
    local = datetime.fromtimestamp(received, calendar.zone)
    late = cutoff is not None and local.time() >= cutoff

    def is_open(day: date) -> bool:
        return any(True for _ in calendar.shifts_on(day.toordinal()))

    def next_open(day: date) -> date:
        while not is_open(day):
            day += timedelta(days=1)
        return day

    for day_zero in ("open", "receipt"):
        day = local.date() + timedelta(days=late)
        if late or day_zero == "open":
            day = next_open(day)
        zero, dates = day, []
        for _ in range(days):
            dates.append(next_open((dates[-1] if dates else day) + timedelta(days=1)))
        counted = count_business_days(compiled, received, days, cutoff=cutoff, day_zero=day_zero)
        yield day_zero, counted, (zero, tuple(dates))
        midnight = business_days_due(compiled, received, days, cutoff=cutoff, day_zero=day_zero, ends="midnight")
        yield "midnight", midnight, utc(calendar, dates[-1] + timedelta(days=1), 0) - 1
        closing = max(end for _, end in calendar.shifts_on(dates[-1].toordinal()))
        due = business_days_due(compiled, received, days, cutoff=cutoff, day_zero=day_zero)
        yield "close", due, compiled.last_close(utc(calendar, dates[-1], closing))


def compare(judge, calendars: int) -> int:
    """Return the number of compared results; fail with the first differences and the seed that repeats them."""
    differences, count = [], 0
    for number in range(calendars):
        for what, actual, expected in judge(Random(f"{SEED} {judge.__name__} {number}")):
            count += 1
            if actual != expected:
                differences.append((number, what, actual, expected))
    assert not differences, f"{len(differences)} differ; REDRESS_SEED={SEED} shows {differences[:3]}"
    return count


def test_every_result_equals_counting_by_hand() -> None:
    count = compare(by_hand, CALENDARS)
    sys.stdout.write(f"\n{CALENDARS:,} calendars, {count:,} answers counted by hand, 0 differences\n")
    assert count > CALENDARS * SPANS * 3


def test_every_result_equals_the_one_of_workclock() -> None:
    count = compare(by_workclock, CALENDARS)
    sys.stdout.write(f"\n{CALENDARS:,} calendars, {count:,} answers of workclock, 0 differences\n")
    assert count == CALENDARS * SPANS * 3


def test_business_days_equal_counting_date_by_date() -> None:
    count = compare(by_dates, CALENDARS // 5)
    sys.stdout.write(f"\n{CALENDARS // 5:,} calendars, {count:,} dates, 0 differences\n")
    assert count == CALENDARS // 5 * 6

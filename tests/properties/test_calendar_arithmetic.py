"""The compiled calendar against two references that share no code with it: minutes counted one by one, and workclock."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate

import pytest
import workclock
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

from services.sla.calendar import Calendar, Compiled, Holiday, Opening
from services.sla.calendar.weekly import WEEKDAYS
from shared.errors import Rejected

ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Belgrade",
    "America/New_York",
    "America/Havana",  # changes its clocks at midnight
    "Africa/Cairo",  # skips midnight itself
    "Africa/Casablanca",  # summer time interrupted by Ramadan
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",
    "Asia/Jakarta",
    "Asia/Ho_Chi_Minh",
    "Pacific/Apia",
    "America/St_Johns",
)
AROUND = date(2026, 3, 1)
DAY = 86_400
WEEK = 7 * DAY
CALENDARS, SPANS = 105, 20  # 2,100 additions, subtractions and elapsed times against workclock


@st.composite
def weeks(draw: st.DrawFn, *, step: int) -> dict[str, tuple[tuple[int, int], ...]]:
    """Disjoint intervals, some over midnight, in multiples of `step` seconds."""
    hours: dict[str, list[tuple[int, int]]] = {}
    shifts = draw(
        st.lists(
            st.tuples(st.integers(0, WEEK // step - 1), st.integers(1, 16 * 3600 // step)), min_size=1, max_size=12
        )
    )
    end = max(0, *(start + length - WEEK // step for start, length in shifts))  # what runs over into Monday
    for start, length in sorted(shifts):
        if start < end:
            continue
        end = start + length
        first = start * step % DAY
        hours.setdefault(WEEKDAYS[start * step // DAY], []).append((first, first + length * step))
    whole = {"mon": [(0, DAY)]}
    return {day: tuple(spans) for day, spans in (hours or whole).items()}


def calendars(*, step: int, rules: tuple[str, ...] = ("civil_day", "shift_start")) -> st.SearchStrategy[Calendar]:
    dates = st.integers(-20, 40).map(lambda days: AROUND + timedelta(days=days))
    spans = st.tuples(st.integers(0, DAY // step - 1), st.integers(1, DAY // step)).map(
        lambda pair: ((pair[0] * step, (pair[0] + pair[1]) * step),)
    )
    holidays = st.lists(
        st.builds(Holiday, on=dates.map(str), hours=st.one_of(st.just(()), spans)), max_size=4, unique_by=lambda h: h.on
    )
    return st.builds(
        Calendar,
        id=st.just("random"),
        version=st.just(1),
        tz=st.sampled_from(ZONES),
        weekly_hours=weeks(step=step),
        holiday_rule=st.sampled_from(rules),
        holidays=holidays.map(tuple),
        extra_openings=st.lists(st.builds(Opening, on=dates, hours=spans), max_size=2).map(tuple),
    )


def utc(calendar: Calendar, day: date, seconds: int) -> int:
    local = datetime.combine(day, time(0)) + timedelta(seconds=seconds)
    return int(local.replace(tzinfo=calendar.zone).astimezone(UTC).timestamp())


class Minutes:
    """A calendar as one flag a minute, filled by hand, counted one by one."""

    def __init__(self, calendar: Calendar, first: date, days: int) -> None:
        self.start = utc(calendar, first, 0)
        self.flags = bytearray((utc(calendar, first + timedelta(days=days), 0) - self.start) // 60)
        dates = [first + timedelta(days=n) for n in range(-3, days + 1)]
        for day in dates:
            if calendar.holiday_rule == "civil_day" or not calendar.holiday_on(day.toordinal()):
                self.paint(calendar, day, calendar.weekly_hours.get(WEEKDAYS[day.weekday()], ()), 1)
        for day in dates:
            if calendar.holiday_rule == "civil_day" and calendar.holiday_on(day.toordinal()):
                self.paint_between(utc(calendar, day, 0), utc(calendar, day + timedelta(days=1), 0), 0)
        for day in dates:
            holiday = calendar.holiday_on(day.toordinal())
            self.paint(calendar, day, holiday.hours if holiday else (), 1)
            for opening in calendar.extra_openings:
                self.paint(calendar, day, opening.hours if opening.on == day else (), 1)
        self.counted = [0, *accumulate(self.flags)]

    def paint(self, calendar: Calendar, day: date, spans: tuple[tuple[int, int], ...], flag: int) -> None:
        for start, end in spans:
            self.paint_between(utc(calendar, day, start), utc(calendar, day, end), flag)

    def paint_between(self, start: int, end: int, flag: int) -> None:
        low, high = ((at - self.start) // 60 for at in (start, end))
        for minute in range(max(low, 0), min(high, len(self.flags))):
            self.flags[minute] = flag

    def add(self, minute: int, amount: int) -> int | None:
        """The first minute with so many open minutes since."""
        wanted = self.counted[minute] + amount
        return self.counted.index(wanted) if wanted <= self.counted[-1] else None

    def subtract(self, minute: int, amount: int) -> int | None:
        wanted = self.counted[minute] - amount
        if wanted < 0:
            return None
        return len(self.counted) - 1 - self.counted[::-1].index(wanted)


relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=CALENDARS
)
MOMENTS = st.lists(st.tuples(st.integers(1, 28 * 1440), st.integers(1, 4000)), min_size=SPANS, max_size=SPANS)


@relaxed
@given(calendar=calendars(step=300), first=st.integers(0, 30), moments=MOMENTS)
def test_every_answer_is_what_counting_minutes_gives(
    calendar: Calendar, first: int, moments: list[tuple[int, int]]
) -> None:
    begin = AROUND - timedelta(days=15) + timedelta(days=first)
    compiled, minutes = Compiled(calendar, around=AROUND, years=2), Minutes(calendar, begin, 30)
    for minute, amount in moments:
        at = minutes.start + 60 * minute
        later, earlier = minutes.add(minute, amount), minutes.subtract(minute, amount)
        other = minutes.start + 60 * (amount * 7 % len(minutes.flags))
        counted = minutes.counted[(other - minutes.start) // 60] - minutes.counted[minute]
        assert compiled.elapsed(at, other) == 60 * counted
        assert compiled.is_open(at) == bool(minutes.flags[minute])
        if later is not None:
            assert compiled.add(at, 60 * amount) == minutes.start + 60 * later
        if earlier:
            assert compiled.subtract(at, 60 * amount) == minutes.start + 60 * earlier


def as_workclock(calendar: Calendar) -> workclock.Schedule:
    def clock(seconds: int) -> time:
        return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds % DAY)).time()

    shifts = [
        workclock.WorkDay(clock(start), clock(end), [WEEKDAYS.index(day)])
        for day, spans in calendar.weekly_hours.items()
        for start, end in spans
    ]
    closed = workclock.Holidays([date.fromisoformat(holiday.on) for holiday in calendar.holidays])
    return workclock.Schedule([*shifts, closed], time_zone=calendar.tz)


SECONDS = st.lists(
    st.tuples(st.integers(-200 * DAY, 200 * DAY), st.integers(1, 10_000)), min_size=SPANS, max_size=SPANS
)


@relaxed
@given(calendar=calendars(step=1, rules=("civil_day",)), moments=SECONDS)
def test_every_answer_is_what_workclock_gives(calendar: Calendar, moments: list[tuple[int, int]]) -> None:
    closed = [Holiday(on=holiday.on) for holiday in calendar.holidays]  # it knows no replacement hours
    plain = calendar.model_copy(update={"holidays": tuple(closed), "extra_openings": ()})
    theirs, ours = as_workclock(plain), Compiled(Calendar.model_validate(plain.model_dump()), around=AROUND, years=2)
    middle = utc(plain, AROUND, 0)
    weekly = sum(end - start for spans in plain.weekly_hours.values() for start, end in spans)
    for offset, share in moments:
        amount = 1 + 20 * weekly * share // 10_000  # up to twenty weeks' hours
        at = datetime.fromtimestamp(middle + offset, UTC)
        start, budget = middle + offset, timedelta(seconds=amount)
        assert ours.add(start, amount) == theirs.add(at, budget).timestamp()
        assert ours.subtract(start, amount) == theirs.sub(at, budget).timestamp()
        assert ours.elapsed(start, start + amount) == theirs.between(at, at + budget).total_seconds()


@relaxed
@given(calendar=calendars(step=900), at=st.integers(-400 * DAY, 400 * DAY), amount=st.integers(1, 100 * DAY))
@example(
    calendar=Calendar(
        id="nights", version=1, tz="Europe/London", weekly_hours={"sat": ((79_200, 108_000),)}, holiday_rule="civil_day"
    ),
    at=0,
    amount=8 * 3600,
)
def test_adding_and_taking_away_agree_with_elapsed_time(calendar: Calendar, at: int, amount: int) -> None:
    compiled = Compiled(calendar, around=AROUND, years=2)
    start = utc(calendar, AROUND, 0) + at
    try:
        end = compiled.add(start, amount)
    except Rejected:
        reject()  # it opens too seldom for that much: not before the last year that is computed
    assert compiled.elapsed(start, end) == amount
    assert compiled.elapsed(start, end - 1) == amount - 1, "not the earliest such instant"
    back = compiled.subtract(end, amount)
    assert compiled.elapsed(back, end) == amount
    assert compiled.elapsed(back + 1, end) == amount - 1, "not the latest such instant"
    assert compiled.last_close(end) == end, "a budget never ends while we are closed"
    assert compiled.into_hours(end) == end


@settings(relaxed, max_examples=30)
@given(calendar=calendars(step=900), at=st.integers(-900 * DAY, 900 * DAY))
def test_the_horizon_a_calendar_starts_with_makes_no_difference(calendar: Calendar, at: int) -> None:
    narrow, wide = Compiled(calendar, around=AROUND, years=2), Compiled(calendar, around=AROUND, years=4)
    start = utc(calendar, AROUND, 0) + at
    assert narrow.add(start, 10_000) == wide.add(start, 10_000)
    assert narrow.subtract(start, 10_000) == wide.subtract(start, 10_000)
    assert narrow.next_open(start) == wide.next_open(start)
    assert narrow.next_close(start) == wide.next_close(start)


def test_the_differential_runs_enough_cases() -> None:
    assert CALENDARS * SPANS >= 2_000


@pytest.mark.parametrize("zone", ZONES)
def test_a_whole_day_is_as_long_as_the_clocks_made_it(zone: str) -> None:
    whole = Calendar(
        id="all", version=1, tz=zone, weekly_hours=dict.fromkeys(WEEKDAYS, ((0, DAY),)), holiday_rule="civil_day"
    )
    compiled = Compiled(whole, around=AROUND, years=2)
    for n in range(365):
        begin, end = utc(whole, AROUND + timedelta(days=n), 0), utc(whole, AROUND + timedelta(days=n + 1), 0)
        assert compiled.elapsed(begin, end) == end - begin

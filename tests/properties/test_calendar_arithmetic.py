"""Properties of the arithmetic for any calendar; test_calendar_differential compares its results with references."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo._zoneinfo import ZoneInfo as PlainZone  # the one in Python can be looked into

import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

from services.sla.calendar import Calendar, Compiled, Holiday, Opening
from services.sla.calendar.clocktime import UNIX_ORDINAL, last_second_of_date, local_to_utc, steady_offsets
from services.sla.calendar.model import WEEKDAYS
from shared.errors import Rejected
from tests.properties.calendars_random import DAY, RULES, ZONES

AROUND = date(2026, 3, 1)
WEEK = 7 * DAY


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
        st.builds(Holiday, on=dates.map(str), hours=st.one_of(st.just(()), spans), rule=st.sampled_from(RULES)),
        max_size=4,
        unique_by=lambda h: h.on,
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


relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=100
)


@relaxed
@given(calendar=calendars(step=900), at=st.integers(-400 * DAY, 400 * DAY), amount=st.integers(1, 100 * DAY))
@example(
    calendar=Calendar(
        id="nights", version=1, tz="Europe/London", weekly_hours={"sat": ((79_200, 108_000),)}, holiday_rule="civil_day"
    ),
    at=0,
    amount=8 * 3600,
)
def test_adding_and_subtracting_agree_with_elapsed_time(calendar: Calendar, at: int, amount: int) -> None:
    compiled = Compiled(calendar, around=AROUND, years=2)
    start = utc(calendar, AROUND, 0) + at
    try:
        end = compiled.add(start, amount)
    except Rejected:
        reject()  # it opens too seldom for that much: not before the last year that is computed
    assert compiled.elapsed(start, end) == amount
    assert compiled.elapsed(start, end - 1) == amount - 1, "not the earliest such instant"
    back = compiled.add(end, -amount)
    assert compiled.elapsed(back, end) == amount
    assert compiled.elapsed(back + 1, end) == amount - 1, "not the latest such instant"
    assert compiled.last_close(end) == end, "a budget never ends while we are closed"
    assert compiled.into_hours(end) == end


@settings(relaxed, max_examples=30)
@given(calendar=calendars(step=900), at=st.integers(-900 * DAY, 900 * DAY))
def test_results_do_not_depend_on_the_first_horizon(calendar: Calendar, at: int) -> None:
    narrow, wide = Compiled(calendar, around=AROUND, years=2), Compiled(calendar, around=AROUND, years=4)
    start = utc(calendar, AROUND, 0) + at
    assert narrow.add(start, 10_000) == wide.add(start, 10_000)
    assert narrow.add(start, -10_000) == wide.add(start, -10_000)
    assert narrow.next_open(start) == wide.next_open(start)
    assert narrow.next_close(start) == wide.next_close(start)


@pytest.mark.parametrize("zone", ZONES)
def test_the_length_of_a_day_includes_clock_changes(zone: str) -> None:
    whole = Calendar(
        id="all", version=1, tz=zone, weekly_hours=dict.fromkeys(WEEKDAYS, ((0, DAY),)), holiday_rule="civil_day"
    )
    compiled = Compiled(whole, around=AROUND, years=2)
    for n in range(365):
        begin, end = utc(whole, AROUND + timedelta(days=n), 0), utc(whole, AROUND + timedelta(days=n + 1), 0)
        assert compiled.elapsed(begin, end) == end - begin


def test_no_zone_changes_its_offset_twice_within_one_day() -> None:
    """Check the assumption of `steady_offsets`; the rule at the end of a zone file changes twice a year at most."""
    changes = {}
    for key in zoneinfo.available_timezones():
        moments = PlainZone.no_cache(key)._trans_utc
        changes[key] = min((later - at for at, later in pairwise(moments) if at > -DAY), default=WEEK)
    assert len(changes) > 400
    assert min(changes.values()) > 2 * DAY


@pytest.mark.parametrize("key", ZONES)
def test_a_steady_day_has_one_offset_at_every_quarter_of_an_hour(key: str) -> None:
    zone, first = zoneinfo.ZoneInfo(key), date(2010, 12, 1).toordinal()
    steady = 0
    for day, offset in enumerate(steady_offsets(zone, first, first + 800), first):
        if offset is not None:
            steady += 1
            for seconds in range(0, DAY + 1, 900):
                assert local_to_utc(zone, day, seconds) == (day - UNIX_ORDINAL) * DAY + seconds - offset
    assert steady > 780


@pytest.mark.parametrize("key", ZONES)
def test_the_last_second_of_a_date_is_23_59_59(key: str) -> None:
    zone = zoneinfo.ZoneInfo(key)
    for n in range(800):
        day = date(2010, 12, 1) + timedelta(days=n)
        local = datetime.fromtimestamp(last_second_of_date(zone, day.toordinal()), zone)
        skipped = key == "Pacific/Apia" and day == date(2011, 12, 30)
        assert (local.date(), local.time()) == (day - timedelta(days=skipped), time(23, 59, 59))

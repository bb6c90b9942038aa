from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.sla.calendar import Compiled, business_days_due, calendar_from, is_open_date
from shared.errors import Rejected

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOUR = 3600


def compiled(**changed: Any) -> Compiled:
    data = {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, **changed}
    return Compiled(calendar_from(data), around=date(2026, 11, 1), years=2)


def utc(text: str, tz: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).timestamp())


def told(at: int, tz: str = "UTC") -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(tz)).strftime("%a %Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-02 10:00", 2, "Mon 2026-11-02 12:00:00"),
        ("2026-11-02 09:00", 8, "Mon 2026-11-02 17:00:00"),  # closing time, not the next opening
        ("2026-11-02 16:00", 2, "Tue 2026-11-03 10:00:00"),
        ("2026-11-06 16:00", 2, "Mon 2026-11-09 10:00:00"),
        ("2026-11-07 12:00", 1, "Mon 2026-11-09 10:00:00"),
        ("2026-11-02 17:00", 1, "Tue 2026-11-03 10:00:00"),
    ],
)
def test_a_budget_ends_while_we_are_open_or_just_closed(start: str, hours: int, due: str) -> None:
    assert told(compiled().add(utc(start), hours * HOUR)) == due


@pytest.mark.parametrize(
    ("start", "hours", "before"),
    [
        ("2026-11-02 12:00", 2, "Mon 2026-11-02 10:00:00"),
        ("2026-11-03 10:00", 2, "Mon 2026-11-02 16:00:00"),
        ("2026-11-03 10:00", 1, "Tue 2026-11-03 09:00:00"),  # opening time, not the closing before it
    ],
)
def test_taking_away_mirrors_adding(start: str, hours: int, before: str) -> None:
    assert told(compiled().subtract(utc(start), hours * HOUR)) == before


def test_half_an_hour_of_work_before_monday_half_past_nine_is_monday_nine() -> None:
    calendar = compiled()
    assert told(calendar.subtract(utc("2026-11-09 09:30"), HOUR // 2)) == "Mon 2026-11-09 09:00:00"


def test_nothing_added_is_the_same_instant_even_on_a_sunday() -> None:
    assert compiled().add(utc("2026-11-08 12:00"), 0) == utc("2026-11-08 12:00")


def test_elapsed_time_is_negative_when_reversed() -> None:
    calendar = compiled()
    assert calendar.elapsed(utc("2026-11-06 16:00"), utc("2026-11-09 10:00")) == 2 * HOUR
    assert calendar.elapsed(utc("2026-11-09 10:00"), utc("2026-11-06 16:00")) == -2 * HOUR


def test_the_opening_instant_is_open_and_the_closing_one_is_not() -> None:
    calendar = compiled()
    assert calendar.is_open(utc("2026-11-02 09:00"))
    assert not calendar.is_open(utc("2026-11-02 17:00"))


NIGHT = {"tue": [["22:00", "30:00"]], "wed": [["22:00", "30:00"]]}


def test_a_holiday_by_civil_day_cuts_the_night_shift_of_its_eve() -> None:
    calendar = compiled(weekly_hours=NIGHT, holidays=["2026-11-04"])  # a Wednesday
    assert calendar.elapsed(utc("2026-11-03 12:00"), utc("2026-11-04 12:00")) == 2 * HOUR
    assert calendar.elapsed(utc("2026-11-04 12:00"), utc("2026-11-05 12:00")) == 6 * HOUR  # its own, after midnight


def test_a_holiday_by_shift_start_lets_the_night_shift_of_its_eve_run_out() -> None:
    calendar = compiled(weekly_hours=NIGHT, holidays=["2026-11-04"], holiday_rule="shift_start")
    assert calendar.elapsed(utc("2026-11-03 12:00"), utc("2026-11-04 12:00")) == 8 * HOUR
    assert calendar.elapsed(utc("2026-11-04 12:00"), utc("2026-11-05 12:00")) == 0


def test_a_holiday_may_have_hours_of_its_own_and_recur_every_year() -> None:
    calendar = compiled(holidays=[{"on": "*-12-24", "hours": [["09:00", "12:00"]]}, "2027-12-24"])
    assert calendar.elapsed(utc("2026-12-24 00:00"), utc("2026-12-25 00:00")) == 3 * HOUR
    assert calendar.elapsed(utc("2027-12-24 00:00"), utc("2027-12-25 00:00")) == 0  # a dated entry wins


def test_an_extra_opening_is_open_on_a_sunday_and_on_a_holiday() -> None:
    extra = [{"on": "2026-11-08", "hours": [["10:00", "14:00"]]}, {"on": "2026-12-25", "hours": [["10:00", "11:00"]]}]
    calendar = compiled(extra_openings=extra, holidays=["*-12-25"])
    assert calendar.elapsed(utc("2026-11-08 00:00"), utc("2026-11-09 00:00")) == 4 * HOUR
    assert calendar.elapsed(utc("2026-12-25 00:00"), utc("2026-12-26 00:00")) == HOUR


def test_days_on_which_the_clocks_change_have_23_and_25_hours() -> None:
    whole = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    calendar, zone = compiled(weekly_hours=whole, tz="Europe/Oslo"), "Europe/Oslo"
    assert calendar.elapsed(utc("2027-03-28 00:00", zone), utc("2027-03-29 00:00", zone)) == 23 * HOUR
    assert calendar.elapsed(utc("2026-10-25 00:00", zone), utc("2026-10-26 00:00", zone)) == 25 * HOUR


def test_a_skipped_opening_time_moves_forward_and_a_repeated_one_is_its_first() -> None:
    sunday = {"sun": [["02:30", "05:00"]]}
    calendar, zone = compiled(weekly_hours=sunday, tz="Europe/Oslo"), "Europe/Oslo"
    assert told(calendar.next_open(utc("2027-03-28 00:00", zone)), zone) == "Sun 2027-03-28 03:30:00"
    assert calendar.elapsed(utc("2026-10-25 00:00", zone), utc("2026-10-26 00:00", zone)) == 3.5 * HOUR


def test_an_instant_outside_hours_moves_to_the_next_opening_and_never_back() -> None:
    calendar = compiled()
    assert told(calendar.into_hours(utc("2026-11-07 12:00"))) == "Mon 2026-11-09 09:00:00"
    assert told(calendar.into_hours(utc("2026-11-06 17:00"))) == "Fri 2026-11-06 17:00:00"
    assert told(calendar.into_hours(utc("2026-11-06 11:11"))) == "Fri 2026-11-06 11:11:00"


@pytest.mark.parametrize("year", [1991, 2190])
def test_years_far_from_where_we_started_are_computed_on_demand(year: int) -> None:
    calendar = compiled()
    start = int(datetime(year, 6, 1, tzinfo=UTC).timestamp())
    assert calendar.elapsed(start, calendar.add(start, 100 * HOUR)) == 100 * HOUR


@pytest.mark.parametrize("at", [-1_000_000_000, 8_000_000_000])
def test_years_that_nobody_needs_are_refused(at: int) -> None:
    with pytest.raises(Rejected, match=r"not computed (before|beyond) the year"):
        compiled().level(at)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"weekly_hours": {}}, "no open time in the 400 days"),
        (
            {"weekly_hours": {}, "extra_openings": [{"on": "2026-11-02", "hours": [["09:00", "17:00"]]}]},
            "no open time in the 400 days",
        ),
        ({"weekly_hours": {"mon": [["17:00", "09:00"]]}}, "does not end after it starts; .* write 33:00"),
        ({"weekly_hours": {"mon": [["09:00", "09:00"]]}}, "does not end after it starts"),
        ({"weekly_hours": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}}, "09:00-12:00 and 11:00-17:00 overlap"),
        ({"weekly_hours": {"sun": [["22:00", "32:00"]], "mon": [["07:00", "12:00"]]}}, "overlap"),
        ({"weekly_hours": {"mon": [["25:00", "26:00"]]}}, "starts on the next day"),
        ({"weekly_hours": {"mon": [["9", "17:00"]]}}, "expected a time such as '09:00'"),
        ({"weekly_hours": {"mon": [["09:00", "49:00"]]}}, "beyond '48:00'"),
        ({"weekly_hours": {"mon": ["09:00"]}}, "expected .open, close."),
        ({"weekly_hours": {"monday": [["09:00", "17:00"]]}}, "weekly_hours.monday"),
        ({"tz": "Middle/Earth"}, "unknown time zone 'Middle/Earth'"),
        ({"tz": "../etc/passwd"}, "unknown time zone"),
        ({"holidays": ["2026-02-30"]}, "holidays.0"),
        ({"holidays": ["2026-12-25", "2026-12-25"]}, "listed twice"),
        ({"holidays": [{"on": "2026-12-25", "hours": [["09:00", "12:00"], ["10:00", "11:00"]]}]}, "overlap"),
        ({"opening_hours": {}}, "opening_hours"),
        ({"version": 0}, "version"),
        ({"holiday_rule": "whatever"}, "holiday_rule"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        compiled(**changed)


def test_the_holiday_rule_must_be_stated() -> None:
    with pytest.raises(Rejected, match="holiday_rule: Field required"):
        calendar_from({"id": "c", "version": 1, "tz": "UTC", "weekly_hours": WEEK})


@pytest.mark.parametrize(
    ("received", "days", "cutoff", "due"),
    [
        ("2026-11-02 10:00", 1, None, "Tue 2026-11-03 17:00:00"),
        ("2026-11-02 10:00", 3, None, "Thu 2026-11-05 17:00:00"),
        ("2026-11-05 10:00", 3, None, "Tue 2026-11-10 17:00:00"),
        ("2026-11-02 17:30", 1, None, "Tue 2026-11-03 17:00:00"),  # the day of receipt, however late
        ("2026-11-02 17:30", 1, time(17), "Wed 2026-11-04 17:00:00"),
        ("2026-11-02 17:00", 1, time(17), "Wed 2026-11-04 17:00:00"),
        ("2026-11-08 12:00", 1, None, "Tue 2026-11-10 17:00:00"),  # received on a Sunday: day 0 is Monday
        ("2026-12-24 10:00", 1, None, "Mon 2026-12-28 17:00:00"),
    ],
)
def test_business_days_end_with_the_business_of_an_open_date(
    received: str, days: int, cutoff: time | None, due: str
) -> None:
    assert told(business_days_due(compiled(holidays=["*-12-25"]), utc(received), days, cutoff=cutoff)) == due


def test_a_night_shift_closes_the_date_it_started_on() -> None:
    night = compiled(weekly_hours=NIGHT)
    assert told(business_days_due(night, utc("2026-11-03 12:00"), 1)) == "Thu 2026-11-05 06:00:00"
    assert is_open_date(night, date(2026, 11, 4))
    assert not is_open_date(night, date(2026, 11, 5)), "only the tail of a shift"


def test_less_than_one_business_day_is_refused() -> None:
    with pytest.raises(Rejected, match="at least 1"):
        business_days_due(compiled(), utc("2026-11-02 10:00"), 0)


def test_business_of_a_date_runs_from_its_first_opening_to_its_last_closing() -> None:
    night = compiled(weekly_hours={"tue": [["09:00", "12:00"], ["22:00", "30:00"]]}, holidays=["2026-11-11"])
    assert night.business(date(2026, 11, 3).toordinal()) == (utc("2026-11-03 09:00"), utc("2026-11-04 06:00"))
    assert night.business(date(2026, 11, 10).toordinal()) == (utc("2026-11-10 09:00"), utc("2026-11-11 00:00"))
    assert night.business(date(2026, 11, 4).toordinal()) is None

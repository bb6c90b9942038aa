from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.sla.calendar import Compiled, parse_calendar
from shared.errors import Rejected

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOUR = 3600


def compiled(**changed: Any) -> Compiled:
    data = {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, **changed}
    return Compiled(parse_calendar(data), around=date(2026, 11, 1), years=2)


def utc(text: str, tz: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).timestamp())


def format_local(at: int, tz: str = "UTC") -> str:
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
def test_a_budget_ends_during_opening_hours_or_at_closing_time(start: str, hours: int, due: str) -> None:
    assert format_local(compiled().add(utc(start), hours * HOUR)) == due


@pytest.mark.parametrize(
    ("start", "hours", "before"),
    [
        ("2026-11-02 12:00", 2, "Mon 2026-11-02 10:00:00"),
        ("2026-11-03 10:00", 2, "Mon 2026-11-02 16:00:00"),
        ("2026-11-03 10:00", 1, "Tue 2026-11-03 09:00:00"),  # opening time, not the closing before it
    ],
)
def test_subtracting_mirrors_adding(start: str, hours: int, before: str) -> None:
    assert format_local(compiled().add(utc(start), -hours * HOUR)) == before


def test_half_an_hour_before_monday_half_past_nine_is_monday_nine() -> None:
    calendar = compiled()
    assert format_local(calendar.add(utc("2026-11-09 09:30"), -HOUR // 2)) == "Mon 2026-11-09 09:00:00"


def test_adding_zero_returns_the_same_instant_even_on_a_sunday() -> None:
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


def test_a_holiday_by_shift_start_keeps_the_night_shift_of_its_eve() -> None:
    calendar = compiled(weekly_hours=NIGHT, holidays=["2026-11-04"], holiday_rule="shift_start")
    assert calendar.elapsed(utc("2026-11-03 12:00"), utc("2026-11-04 12:00")) == 8 * HOUR
    assert calendar.elapsed(utc("2026-11-04 12:00"), utc("2026-11-05 12:00")) == 0


LATE = {"fri": [["21:00", "31:00"]]}
SHORT = [["09:00", "12:00"]]
FRIDAY, SATURDAY = date(2026, 11, 6).toordinal(), date(2026, 11, 7).toordinal()


@pytest.mark.parametrize("rule", ["civil_day", "shift_start"])
def test_hours_of_a_date_replace_its_night_shift_on_both_sides_of_midnight(rule: str) -> None:
    calendar = compiled(weekly_hours=LATE, holidays=[{"on": "2026-11-06", "hours": SHORT}], holiday_rule=rule)
    assert calendar.openings(utc("2026-11-06 00:00"), utc("2026-11-08 00:00")) == [
        (utc("2026-11-06 09:00"), utc("2026-11-06 12:00"))
    ]
    assert calendar.business(FRIDAY) == (utc("2026-11-06 09:00"), utc("2026-11-06 12:00"))
    assert calendar.business(SATURDAY) is None


def test_a_holiday_without_hours_cuts_its_own_night_shift_at_midnight_by_civil_day() -> None:
    calendar = compiled(weekly_hours=LATE, holidays=["2026-11-06"])
    assert calendar.openings(utc("2026-11-06 00:00"), utc("2026-11-08 00:00")) == [
        (utc("2026-11-07 00:00"), utc("2026-11-07 07:00"))
    ]
    assert calendar.business(FRIDAY) is None


@pytest.mark.parametrize(("rule", "until"), [("civil_day", "00:00"), (None, "00:00"), ("shift_start", "07:00")])
def test_hours_of_a_holiday_cut_the_night_shift_of_its_eve(rule: str | None, until: str) -> None:
    calendar = compiled(weekly_hours=LATE, holidays=[{"on": "2026-11-07", "hours": SHORT, "rule": rule}])
    assert calendar.openings(utc("2026-11-06 00:00"), utc("2026-11-08 00:00")) == [
        (utc("2026-11-06 21:00"), utc(f"2026-11-07 {until}")),
        (utc("2026-11-07 09:00"), utc("2026-11-07 12:00")),
    ]
    assert calendar.business(FRIDAY) == (utc("2026-11-06 21:00"), utc(f"2026-11-07 {until}"))


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
    assert format_local(calendar.next_open(utc("2027-03-28 00:00", zone)), zone) == "Sun 2027-03-28 03:30:00"
    assert calendar.elapsed(utc("2026-10-25 00:00", zone), utc("2026-10-26 00:00", zone)) == 3.5 * HOUR


def test_an_instant_outside_hours_moves_only_forward_to_the_next_opening() -> None:
    calendar = compiled()
    assert format_local(calendar.into_hours(utc("2026-11-07 12:00"))) == "Mon 2026-11-09 09:00:00"
    assert format_local(calendar.into_hours(utc("2026-11-06 17:00"))) == "Fri 2026-11-06 17:00:00"
    assert format_local(calendar.into_hours(utc("2026-11-06 11:11"))) == "Fri 2026-11-06 11:11:00"


@pytest.mark.parametrize("year", [1991, 2190])
def test_distant_years_are_computed_on_demand(year: int) -> None:
    calendar = compiled()
    start = int(datetime(year, 6, 1, tzinfo=UTC).timestamp())
    assert calendar.elapsed(start, calendar.add(start, 100 * HOUR)) == 100 * HOUR


@pytest.mark.parametrize("at", [-1_000_000_000, 8_000_000_000])
def test_years_outside_1970_to_2200_are_refused(at: int) -> None:
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
        ({"weekly_hours": {"mon": [["09:00", "49:00"]]}}, "up to '48:00'"),
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
def test_an_invalid_calendar_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        compiled(**changed)


def test_the_holiday_rule_is_required() -> None:
    with pytest.raises(Rejected, match="holiday_rule: Field required"):
        parse_calendar({"id": "c", "version": 1, "tz": "UTC", "weekly_hours": WEEK})


def test_business_of_a_date_runs_from_its_first_opening_to_its_last_closing() -> None:
    night = compiled(weekly_hours={"tue": [["09:00", "12:00"], ["22:00", "30:00"]]}, holidays=["2026-11-11"])
    assert night.business(date(2026, 11, 3).toordinal()) == (utc("2026-11-03 09:00"), utc("2026-11-04 06:00"))
    assert night.business(date(2026, 11, 10).toordinal()) == (utc("2026-11-10 09:00"), utc("2026-11-11 00:00"))
    assert night.business(date(2026, 11, 4).toordinal()) is None


def test_openings_between_two_instants_are_cut_at_both() -> None:
    calendar = compiled()
    spans = calendar.openings(utc("2026-11-02 16:00"), utc("2026-11-04 10:00"))
    assert [(format_local(start), format_local(end)[-8:]) for start, end in spans] == [
        ("Mon 2026-11-02 16:00:00", "17:00:00"),
        ("Tue 2026-11-03 09:00:00", "17:00:00"),
        ("Wed 2026-11-04 09:00:00", "10:00:00"),
    ]
    assert calendar.openings(utc("2026-11-07 00:00"), utc("2026-11-09 09:00")) == []


def test_a_long_closure_is_refused_in_any_year() -> None:
    closed = [str(date(2060, 1, 1) + timedelta(days=n)) for n in range(420)]
    with pytest.raises(Rejected, match="no open time in the 400 days after 2059-12-31"):
        compiled(holidays=closed)


def test_a_closure_of_a_year_is_accepted() -> None:
    closed = [str(date(2060, 1, 1) + timedelta(days=n)) for n in range(366)]
    assert compiled(holidays=closed).next_open(utc("2060-01-01 00:00")) == utc("2061-01-03 09:00")


def test_a_holiday_on_29_february_applies_every_leap_year() -> None:
    calendar = compiled(holidays=["*-02-29"])
    assert format_local(calendar.next_open(utc("2028-02-29 00:00"))) == "Wed 2028-03-01 09:00:00"
    assert format_local(calendar.next_open(utc("2027-02-28 18:00"))) == "Mon 2027-03-01 09:00:00"

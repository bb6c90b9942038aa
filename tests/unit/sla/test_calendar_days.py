"""Goals in days, as tables of dates."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.sla.calendar import (
    Compiled,
    business_days_due,
    calendar_due,
    count_business_days,
    is_open_date,
    parse_calendar,
)
from shared.errors import Rejected

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
NIGHT = {"tue": [["22:00", "30:00"]], "wed": [["22:00", "30:00"]]}


def compiled(**changed: Any) -> Compiled:
    data = {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, **changed}
    return Compiled(parse_calendar(data), around=date(2026, 11, 1), years=2)


def utc(text: str, tz: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).timestamp())


def format_local(at: int, tz: str = "UTC") -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(tz)).strftime("%a %Y-%m-%d %H:%M:%S")


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
def test_business_days_end_at_the_closing_of_an_open_date(
    received: str, days: int, cutoff: time | None, due: str
) -> None:
    assert format_local(business_days_due(compiled(holidays=["*-12-25"]), utc(received), days, cutoff=cutoff)) == due


@pytest.mark.parametrize(
    ("received", "days", "cutoff", "due"),
    [
        ("2026-11-02 10:00", 3, None, "Thu 2026-11-05 17:00:00"),
        ("2026-11-06 16:00", 3, None, "Wed 2026-11-11 17:00:00"),
        ("2026-11-07 12:00", 3, None, "Wed 2026-11-11 17:00:00"),  # Saturday is day 0, Monday the first day
        ("2026-11-08 23:59", 1, None, "Mon 2026-11-09 17:00:00"),
        ("2026-12-25 10:00", 1, None, "Mon 2026-12-28 17:00:00"),  # a holiday is day 0 too
        ("2026-11-06 17:00", 3, time(17), "Thu 2026-11-12 17:00:00"),  # late on Friday counts as received on Monday
        ("2026-11-07 17:00", 3, time(17), "Thu 2026-11-12 17:00:00"),  # and so does late on Saturday
        ("2026-11-07 16:59", 3, time(17), "Wed 2026-11-11 17:00:00"),
    ],
)
def test_the_day_of_receipt_is_day_zero_even_when_closed(
    received: str, days: int, cutoff: time | None, due: str
) -> None:
    """FCA Handbook DISP 1.5: the third business day following the day on which it is received."""
    calendar = compiled(holidays=["*-12-25"])
    assert format_local(business_days_due(calendar, utc(received), days, cutoff=cutoff, day_zero="receipt")) == due


@pytest.mark.parametrize("tz", ["UTC", "Europe/London", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe"])
def test_a_day_may_end_at_midnight_instead_of_at_closing_time(tz: str) -> None:
    calendar = compiled(tz=tz)
    for day in range(2, 7):
        due = business_days_due(calendar, utc(f"2026-11-0{day} 10:00", tz), 5, ends="midnight")
        assert format_local(due, tz)[-8:] == "23:59:59"
        assert (
            format_local(due, tz)[:14]
            == format_local(business_days_due(calendar, utc(f"2026-11-0{day} 10:00", tz), 5), tz)[:14]
        )


def test_a_night_shift_belongs_to_the_date_it_started_on() -> None:
    night = compiled(weekly_hours=NIGHT)
    assert format_local(business_days_due(night, utc("2026-11-03 12:00"), 1)) == "Thu 2026-11-05 06:00:00"
    assert (
        format_local(business_days_due(night, utc("2026-11-03 12:00"), 1, ends="midnight")) == "Wed 2026-11-04 23:59:59"
    )
    assert is_open_date(night, date(2026, 11, 4))
    assert not is_open_date(night, date(2026, 11, 5)), "only the tail of a shift"


def test_the_counted_dates_are_returned() -> None:
    calendar, saturday = compiled(holidays=["2026-11-10"]), utc("2026-11-07 12:00")
    week = tuple(date(2026, 11, day) for day in (9, 11, 12))
    assert count_business_days(calendar, saturday, 3, day_zero="receipt") == (date(2026, 11, 7), week)
    assert count_business_days(calendar, saturday, 2) == (date(2026, 11, 9), week[1:])
    assert count_business_days(calendar, utc("2026-11-06 18:00"), 2, cutoff=time(17), day_zero="receipt") == (
        date(2026, 11, 9),
        week[1:],
    )


@pytest.mark.parametrize("days", [0, -1, 10**6])
def test_too_few_and_too_many_business_days_are_refused(days: int) -> None:
    with pytest.raises(Rejected, match="at least 1 business day and at most"):
        business_days_due(compiled(), utc("2026-11-02 10:00"), days)


LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("received", "units", "due"),
    [
        ("2026-11-02 10:00", {"days": 1}, "Tue 2026-11-03 23:59:59"),
        ("2026-11-02 00:00", {"days": 1}, "Tue 2026-11-03 23:59:59"),
        ("2026-11-02 23:59", {"weeks": 8}, "Mon 2026-12-28 23:59:59"),  # the FCA's eight weeks
        ("2026-11-02 23:59", {"days": 56}, "Mon 2026-12-28 23:59:59"),
        ("2026-03-20 12:00", {"weeks": 2}, "Fri 2026-04-03 23:59:59"),  # clocks go forward in between
        ("2026-10-24 12:00", {"days": 1}, "Sun 2026-10-25 23:59:59"),  # and back
        ("2027-01-31 12:00", {"months": 1}, "Sun 2027-02-28 23:59:59"),
        ("2028-01-31 12:00", {"months": 1}, "Tue 2028-02-29 23:59:59"),
        ("2028-02-29 12:00", {"months": 12}, "Wed 2029-02-28 23:59:59"),
        ("2026-10-31 12:00", {"months": 1, "days": 1}, "Tue 2026-12-01 23:59:59"),  # months first
        ("2026-12-15 12:00", {"months": 1}, "Fri 2027-01-15 23:59:59"),
    ],
)
def test_calendar_days_weeks_and_months_end_with_a_local_date(received: str, units: dict[str, int], due: str) -> None:
    assert format_local(calendar_due(LONDON, utc(received, "Europe/London"), **units), "Europe/London") == due


def test_the_local_date_is_used_and_not_the_utc_date() -> None:
    late = int(datetime(2026, 11, 2, 23, 30, tzinfo=UTC).timestamp())
    assert (
        format_local(calendar_due(ZoneInfo("Asia/Jakarta"), late, days=1), "Asia/Jakarta") == "Wed 2026-11-04 23:59:59"
    )
    assert (
        format_local(calendar_due(ZoneInfo("America/New_York"), late, days=1), "America/New_York")
        == "Tue 2026-11-03 23:59:59"
    )


def test_a_date_that_a_zone_skipped_ends_with_the_date_before() -> None:
    apia = ZoneInfo("Pacific/Apia")
    due = calendar_due(apia, utc("2011-12-28 12:00", "Pacific/Apia"), days=2)
    assert format_local(due, "Pacific/Apia") == "Thu 2011-12-29 23:59:59"


@pytest.mark.parametrize(
    "units", [{}, {"days": 0}, {"days": -1}, {"weeks": 1, "days": -1}, {"months": 10**6}, {"days": 10**9}]
)
def test_no_days_and_days_beyond_the_last_year_are_refused(units: dict[str, int]) -> None:
    with pytest.raises(Rejected, match="expected"):
        calendar_due(LONDON, utc("2026-11-02 10:00"), **units)


@pytest.mark.parametrize("received", [-(10**10), 10**10, 10**18])
def test_a_receipt_outside_the_computed_years_is_refused(received: int) -> None:
    with pytest.raises(Rejected, match="expected an instant of the years"):
        calendar_due(LONDON, received, days=1)
    with pytest.raises(Rejected, match="expected an instant of the years"):
        business_days_due(compiled(), received, 1)

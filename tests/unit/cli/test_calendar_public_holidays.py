"""Public holidays: copies from the library into a calendar, and comparison with a newer version of the library."""

from importlib.metadata import version

import pytest

from deploy.cli.calendar.public_holidays import (
    HolidayChanges,
    HolidayQuery,
    compare_with_library,
    copy_holidays,
    queries_in,
)
from services.sla.calendar import Holiday, parse_calendar
from shared.errors import Rejected

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
ENGLAND = HolidayQuery("GB", (2026, 2027), "ENG")


def test_every_holiday_has_its_name_and_the_library_version_and_place_as_source() -> None:
    holidays = {holiday.on: holiday for holiday in copy_holidays(ENGLAND)}
    assert holidays["2026-04-06"].name == "Easter Monday"
    assert holidays["2026-12-28"].name == "Boxing Day (observed)"
    assert {holiday.source for holiday in holidays.values()} == {
        f"holidays {version('holidays')}; GB-ENG; public; en_GB"
    }
    assert {on[:4] for on in holidays} == {"2026", "2027"}, "only the requested years are copied"


def test_dates_are_in_order_and_make_a_calendar() -> None:
    holidays = copy_holidays(ENGLAND)
    assert [holiday.on for holiday in holidays] == sorted(holiday.on for holiday in holidays)
    calendar = parse_calendar(
        {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, "holidays": holidays}
    )
    assert calendar.holidays == holidays


def test_names_are_in_the_language_of_the_country_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [holiday.name for holiday in copy_holidays(HolidayQuery("DE", (2026,), "BY"))]
    monkeypatch.setenv("LANGUAGE", "uk")
    assert [holiday.name for holiday in copy_holidays(HolidayQuery("DE", (2026,), "BY"))] == own
    assert own[0] == "Neujahr"
    assert copy_holidays(HolidayQuery("DE", (2026,), "BY", language="en_US"))[0].name == "New Year's Day"


def test_categories_are_selected_by_name() -> None:
    public = copy_holidays(HolidayQuery("DE", (2026,), "BY"))
    more = copy_holidays(HolidayQuery("DE", (2026,), "BY", ("public", "catholic")))
    assert {holiday.on for holiday in public} < {holiday.on for holiday in more}


def test_codes_may_be_lower_case_and_a_subdivision_may_be_a_name() -> None:
    assert copy_holidays(HolidayQuery("gb", (2026,), "England")) == copy_holidays(HolidayQuery("GB", (2026,), "ENG"))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (HolidayQuery("XX", (2026,)), "unknown country 'XX'; expected an ISO 3166-1 code such as 'GB'"),
        (HolidayQuery("US", (2026,), "ZZ"), "unknown subdivision 'ZZ'; expected one of AK, "),
        (HolidayQuery("US", (2026,), categories=("nope",)), "unknown category 'nope'; expected one of government"),
        (HolidayQuery("US", (2026,), categories=()), "unknown category ''"),
        (HolidayQuery("US", (2026,), language="xx"), "unknown language 'xx'; expected one of en_US"),
        (HolidayQuery("US", ()), "expected years from 1970 to 2200"),
        (HolidayQuery("US", (1500,)), "expected years from 1970 to 2200"),
        (HolidayQuery("EG", (2150,)), "has no holidays of EG; public; .* in 2150"),
    ],
)
def test_an_unknown_code_is_refused_with_the_accepted_ones(query: HolidayQuery, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        copy_holidays(query)


def test_a_new_copy_has_no_changes() -> None:
    holidays = copy_holidays(ENGLAND)
    assert compare_with_library(holidays, ENGLAND) == HolidayChanges((), (), ())
    assert queries_in(holidays) == [HolidayQuery("GB", (2026, 2027), "ENG", ("public",), "en_GB")]


def older_copies() -> list[Holiday]:
    """Return holidays of an older library version: one name differs, one date is missing, one date is removed later."""
    source = "holidays 0.1; GB-ENG; public; en_GB"
    copies = [day.model_copy(update={"source": source}) for day in copy_holidays(ENGLAND) if day.on != "2026-05-04"]
    copies = [day.model_copy(update={"name": "Labour Day"}) if day.on == "2027-05-03" else day for day in copies]
    return [*copies, Holiday(on="2026-06-05", name="Jubilee", source=source)]


def test_differences_of_a_newer_version_are_listed() -> None:
    changes = compare_with_library(older_copies(), ENGLAND)
    assert [holiday.on for holiday in changes.added] == ["2026-05-04"]
    assert [holiday.on for holiday in changes.removed] == ["2026-06-05"]
    assert [(old.name, new.name) for old, new in changes.renamed] == [("Labour Day", "May Day")]


def test_a_holiday_written_by_hand_is_never_removed_or_added_again() -> None:
    by_hand = [Holiday(on="2026-05-04", name="Works outing"), Holiday(on="2026-07-01"), Holiday(on="*-12-24")]
    changes = compare_with_library([*older_copies(), *by_hand], ENGLAND)
    assert changes.added == ()
    assert [holiday.on for holiday in changes.removed] == ["2026-06-05"]

"""Holidays of the library become dates that stay."""

from importlib.metadata import version

import pytest

from deploy.cli.calendar.public_holidays import HolidayQuery, asked_in, propose, revised, snapshot
from services.sla.calendar import Holiday, calendar_from
from shared.errors import Rejected

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
ENGLAND = HolidayQuery("GB", (2026, 2027), "ENG")


def test_every_holiday_has_its_name_and_says_which_edition_told_of_which_place() -> None:
    found = {one.on: one for one in snapshot(ENGLAND)}
    assert found["2026-04-06"].name == "Easter Monday"
    assert found["2026-12-28"].name == "Boxing Day (observed)"
    assert {one.source for one in found.values()} == {f"holidays {version('holidays')}; GB-ENG; public; en_GB"}
    assert {on[:4] for on in found} == {"2026", "2027"}, "copied, not looked up later"


def test_dates_are_in_order_and_make_a_calendar() -> None:
    found = snapshot(ENGLAND)
    assert [one.on for one in found] == sorted(one.on for one in found)
    calendar = calendar_from(
        {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, "holidays": found}
    )
    assert calendar.holidays == found


def test_names_are_in_the_countrys_own_language_whatever_the_machine_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [one.name for one in snapshot(HolidayQuery("DE", (2026,), "BY"))]
    monkeypatch.setenv("LANGUAGE", "uk")
    assert [one.name for one in snapshot(HolidayQuery("DE", (2026,), "BY"))] == own
    assert own[0] == "Neujahr"
    assert snapshot(HolidayQuery("DE", (2026,), "BY", language="en_US"))[0].name == "New Year's Day"


def test_categories_are_asked_for_by_name() -> None:
    public = snapshot(HolidayQuery("DE", (2026,), "BY"))
    more = snapshot(HolidayQuery("DE", (2026,), "BY", ("public", "catholic")))
    assert {one.on for one in public} < {one.on for one in more}


def test_codes_may_be_written_small_and_a_subdivision_by_name() -> None:
    assert snapshot(HolidayQuery("gb", (2026,), "England")) == snapshot(HolidayQuery("GB", (2026,), "ENG"))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (HolidayQuery("XX", (2026,)), "unknown country 'XX'; expected an ISO 3166-1 code such as 'GB'"),
        (HolidayQuery("US", (2026,), "ZZ"), "unknown subdivision 'ZZ'; expected one of AK, "),
        (HolidayQuery("US", (2026,), categories=("nope",)), "unknown category 'nope'; expected one of government"),
        (HolidayQuery("US", (2026,), categories=()), "unknown category ''"),
        (HolidayQuery("US", (2026,), language="xx"), "unknown language 'xx'; expected one of en_US"),
        (HolidayQuery("US", ()), "expected years from 1970 to 2200"),
        (HolidayQuery("US", (1500,)), "expected years from 1970 to 2200"),
        (HolidayQuery("EG", (2150,)), "knows no holidays of EG; public; .* in 2150"),
    ],
)
def test_what_the_library_does_not_know_is_refused_with_what_it_does(asked: HolidayQuery, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        snapshot(asked)


def test_a_fresh_snapshot_has_nothing_to_propose() -> None:
    held = snapshot(ENGLAND)
    assert propose(held, ENGLAND).is_empty
    assert asked_in(held) == [HolidayQuery("GB", (2026, 2027), "ENG", ("public",), "en_GB")]


def older() -> list[Holiday]:
    """As an older edition may have told it: one name is different, one date is missing, one has gone since."""
    source = "holidays 0.1; GB-ENG; public; en_GB"
    held = [one.model_copy(update={"source": source}) for one in snapshot(ENGLAND) if one.on != "2026-05-04"]
    held = [one.model_copy(update={"name": "Labour Day"}) if one.on == "2027-05-03" else one for one in held]
    return [*held, Holiday(on="2026-06-05", name="Jubilee", source=source)]


def test_what_a_newer_edition_says_differently_is_a_proposal() -> None:
    found = propose(older(), ENGLAND)
    assert [one.on for one in found.added] == ["2026-05-04"]
    assert [one.on for one in found.removed] == ["2026-06-05"]
    assert [(held.name, new.name) for held, new in found.renamed] == [("Labour Day", "May Day")]


def test_what_somebody_wrote_by_hand_is_never_proposed_away_or_twice() -> None:
    by_hand = [Holiday(on="2026-05-04", name="Works outing"), Holiday(on="2026-07-01"), Holiday(on="*-12-24")]
    found = propose([*older(), *by_hand], ENGLAND)
    assert found.added == ()
    assert [one.on for one in found.removed] == ["2026-06-05"]


def test_a_proposal_that_is_taken_is_the_next_version_and_has_nothing_left_to_propose() -> None:
    held = [one.model_copy(update={"hours": ((32_400, 43_200),)}) if one.on == "2027-05-03" else one for one in older()]
    data = {"id": "c", "version": 3, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK, "holidays": held}
    calendar = calendar_from(data)
    changed = revised(calendar, propose(calendar.holidays, ENGLAND))
    assert (calendar.version, changed.version) == (3, 4)
    assert propose(changed.holidays, ENGLAND).is_empty
    kept = next(one for one in changed.holidays if one.on == "2027-05-03")
    assert (kept.name, kept.hours) == ("May Day", ((32_400, 43_200),))

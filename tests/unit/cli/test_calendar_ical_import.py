"""Import of all-day events of iCalendar files as holidays; other events are left out with a reason."""

from datetime import date
from random import Random

import pytest

from deploy.cli.calendar import ical_import
from deploy.cli.calendar.ical_import import Imported, holidays_from_ical
from deploy.cli.calendar.rrule import expand_rule
from shared.errors import Rejected

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)


def event(*lines: str, name: str = "Feast") -> str:
    return "\n".join(["BEGIN:VEVENT", f"SUMMARY:{name}", *lines, "END:VEVENT"])


def import_events(*events: str) -> Imported:
    text = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""])
    return holidays_from_ical(text.replace("\n", "\r\n").encode(), first=FIRST, last=LAST, source="town.ics")


def import_dates(*events: str) -> list[str]:
    return [holiday.on for holiday in import_events(*events).holidays]


CHRISTMAS = "DTSTART;VALUE=DATE:20261225"


@pytest.mark.parametrize(
    ("lines", "closed"),
    [
        ([CHRISTMAS], ["2026-12-25"]),
        ([CHRISTMAS, "DTEND;VALUE=DATE:20261226"], ["2026-12-25"]),  # the end is the day after
        ([CHRISTMAS, "DTEND;VALUE=DATE:20261225"], ["2026-12-25"]),  # some write the day itself
        ([CHRISTMAS, "DTEND;VALUE=DATE:20261227"], ["2026-12-25", "2026-12-26"]),
        ([CHRISTMAS, "DURATION:P2D"], ["2026-12-25", "2026-12-26"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY"], ["2026-12-25", "2027-12-25", "2028-12-25"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY;COUNT=2"], ["2026-12-25", "2027-12-25"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY;UNTIL=20271225"], ["2026-12-25", "2027-12-25"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY;UNTIL=20271225T235959Z"], ["2026-12-25", "2027-12-25"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20271225"], ["2026-12-25", "2028-12-25"]),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY", "EXDATE:20271225T000000Z", "EXDATE;VALUE=DATE:20281225"], ["2026-12-25"]),
        ([CHRISTMAS, "RDATE;VALUE=DATE:20270102,20270103"], ["2026-12-25", "2027-01-02", "2027-01-03"]),
        ([CHRISTMAS, "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:TRANSPARENT"], ["2026-12-25"]),
        ([CHRISTMAS, "STATUS:CANCELLED"], []),
        (["DTSTART;VALUE=DATE:20251231", "DTEND;VALUE=DATE:20260103"], ["2026-01-01", "2026-01-02"]),  # began before
        (
            ["DTSTART;VALUE=DATE:19700101", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"],
            ["2026-11-26", "2027-11-25", "2028-11-23"],
        ),
        (
            ["DTSTART;VALUE=DATE:19000525", "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"],
            ["2026-05-25", "2027-05-31", "2028-05-29"],
        ),
        (["DTSTART;VALUE=DATE:20400101"], []),
    ],
)
def test_an_all_day_event_closes_its_dates(lines: list[str], closed: list[str]) -> None:
    result = import_events(event(*lines))
    assert [holiday.on for holiday in result.holidays] == closed
    assert result.ignored == ()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["DTSTART:20261225T090000Z"], "times of day"),
        (["DTSTART;TZID=Europe/Oslo:20261225T090000"], "times of day"),
        (["DTSTART:rubbish"], "its DTSTART cannot be read"),
        ([], "no start that can be read"),
        ([CHRISTMAS, "DTEND:20261225T120000Z"], "its end is not a date"),
        ([CHRISTMAS, "DTEND;VALUE=DATE:20261224"], "lasts -1 days"),
        ([CHRISTMAS, "DTEND;VALUE=DATE:20280101"], "lasts 372 days, expected 1 to 62"),
        ([CHRISTMAS, "DURATION:PT8H"], "its duration is not a number of days"),
        ([CHRISTMAS, "RRULE:FREQ=HOURLY"], "expected FREQ to be one of DAILY"),
        ([CHRISTMAS, "RRULE:FREQ=DAILY;BYHOUR=9"], "BYHOUR is not accepted"),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY;INTERVAL=0"], "expected INTERVAL from 1"),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20300101"], "COUNT or UNTIL, not both"),
        ([CHRISTMAS, "RRULE:FREQ=YEARLY", "RRULE:FREQ=MONTHLY"], "more than one rule"),
        ([CHRISTMAS, "RDATE;VALUE=PERIOD:20270101T000000Z/PT1H"], "RDATE contains a value that is not a date"),
        ([CHRISTMAS, "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20271225"], "changes all later dates"),
    ],
)
def test_an_event_that_closes_no_date_is_left_out_with_the_reason(lines: list[str], reason: str) -> None:
    result = import_events(event(*lines), event("DTSTART;VALUE=DATE:20260106", name="Epiphany"))
    assert [holiday.on for holiday in result.holidays] == ["2026-01-06"]
    assert len(result.ignored) == 1
    assert result.ignored[0].startswith("Feast: ")
    assert reason in result.ignored[0]


def test_a_single_date_of_a_series_may_be_moved_or_cancelled() -> None:
    series = event("UID:1", CHRISTMAS, "RRULE:FREQ=YEARLY")
    moved = event("UID:1", "RECURRENCE-ID;VALUE=DATE:20271225", "DTSTART;VALUE=DATE:20271227", name="Moved")
    cancelled = event("UID:1", "RECURRENCE-ID;VALUE=DATE:20281225", "DTSTART;VALUE=DATE:20281225", "STATUS:CANCELLED")
    assert import_dates(series, moved, cancelled) == ["2026-12-25", "2027-12-27"]


def test_two_events_of_one_date_become_one_holiday_with_both_names_and_a_source() -> None:
    result = import_events(
        event("UID:a", CHRISTMAS, name="Christmas\\, at last"), event("UID:b", CHRISTMAS, name="Stocktaking")
    )
    assert [(holiday.name, holiday.source) for holiday in result.holidays] == [
        ("Christmas, at last; Stocktaking", "iCal town.ics: a")
    ]


def test_a_randomly_damaged_file_is_imported_or_refused_without_other_errors() -> None:
    rng, lines = (
        Random(1),
        [CHRISTMAS, "RRULE:FREQ=YEARLY;INTERVAL=1;BYMONTH=12", "EXDATE;VALUE=DATE:20271225", "DURATION:P2D"],
    )
    text = "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", *event("UID:1", *lines).split("\n"), "END:VCALENDAR", ""]
    ).encode()
    outcomes = set()
    for _ in range(600):
        damaged = bytearray(text)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b"0123456789:;,=-TZABCDEFWMYP \r\n\xff\x00")
        try:
            result = holidays_from_ical(bytes(damaged), first=FIRST, last=LAST, source="x")
        except Rejected:
            outcomes.add("refused")
        else:
            outcomes.add("left out" if result.ignored else "read")
    assert outcomes == {"refused", "left out", "read"}


def test_names_are_one_line_of_printable_text() -> None:
    result = import_events(event(CHRISTMAS, name="Feast\\nof \x07" + "x" * 900))
    assert len(result.holidays[0].name) == ical_import.NAME_LENGTH_MAX
    assert result.holidays[0].name.startswith("Feast of xxx")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is incomplete"),
        (b"hello", "expected an iCalendar file"),
        (b"\xff\xfe\x00", "expected an iCalendar file"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\n", "the file is incomplete"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\n", "the file is incomplete"),
        (b"x" * (ical_import.FILE_BYTES_MAX + 1), "expected at most 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_incomplete_or_not_icalendar_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        holidays_from_ical(data, first=FIRST, last=LAST, source="x")


def test_too_many_events_rules_or_years_are_refused() -> None:
    with pytest.raises(Rejected, match="expected at most 5,000 events, 200 recurring, got 5,001"):
        import_events(*["BEGIN:VEVENT\nEND:VEVENT"] * (ical_import.EVENTS_MAX + 1))
    with pytest.raises(Rejected, match="201 recurring"):
        import_events(*[event(CHRISTMAS, "RRULE:FREQ=YEARLY")] * (ical_import.RULES_MAX + 1))
    with pytest.raises(Rejected, match="expected at most 30 years"):
        holidays_from_ical(b"", first=FIRST, last=date(2100, 1, 1), source="x")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # it starts on a Tuesday
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
        "FREQ=WEEKLY;BYMONTH=13",
    ],
)
def test_a_rule_that_never_matches_returns_no_dates(rule: str) -> None:
    assert expand_rule(rule, date(2026, 1, 6), FIRST, LAST) == []


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY;BYDAY=54MO;BYMONTH=2", "FREQ=WEEKLY;BYDAY=XX", "", "FREQ=DAILY;FREQ=DAILY"]
)
def test_an_invalid_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="RRULE"):
        expand_rule(rule, FIRST, FIRST, LAST)


def test_a_rule_that_started_centuries_ago_keeps_its_dates() -> None:
    assert expand_rule("FREQ=YEARLY", date(1601, 2, 28), FIRST, LAST) == [
        date(year, 2, 28) for year in (2026, 2027, 2028)
    ]
    (thousandth,) = expand_rule("FREQ=DAILY;INTERVAL=1000", date(1601, 1, 1), FIRST, LAST)
    assert (thousandth - date(1601, 1, 1)).days == 156_000

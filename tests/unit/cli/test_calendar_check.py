"""`redress calendar check`, `holidays` and `import`: output for people, and output that can be pasted into a calendar."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app
from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compute import compute_line
from services.sla.calendar import parse_calendar
from services.sla.policies.loader import STANDARD

OFFICE = """
[[calendar]]
id = "office"
version = 1
name = "Shop"
tz = "Africa/Cairo"
holiday_rule = "shift_start"
holidays = [
  { on = "2026-05-04", name = "May Day", source = "town hall" },
  { on = "*-12-24", hours = [["09:00", "12:00"]] },
]
[calendar.weekly_hours]
mon = [["09:00", "12:30"], ["13:00", "17:00"]]
thu = [["20:00", "26:00"]]
"""


PAGE = (Path(__file__).parents[3] / "docs" / "calendars.md").read_text("utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calendar", *arguments])


@pytest.fixture
def office(tmp_path: Path) -> Path:
    file = tmp_path / "office.toml"
    file.write_text(OFFICE)
    return file


def test_check_lists_opening_hours_and_holidays_by_date(office: Path) -> None:
    result = run("check", str(office), "--from", "2026-04-30", "--days", "6")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "office, version 1: Shop",
        "  local time of Africa/Cairo; a holiday cancels the shifts that start on it; the night shift of the day before ends as usual",
        "  Thu 30 Apr 2026  20:00 to 24:00",
        "  Fri 01 May 2026  00:00 to 02:00",
        "  Sat 02 May 2026  closed",
        "  Sun 03 May 2026  closed",
        "  Mon 04 May 2026  closed (May Day)",
        "  Tue 05 May 2026  closed",
        "  Holidays of the next year:",
        "    Mon 04 May 2026  May Day  [town hall]",
        "    Thu 24 Dec 2026  holiday, open 09:00 to 12:00",
        "",
    ]


def test_check_lists_other_hours_of_a_date_after_the_night_shift_of_the_day_before(office: Path) -> None:
    own = '{ on = "2026-05-01", hours = [["10:00", "11:00"]], rule = "shift_start" },'
    office.write_text(OFFICE.replace('"shift_start"', '"civil_day"').replace("holidays = [", f"holidays = [\n  {own}"))
    lines = run("check", str(office), "--from", "2026-05-01", "--days", "1").stdout.splitlines()
    assert lines[2] == "  Fri 01 May 2026  00:00 to 02:00 and 10:00 to 11:00 (other hours)"
    assert "    Fri 01 May 2026  other hours, open 10:00 to 11:00" in lines


def test_check_prints_the_description_as_json(office: Path) -> None:
    (description,) = json.loads(run("check", str(office), "--from", "2026-04-30", "--days", "2", "--json").stdout)
    assert (description["id"], description["version"], description["tz"]) == ("office", 1, "Africa/Cairo")
    assert description["dates"][0] == {
        "date": "2026-04-30",
        "open": [["20:00", "24:00"]],
        "hours": 4.0,
        "holiday": None,
    }


def test_check_accepts_the_standard_rulebook() -> None:
    result = run("check", str(STANDARD), "--days", "1")
    assert result.exit_code == 0
    assert "office, version" in result.stdout


@pytest.mark.parametrize("text", ['{"calendar": [%s]}', "[%s]", "%s"])
def test_check_accepts_json_and_a_single_calendar(tmp_path: Path, text: str) -> None:
    file = tmp_path / "office.json"
    data = {
        "id": "c",
        "version": 1,
        "tz": "UTC",
        "holiday_rule": "civil_day",
        "weekly_hours": {"mon": [["09:00", "17:00"]]},
    }
    file.write_text(text % json.dumps(data))
    assert run("check", str(file)).stdout.startswith("c, version 1")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("Africa/Cairo", "Middle/Earth"), "tz: unknown time zone 'Middle/Earth'; expected an IANA name such as"),
        (('["09:00", "12:30"]', '["12:30", "09:00"]'), "12:30-09:00 does not end after it starts"),
        (('["09:00", "12:30"]', '["09:00", "13:30"]'), "09:00-13:30 and 13:00-17:00 overlap"),
        (('["09:00", "12:30"]', "[9, 12]"), "weekly_hours.mon.0: expected a time such as '09:00'"),
        (("2026-05-04", "2026-02-30"), "expected a date such as '2026-12-25' or '*-12-25', got 2026-02-30"),
        (("shift_start", "none"), "holiday_rule: Input should be 'civil_day' or 'shift_start'"),
        (("calendar", "diary"), "expected [[calendar]] sections, or one calendar"),
        (("[[calendar]]", "[calendar]"), "got a single entry; write [[calendar]] with two brackets"),
        (('"09:00", "12:30"', '"09:00", 45_000'), "weekly_hours.mon.0: expected a time such as '09:00'"),
        (('"09:00", "12:30"', '-3600, "12:30"'), "expected a time such as '09:00' or '24:00', got -3600"),
        (('["09:00", "12:00"]', "[9, 12]"), "holidays.1.hours.0: expected a time such as '09:00'"),
        (("[calendar.weekly", "extra_openings = [{ on = 2026-05-05, hours = [[9, 12]] }]\n[calendar.weekly"), "got 9"),
    ],
)
def test_an_invalid_calendar_is_refused_with_the_reason(office: Path, changed: tuple[str, str], reason: str) -> None:
    office.write_text(OFFICE.replace(*changed))
    result = run("check", str(office))
    assert result.exit_code == 1
    assert reason in result.output


@pytest.mark.parametrize(
    "text", ['{"calendar": {}}', '{"calendar": 3}', '{"calendar": null}', '{"calendar": ["c"]}', "[3]"]
)
def test_a_file_without_a_list_of_calendars_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    file = tmp_path / "office.json"
    file.write_text(text)
    result = run("check", str(file))
    assert result.exit_code == 1
    assert "calendar: expected a list of entries, in TOML [[calendar]]" in result.output


def test_a_calendar_that_never_opens_is_refused(office: Path) -> None:
    office.write_text(
        OFFICE.replace("mon =", "# mon =")
        .replace("thu =", "# thu =")
        .replace('hours = [["09:00", "12:00"]]', 'name = "Eve"')
    )
    result = run("check", str(office))
    assert result.exit_code == 1
    assert "calendar 'office' has no open time in the 400 days after" in result.output


@pytest.mark.parametrize(("name", "data"), [("a.toml", b"= 1"), ("a.json", b"{"), ("a.toml", b"\xff\xfe")])
def test_a_file_that_is_neither_toml_nor_json_exits_with_code_two(tmp_path: Path, name: str, data: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    result = run("check", str(file))
    assert result.exit_code == 2
    assert "is neither TOML nor JSON" in result.output
    assert run("check", str(tmp_path / "none.toml")).exit_code == 2


def parse_with_holidays(holidays: list[dict[str, Any]]) -> Any:
    week = {"mon": [["09:00", "17:00"]]}
    data = {"id": "c", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": week}
    return parse_calendar({**data, "holidays": holidays})


def test_holidays_of_a_country_can_be_pasted_into_a_calendar() -> None:
    arguments = ("holidays", "GB", "--subdivision", "ENG", "--years", "2026-2027")
    pasted = tomllib.loads(run(*arguments).stdout)["holidays"]
    assert pasted == json.loads(run(*arguments, "--format", "json").stdout)["holidays"]
    assert {"on": "2026-04-06", "name": "Easter Monday"}.items() <= next(
        holiday for holiday in pasted if holiday["on"] == "2026-04-06"
    ).items()
    assert len(parse_with_holidays(pasted).holidays) == len(pasted) > 15


def test_check_lists_changes_of_the_holiday_library(tmp_path: Path) -> None:
    pasted = json.loads(run("holidays", "GB", "--years", "2026", "--format", "json").stdout)["holidays"]
    pasted[0]["name"] = "Hogmanay"
    del pasted[1]
    data = json.loads(parse_with_holidays(pasted).model_dump_json(exclude={"weekly_hours"})) | {
        "weekly_hours": {"mon": [["09:00", "17:00"]]}
    }
    file = tmp_path / "office.json"
    file.write_text(json.dumps(data))
    stdout = run("check", str(file), "--from", "2026-01-01").stdout
    assert "Changed in the holiday library: 2026-01-01 Hogmanay is now named New Year's Day" in stdout
    assert "is new" in stdout


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("holidays", "XX"), 1, "unknown country 'XX'; expected an ISO 3166-1 code"),
        (("holidays", "GB", "--years", "26"), 2, "expected one year or a range within 1970 to 2200"),
        (("holidays", "GB", "--years", "2028-2026"), 2, "expected one year or a range within"),
        (("holidays", "GB", "--category", "nope"), 1, "unknown category 'nope'"),
    ],
)
def test_unknown_arguments_of_holidays_are_refused_with_the_reason(
    arguments: tuple[str, ...], code: int, reason: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert reason in " ".join(result.output.split())


def test_without_the_holiday_library_the_command_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)  # an import fails as if it were not installed
    result = run("holidays", "GB", "--years", "2026")
    assert result.exit_code == 2
    assert "redress[cli]" in " ".join(result.output.split())


ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
SUMMARY:Fête "nationale" 🎆
DTSTART;VALUE=DATE:20260714
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Meeting
DTSTART:20260714T100000Z
END:VEVENT
END:VCALENDAR
"""


def test_import_prints_holidays_and_reports_events_left_out(tmp_path: Path) -> None:
    file = tmp_path / "fr.ics"
    file.write_text(ICS, encoding="utf-8")
    result = run("import", str(file), "--years", "2026-2028")
    assert result.exit_code == 0
    pasted = tomllib.loads(result.stdout)["holidays"]
    assert [holiday["on"] for holiday in pasted] == ["2026-07-14", "2027-07-14", "2028-07-14"]
    assert pasted[0] == {"on": "2026-07-14", "name": 'Fête "nationale" 🎆', "source": "iCal fr.ics: 1"}
    assert "left out: Meeting: it has times of day" in result.stderr
    assert len(parse_with_holidays(pasted).holidays) == 3


def test_import_refuses_a_file_that_is_not_icalendar(tmp_path: Path) -> None:
    file = tmp_path / "x.ics"
    file.write_text("hello")
    result = run("import", str(file))
    assert result.exit_code == 1
    assert "expected an iCalendar file" in result.output
    assert run("import", str(tmp_path / "none.ics")).exit_code == 2


def test_the_examples_of_the_calendar_page_are_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    file = tmp_path / "oslo.toml"
    file.write_text(text, encoding="utf-8")
    assert (
        run("check", str(file), "--from", "2026-05-17", "--days", "1").stdout.splitlines()[2].endswith("(Grunnlovsdag)")
    )
    ((request, response),) = re.findall(r"echo '(.*?)' .*?\n({.*?})\n", PAGE, flags=re.DOTALL)
    assert json.loads(compute_line(request.replace("\n", "").encode(), CalendarCache())) == json.loads(response)

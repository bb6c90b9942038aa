"""`redress calendar compute`: accepted lines with their results, and refused lines with the reason."""

import json
from collections import Counter
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compute import LINE_BYTES_MAX, compute_line
from deploy.cli.calendar.stream import compute_stream, read_lines

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "business_hours_vectors.json"
OFFICE = {day: [["09:00", "12:30"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
MONDAY = "2026-03-02T"
HOUR = 3600


def compute_result(**changed: Any) -> dict[str, Any]:
    """Return the result of a line about an office in Oslo; the value None removes a key."""
    defaults = {
        "tz": "Europe/Oslo",
        "weekly_hours": OFFICE,
        "holidays": ["*-12-25"],
        "start": f"{MONDAY}16:00:00+01:00",
    }
    line = {key: value for key, value in {**defaults, **changed}.items() if value is not None}
    return json.loads(compute_line(json.dumps(line).encode(), CalendarCache()))


def compute_due(**changed: Any) -> str:
    return compute_result(**changed)["due"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"add_seconds": HOUR}, "2026-03-02T17:00:00+01:00"),  # closing time, not the next opening
        ({"add_seconds": 2 * HOUR}, "2026-03-03T10:00:00+01:00"),
        (
            {"add_seconds": 0, "start": "2026-03-01T12:00:00+01:00"},
            "2026-03-01T12:00:00+01:00",
        ),  # zero seconds: unchanged
        ({"add_seconds": -2 * HOUR}, "2026-03-02T14:00:00+01:00"),
        ({"add_seconds": -HOUR, "start": f"{MONDAY}10:00:00+01:00"}, "2026-03-02T09:00:00+01:00"),  # opening time
        (
            {"add_seconds": HOUR, "start": f"{MONDAY}15:00:00Z"},
            "2026-03-02T17:00:00+01:00",
        ),  # returned in the zone of the calendar
        ({"add_seconds": 7 * HOUR, "start": "2026-12-24T16:30:00+01:00"}, "2026-12-28T16:00:00+01:00"),
        ({"add_seconds": 8 * HOUR, "start": "2026-03-27T16:00:00+01:00"}, "2026-03-30T16:30:00+02:00"),  # summer time
        ({"add_seconds": 0.75, "start": f"{MONDAY}16:00:00.5+01:00"}, "2026-03-02T16:00:01.250000+01:00"),
        ({"add_seconds": 1, "start": f"{MONDAY}16:59:59.5+01:00"}, "2026-03-03T09:00:00.500000+01:00"),
        ({"add_seconds": 0.5, "start": f"{MONDAY}16:59:59.5+01:00"}, "2026-03-02T17:00:00+01:00"),
        ({"add_seconds": 0.000001, "start": f"{MONDAY}17:00:00.999999+01:00"}, "2026-03-03T09:00:00.000001+01:00"),
    ],
)
def test_a_due_time_is_in_the_zone_of_the_calendar_and_exact_to_the_microsecond(
    changed: dict[str, Any], expected: str
) -> None:
    assert compute_due(**changed) == expected


SUNDAY = {"sun": [["00:00", "24:00"]]}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"end": "2026-03-03T10:00:00+01:00"}, 2 * HOUR),
        ({"start": "2026-03-03T10:00:00+01:00", "end": f"{MONDAY}16:00:00+01:00"}, -2 * HOUR),
        ({"end": f"{MONDAY}16:00:00.25+01:00"}, 0.25),
        ({"start": f"{MONDAY}17:00:00.25+01:00", "end": f"{MONDAY}18:00:00.5+01:00"}, 0),
        ({"weekly_hours": SUNDAY, "start": "2026-10-18T00:00:00Z", "end": "2026-10-20T00:00:00Z"}, 22 * HOUR),
        ({"weekly_hours": SUNDAY, "start": "2026-10-24T00:00:00Z", "end": "2026-10-27T00:00:00Z"}, 25 * HOUR),
    ],
)
def test_elapsed_time_is_signed_and_includes_changes_of_daylight_saving_time(
    changed: dict[str, Any], expected: float
) -> None:
    assert compute_result(**changed) == {"elapsed_seconds": expected}


def pauses_at(*times: str) -> list[list[str]]:
    """Return pairs of times on that Monday as pauses."""
    stamps = [f"{MONDAY}{text}:00+01:00" for text in times]
    return [list(pair) for pair in zip(stamps[::2], stamps[1::2], strict=True)]


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        ([], "12:00"),
        (pauses_at("10:00", "11:00"), "13:30"),  # over lunch
        (pauses_at("11:00", "11:30", "10:00", "10:15", "10:10", "10:20"), "13:20"),  # unsorted, overlapping
        (pauses_at("08:00", "10:00"), "13:30"),  # only the part after the start counts
        (pauses_at("07:00", "08:00"), "12:00"),
        (pauses_at("12:00", "16:00"), "12:00"),  # starts at the due time: no effect
        (pauses_at("11:59", "13:01"), "13:02"),  # one minute before the due time; lunch is not a pause
        (pauses_at("11:30", "11:30"), "12:00"),
        (
            pauses_at("10:00", "10:30", "12:15", "13:15"),
            "13:30",
        ),  # the second starts before the due time that the first one moved
    ],
)
def test_a_pause_moves_the_due_time_by_the_opening_time_it_covers(pauses: list[list[str]], expected: str) -> None:
    due_at = compute_due(start=f"{MONDAY}09:00:00+01:00", add_seconds=3 * HOUR, pauses=pauses)
    assert due_at == f"{MONDAY}{expected}:00+01:00"


def test_pauses_are_left_out_of_elapsed_time_in_either_direction() -> None:
    pauses = pauses_at("10:00", "11:00", "12:00", "13:30", "07:00", "09:30")
    start, end = f"{MONDAY}09:00:00+01:00", f"{MONDAY}14:00:00+01:00"
    assert compute_result(start=start, end=end, pauses=pauses) == {"elapsed_seconds": 2 * HOUR}
    assert compute_result(start=end, end=start, pauses=pauses) == {"elapsed_seconds": -2 * HOUR}


def test_subtracting_time_skips_pauses() -> None:
    assert compute_due(add_seconds=-2 * HOUR, pauses=pauses_at("14:00", "15:00")) == f"{MONDAY}13:00:00+01:00"


@pytest.mark.parametrize("interval", [["22:00", "30:00"], ["22:00", "06:00"]])
def test_a_night_shift_can_be_written_in_two_ways(interval: list[str]) -> None:
    assert compute_due(weekly_hours={"mon": [interval]}, add_seconds=8 * HOUR) == "2026-03-03T06:00:00+01:00"


def test_a_day_may_end_a_fraction_before_midnight() -> None:
    almost = {"mon": [["00:00", "23:59:59.64"]]}
    assert compute_result(weekly_hours=almost, end="2026-03-09T00:00:00+01:00") == {"elapsed_seconds": 8 * HOUR}


TEN_TO_TWELVE = {"2026-03-02": [["10:00", "12:00"]]}


@pytest.mark.parametrize(
    ("changed", "open_hours"),
    [
        ({}, 7.5),
        ({"holidays": ["2026-03-02"]}, 0),
        ({"holidays": ["2026-03-02", "2026-03-02"]}, 0),
        ({"holiday_hours": TEN_TO_TWELVE}, 2),
        ({"holiday_hours": {"*-03-02": [["10:00", "12:00"]]}}, 2),
        ({"holidays": ["2026-03-02"], "holiday_hours": TEN_TO_TWELVE}, 2),
        ({"shifts": TEN_TO_TWELVE}, 2),
        ({"shifts": {"2026-03-02": []}}, 0),
        ({"holidays": ["2026-03-02"], "shifts": TEN_TO_TWELVE}, 0),  # holidays win over shifts
        ({"holidays": ["*-03-02"], "shifts": TEN_TO_TWELVE}, 0),
        ({"breaks": {"2026-03-02": [["10:00", "11:00"], ["12:00", "13:30"]]}}, 5.5),
        ({"breaks": {"2026-03-02": [["10:00", "11:00"]]}, "shifts": TEN_TO_TWELVE}, 1),
        ({"breaks": {"2026-03-02": [["10:00", "11:00"]]}, "holidays": ["2026-03-02"]}, 0),
    ],
)
def test_a_date_may_have_hours_of_its_own(changed: dict[str, Any], open_hours: float) -> None:
    day = {"start": "2026-03-02T00:00:00+01:00", "end": "2026-03-03T00:00:00+01:00"}
    assert compute_result(**day, **changed) == {"elapsed_seconds": open_hours * HOUR}


FRIDAY_NIGHT = {"fri": [["21:00", "31:00"]], "sat": [["12:00", "15:00"]]}


@pytest.mark.parametrize(
    ("changed", "open_hours"),
    [
        ({}, 10 + 3),
        (
            {"shifts": {"2026-03-07": [["09:00", "10:00"]]}},
            10 + 1,
        ),  # replaces the shift of Saturday; the date is not a holiday
        ({"shifts": {"2026-03-07": []}}, 10),
        (
            {"shifts": {"2026-03-06": [["09:00", "10:00"]]}},
            1 + 3,
        ),  # replaces the shift of Friday, also its part after midnight
        ({"shifts": {"2026-03-06": [["22:00", "25:00"]]}}, 3 + 3),
        ({"shifts": {"2026-03-06": []}}, 3),
        ({"shifts": {"*-03-06": []}}, 3),
        ({"holiday_hours": {"2026-03-06": [["09:00", "10:00"]]}}, 1 + 3),
        (
            {"holiday_hours": {"2026-03-07": [["09:00", "10:00"]]}},
            3 + 1,
        ),  # a holiday removes the night shift of the day before from its date
        ({"holidays": ["2026-03-06"]}, 7 + 3),  # a closed date is removed from midnight to midnight
        ({"holidays": ["2026-03-07"]}, 3),
        ({"breaks": {"2026-03-06": [["21:00", "23:00"]]}}, 8 + 3),
        ({"breaks": {"2026-03-06": [["21:00", "31:00"]]}}, 3),
        ({"breaks": {"2026-03-07": [["12:00", "13:00"]]}, "shifts": {"2026-03-06": []}}, 2),
    ],
)
def test_hours_of_a_date_replace_the_shifts_that_start_on_it(changed: dict[str, Any], open_hours: float) -> None:
    span = {"start": "2026-03-05T00:00:00+01:00", "end": "2026-03-09T00:00:00+01:00"}
    assert compute_result(weekly_hours=FRIDAY_NIGHT, **span, **changed) == {"elapsed_seconds": open_hours * HOUR}


def test_the_default_holiday_rule_is_civil_day() -> None:
    night = {"weekly_hours": {"sun": [["22:00", "30:00"]]}, "holidays": ["2026-03-02"]}
    span = {"start": "2026-03-01T12:00:00+01:00", "end": "2026-03-02T12:00:00+01:00"}
    assert compute_result(**night, **span) == {"elapsed_seconds": 2 * HOUR}
    assert compute_result(**night, **span, holiday_rule="shift_start") == {"elapsed_seconds": 8 * HOUR}


def test_unknown_keys_are_ignored() -> None:
    assert (
        compute_due(add_seconds=HOUR, id={"deep": [1]}, kind="add", expected=[], name="x") == f"{MONDAY}17:00:00+01:00"
    )


def test_null_is_the_same_as_a_missing_key() -> None:
    line = {"tz": "UTC", "weekly_hours": OFFICE, "holidays": None, "start": f"{MONDAY}09:00:00Z", "add_seconds": HOUR}
    answer = json.loads(compute_line(json.dumps({**line, "end": None, "pauses": None}).encode(), CalendarCache()))
    assert answer == {"due": f"{MONDAY}10:00:00+00:00"}


NIGHT_BEFORE = {"weekly_hours": {"sun": [["22:00", "30:00"]]}, "breaks": {"2026-03-02": [["01:00", "02:00"]]}}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"add_seconds": None}, "either add_seconds or end, got neither"),
        ({"end": f"{MONDAY}17:00:00+01:00"}, "either add_seconds or end, got both"),
        ({"add_seconds": True}, "add_seconds: expected a number of seconds"),
        ({"add_seconds": "3600"}, "add_seconds: expected a number of seconds"),
        ({"add_seconds": 10**309}, "add_seconds: expected a number of seconds up to"),
        ({"add_seconds": -(10**309)}, "add_seconds: expected a number of seconds up to"),
        ({"add_seconds": 10**12}, "add_seconds: expected a number of seconds up to"),
        ({"add_seconds": 6 * 10**9}, "the calendar is not computed beyond the year 2200"),
        ({"add_seconds": -(6 * 10**9)}, "the calendar is not computed before the year 1970"),
        ({"start": f"{MONDAY}16:00:00"}, "start: .* has no offset"),
        ({"start": "2026-03-02"}, "start: .* has no offset"),
        ({"start": "Monday"}, "start: expected ISO 8601 with an offset such as"),
        ({"start": 1_770_000_000}, "start: expected ISO 8601"),
        ({"start": None}, "start: expected ISO 8601 .*, got nothing"),
        ({"start": "1000-03-02T09:00:00Z"}, "start: expected an instant of the years 1970 to 2200"),
        ({"start": "9000-03-02T09:00:00Z"}, "start: expected an instant of the years 1970 to 2200"),
        ({"start": "0001-01-01T00:00:00+23:00"}, "start: expected an instant of the years"),
        ({"add_seconds": None, "end": "9999-12-31T23:59:59-23:00"}, "end: expected an instant of the years"),
        ({"tz": None}, "tz: expected an IANA name such as 'Europe/Oslo', got null"),
        ({"tz": "Middle/Earth"}, "tz: unknown time zone 'Middle/Earth'; expected an IANA name"),
        ({"tz": "../etc/passwd"}, "tz: unknown time zone"),
        ({"tz": "\ud800"}, "tz: unknown time zone"),
        ({"weekly_hours": None}, "weekly_hours: expected such as"),
        ({"weekly_hours": {}}, "the calendar has no open time in the 400 days after"),
        ({"weekly_hours": {"mon": []}}, "the calendar has no open time in the 400 days after"),
        ({"weekly_hours": []}, "weekly_hours: expected an object of days"),
        ({"weekly_hours": {"monday": []}}, "weekly_hours: expected days out of mon, tue, .* 'monday'"),
        ({"weekly_hours": {"mon": [[9, 17]]}}, "weekly_hours.mon: expected a time such as '09:00'"),
        ({"weekly_hours": {"mon": ["09:00", "17:00"]}}, "weekly_hours.mon: expected .open, close."),
        ({"weekly_hours": {"mon": [["17:00", "09:00"]]}}, "does not end after it starts; .* '33:00'"),
        ({"weekly_hours": {"mon": [["09:00", "09:00"]]}}, "does not end after it starts"),
        ({"weekly_hours": {"mon": [["25:00", "26:00"]]}}, "starts on the next day"),
        ({"weekly_hours": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}}, "overlap"),
        ({"holidays": "2026-12-25"}, "holidays: expected a list of dates"),
        ({"holidays": [20261225]}, "holidays: expected a list of dates"),
        ({"holidays": ["2026-02-30"]}, "expected a date such as .*, got '2026-02-30'"),
        ({"holiday_hours": {"soon": []}}, "expected a date such as .*, got 'soon'"),
        ({"holiday_rule": "none"}, "holiday_rule: Input should be 'civil_day' or 'shift_start'"),
        ({"breaks": {"*-03-02": [["10:00", "11:00"]]}}, "breaks.*expected a date such as"),
        (NIGHT_BEFORE, "the night shift of the day before ends on that date"),
        ({**NIGHT_BEFORE, "holidays": ["2026-03-01"]}, "the night shift of the day before ends on that date"),
        ({"breaks": {"0001-01-01": [["10:00", "11:00"]]}}, "breaks.*expected a date such as"),
        *(({"holidays": wrong}, "holidays: expected a list of dates") for wrong in ({}, "", False, 0)),
        *(({"holiday_rule": wrong}, "holiday_rule: Input should be 'civil_day'") for wrong in ("", False, 0, [])),
        *(({key: wrong}, f"{key}: expected an object") for key in ("shifts", "breaks") for wrong in ([], "", False, 0)),
        ({"pauses": {}}, "pauses: expected a list of"),
        ({"pauses": [[f"{MONDAY}17:00:00+01:00"]]}, "pauses.0: expected .from, until."),
        ({"pauses": [[f"{MONDAY}17:00:00+01:00", None]]}, "pauses.0: a pause without an end"),
        ({"pauses": pauses_at("12:00", "11:00")}, "pauses.0: ends at .* before it begins"),
        ({"pauses": [["x", "y"]]}, "pauses.0.0: expected ISO 8601"),
    ],
)
def test_an_invalid_line_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    answer = compute_result(**{"add_seconds": HOUR, **changed})
    assert list(answer) == ["error"]
    with pytest.raises(ValueError, match=reason):
        raise ValueError(answer["error"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\n", "the line is empty"),
        (b"not json", "the line is not JSON: Expecting value at character 1"),
        (b"[1]", "expected an object such as"),
        (b'{"add_seconds": NaN}', "NaN is not a number of JSON"),
        (b'{"add_seconds": -Infinity}', "-Infinity is not a number of JSON"),
        (b'{"start": "2026-03-02T09:00:00Z", "add_seconds": 1e999}', "add_seconds: expected a number"),
        (b'{"id": ' + b"9" * 5000 + b"}", "a number with too many digits"),
        (b'{"tz": "UTC", "tz": "UTC"}', '"tz" is a duplicate key'),
        (b'{"weekly_hours": {"mon": [], "mon": []}}', '"mon" is a duplicate key'),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "the line is not UTF-8"),
        (b'"' + b"x" * LINE_BYTES_MAX + b'"', "the line is longer than 1,048,576 bytes"),
    ],
)
def test_a_line_that_is_not_a_json_object_is_refused_with_the_reason(line: bytes, reason: str) -> None:
    assert reason in json.loads(compute_line(line, CalendarCache()))["error"]


LINE = json.dumps(
    {"tz": "UTC", "weekly_hours": OFFICE, "holidays": ["*-12-25"], "start": f"{MONDAY}09:00:00Z", "add_seconds": HOUR}
)


def test_a_randomly_damaged_line_gets_a_due_time_or_an_error() -> None:
    rng, calendars = Random(1), CalendarCache()
    keys: Counter[str] = Counter()
    for _ in range(3000):
        damaged = bytearray(LINE.encode())
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'0123456789"[]{},:-+.eTZ null')
        answer = json.loads(compute_line(bytes(damaged), calendars))
        keys.update(answer.keys())
        assert not answer.get("error", "").startswith("not understood")
    assert set(keys) == {"due", "error"}


def test_a_line_that_is_too_long_is_cut_and_the_next_line_is_read() -> None:
    source = BytesIO(b"\xef\xbb\xbfone\n" + b"x" * (5 * LINE_BYTES_MAX + 7) + b"\n\nlast")
    first, long, empty, last = read_lines(source)
    assert (first, empty, last) == (b"one", b"", b"last")
    assert LINE_BYTES_MAX < len(long) < 2 * LINE_BYTES_MAX


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize(("more", "expected_key"), [(0, "due"), (1, "error")])
def test_the_length_limit_of_a_line_excludes_its_line_end(end: bytes, more: int, expected_key: str) -> None:
    padded = LINE[:-1].encode() + b" " * (LINE_BYTES_MAX - len(LINE) + more) + b"}"
    (line,) = read_lines(BytesIO(b"\xef\xbb\xbf" + padded + end))
    assert list(json.loads(compute_line(line, CalendarCache()))) == [expected_key]


class RecordingInput(BytesIO):
    """Input in blocks; at each read it records how many results were flushed to `output` before."""

    def __init__(self, blocks: list[bytes], output: StringIO) -> None:
        super().__init__()
        self.blocks, self.output, self.answers = blocks, output, []

    def read1(self, size: int = -1, /) -> bytes:
        self.answers.append(self.output.getvalue().count("\n"))
        return self.blocks.pop(0) if self.blocks else b""


class BufferedOutput(StringIO):
    """Output that passes text on to `reached` only when it is flushed, like a pipe."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = StringIO()

    def flush(self) -> None:
        self.reached.write(self.getvalue())
        self.truncate(0)
        self.seek(0)


def test_all_complete_lines_are_answered_before_more_input_is_read() -> None:
    line, out = f"{LINE}\n".encode(), BufferedOutput()
    source = RecordingInput([line, line + line[:20], line[20:] + line * 3], out.reached)
    compute_stream(source, out)
    assert source.answers == [0, 1, 2, 6]

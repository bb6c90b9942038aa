"""`redress calendar compute`: what a line may ask, what it is answered, and what is refused with a reason."""

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


def answer_to(**changed: Any) -> dict[str, Any]:
    """The answer to a line of an office in Oslo; None takes a key away."""
    defaults = {
        "tz": "Europe/Oslo",
        "weekly_hours": OFFICE,
        "holidays": ["*-12-25"],
        "start": f"{MONDAY}16:00:00+01:00",
    }
    line = {key: value for key, value in {**defaults, **changed}.items() if value is not None}
    return json.loads(compute_line(json.dumps(line).encode(), CalendarCache()))


def due(**changed: Any) -> str:
    return answer_to(**changed)["due"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"add_seconds": HOUR}, "2026-03-02T17:00:00+01:00"),  # closing time, not the next opening
        ({"add_seconds": 2 * HOUR}, "2026-03-03T10:00:00+01:00"),
        ({"add_seconds": 0, "start": "2026-03-01T12:00:00+01:00"}, "2026-03-01T12:00:00+01:00"),  # nothing added stays
        ({"add_seconds": -2 * HOUR}, "2026-03-02T14:00:00+01:00"),
        ({"add_seconds": -HOUR, "start": f"{MONDAY}10:00:00+01:00"}, "2026-03-02T09:00:00+01:00"),  # opening time
        ({"add_seconds": HOUR, "start": f"{MONDAY}15:00:00Z"}, "2026-03-02T17:00:00+01:00"),  # told in the zone
        ({"add_seconds": 7 * HOUR, "start": "2026-12-24T16:30:00+01:00"}, "2026-12-28T16:00:00+01:00"),
        ({"add_seconds": 8 * HOUR, "start": "2026-03-27T16:00:00+01:00"}, "2026-03-30T16:30:00+02:00"),  # summer time
        ({"add_seconds": 0.75, "start": f"{MONDAY}16:00:00.5+01:00"}, "2026-03-02T16:00:01.250000+01:00"),
        ({"add_seconds": 1, "start": f"{MONDAY}16:59:59.5+01:00"}, "2026-03-03T09:00:00.500000+01:00"),
        ({"add_seconds": 0.5, "start": f"{MONDAY}16:59:59.5+01:00"}, "2026-03-02T17:00:00+01:00"),
        ({"add_seconds": 0.000001, "start": f"{MONDAY}17:00:00.999999+01:00"}, "2026-03-03T09:00:00.000001+01:00"),
    ],
)
def test_a_due_time_is_in_the_zone_of_the_calendar_exact_to_the_microsecond(
    changed: dict[str, Any], expected: str
) -> None:
    assert due(**changed) == expected


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
def test_elapsed_time_is_signed_and_fractional(changed: dict[str, Any], expected: float) -> None:
    assert answer_to(**changed) == {"elapsed_seconds": expected}


def clock(*times: str) -> list[list[str]]:
    """Pairs of times of that Monday as pauses."""
    stamps = [f"{MONDAY}{text}:00+01:00" for text in times]
    return [list(pair) for pair in zip(stamps[::2], stamps[1::2], strict=True)]


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        ([], "12:00"),
        (clock("10:00", "11:00"), "13:30"),  # over lunch
        (clock("11:00", "11:30", "10:00", "10:15", "10:10", "10:20"), "13:20"),  # unsorted, overlapping
        (clock("08:00", "10:00"), "13:30"),  # only what lies behind the start counts
        (clock("07:00", "08:00"), "12:00"),
        (clock("12:00", "16:00"), "12:00"),  # begins when it is due: no longer matters
        (clock("11:59", "13:01"), "13:02"),  # a minute left; lunch is no pause
        (clock("11:30", "11:30"), "12:00"),
        (
            clock("10:00", "10:30", "12:15", "13:15"),
            "13:30",
        ),  # the second begins before the due time that the first left
    ],
)
def test_a_pause_moves_the_due_time_by_the_opening_time_it_covers(pauses: list[list[str]], expected: str) -> None:
    due_at = due(start=f"{MONDAY}09:00:00+01:00", add_seconds=3 * HOUR, pauses=pauses)
    assert due_at == f"{MONDAY}{expected}:00+01:00"


def test_pauses_are_excluded_from_elapsed_time_in_both_directions() -> None:
    pauses = clock("10:00", "11:00", "12:00", "13:30", "07:00", "09:30")
    start, end = f"{MONDAY}09:00:00+01:00", f"{MONDAY}14:00:00+01:00"
    assert answer_to(start=start, end=end, pauses=pauses) == {"elapsed_seconds": 2 * HOUR}
    assert answer_to(start=end, end=start, pauses=pauses) == {"elapsed_seconds": -2 * HOUR}


def test_subtracting_skips_pauses() -> None:
    assert due(add_seconds=-2 * HOUR, pauses=clock("14:00", "15:00")) == f"{MONDAY}13:00:00+01:00"


@pytest.mark.parametrize("interval", [["22:00", "30:00"], ["22:00", "06:00"]])
def test_a_night_shift_has_two_accepted_forms(interval: list[str]) -> None:
    assert due(weekly_hours={"mon": [interval]}, add_seconds=8 * HOUR) == "2026-03-03T06:00:00+01:00"


def test_a_day_may_end_a_fraction_before_midnight() -> None:
    almost = {"mon": [["00:00", "23:59:59.64"]]}
    assert answer_to(weekly_hours=almost, end="2026-03-09T00:00:00+01:00") == {"elapsed_seconds": 8 * HOUR}


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
    assert answer_to(**day, **changed) == {"elapsed_seconds": open_hours * HOUR}


FRIDAY_NIGHT = {"fri": [["21:00", "31:00"]], "sat": [["12:00", "15:00"]]}


@pytest.mark.parametrize(
    ("changed", "open_hours"),
    [
        ({}, 10 + 3),
        ({"shifts": {"2026-03-07": [["09:00", "10:00"]]}}, 10 + 1),  # Saturday's, and it is no holiday
        ({"shifts": {"2026-03-07": []}}, 10),
        ({"shifts": {"2026-03-06": [["09:00", "10:00"]]}}, 1 + 3),  # Friday's, also after midnight
        ({"shifts": {"2026-03-06": [["22:00", "25:00"]]}}, 3 + 3),
        ({"shifts": {"2026-03-06": []}}, 3),
        ({"shifts": {"*-03-06": []}}, 3),
        ({"holiday_hours": {"2026-03-06": [["09:00", "10:00"]]}}, 1 + 3),
        ({"holiday_hours": {"2026-03-07": [["09:00", "10:00"]]}}, 3 + 1),  # a holiday cuts the night of its eve
        ({"holidays": ["2026-03-06"]}, 7 + 3),  # a closed date is cut out from midnight to midnight
        ({"holidays": ["2026-03-07"]}, 3),
        ({"breaks": {"2026-03-06": [["21:00", "23:00"]]}}, 8 + 3),
        ({"breaks": {"2026-03-06": [["21:00", "31:00"]]}}, 3),
        ({"breaks": {"2026-03-07": [["12:00", "13:00"]]}, "shifts": {"2026-03-06": []}}, 2),
    ],
)
def test_hours_of_a_date_replace_the_shifts_that_start_on_it(changed: dict[str, Any], open_hours: float) -> None:
    span = {"start": "2026-03-05T00:00:00+01:00", "end": "2026-03-09T00:00:00+01:00"}
    assert answer_to(weekly_hours=FRIDAY_NIGHT, **span, **changed) == {"elapsed_seconds": open_hours * HOUR}


def test_the_holiday_rule_is_civil_day_by_default() -> None:
    night = {"weekly_hours": {"sun": [["22:00", "30:00"]]}, "holidays": ["2026-03-02"]}
    span = {"start": "2026-03-01T12:00:00+01:00", "end": "2026-03-02T12:00:00+01:00"}
    assert answer_to(**night, **span) == {"elapsed_seconds": 2 * HOUR}
    assert answer_to(**night, **span, holiday_rule="shift_start") == {"elapsed_seconds": 8 * HOUR}


def test_irrelevant_keys_are_ignored() -> None:
    assert due(add_seconds=HOUR, id={"deep": [1]}, kind="add", expected=[], name="x") == f"{MONDAY}17:00:00+01:00"


def test_null_means_absent() -> None:
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
        ({"pauses": clock("12:00", "11:00")}, "pauses.0: ends at .* before it begins"),
        ({"pauses": [["x", "y"]]}, "pauses.0.0: expected ISO 8601"),
    ],
)
def test_an_invalid_line_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    answer = answer_to(**{"add_seconds": HOUR, **changed})
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


def test_a_randomly_damaged_line_always_has_a_result() -> None:
    rng, calendars = Random(1), CalendarCache()
    seen: Counter[str] = Counter()
    for _ in range(3000):
        damaged = bytearray(LINE.encode())
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'0123456789"[]{},:-+.eTZ null')
        answer = json.loads(compute_line(bytes(damaged), calendars))
        seen.update(answer.keys())
        assert not answer.get("error", "").startswith("not understood")
    assert set(seen) == {"due", "error"}


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    source = BytesIO(b"\xef\xbb\xbfone\n" + b"x" * (5 * LINE_BYTES_MAX + 7) + b"\n\nlast")
    first, long, empty, last = read_lines(source)
    assert (first, empty, last) == (b"one", b"", b"last")
    assert LINE_BYTES_MAX < len(long) < 2 * LINE_BYTES_MAX


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize(("more", "answered"), [(0, "due"), (1, "error")])
def test_a_line_may_have_one_mebibyte_without_its_newline(end: bytes, more: int, answered: str) -> None:
    padded = LINE[:-1].encode() + b" " * (LINE_BYTES_MAX - len(LINE) + more) + b"}"
    (line,) = read_lines(BytesIO(b"\xef\xbb\xbf" + padded + end))
    assert list(json.loads(compute_line(line, CalendarCache()))) == [answered]


class Asking(BytesIO):
    """Input that provides a line only after the line before was answered."""

    def __init__(self, waiting: list[bytes], seen: StringIO) -> None:
        super().__init__()
        self.waiting, self.seen, self.answers = waiting, seen, []

    def read1(self, size: int = -1, /) -> bytes:
        self.answers.append(self.seen.getvalue().count("\n"))
        return self.waiting.pop(0) if self.waiting else b""


class Held(StringIO):
    """Shows what was written only once it is flushed, as a pipe does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = StringIO()

    def flush(self) -> None:
        self.reached.write(self.getvalue())
        self.truncate(0)
        self.seek(0)


def test_results_are_written_before_more_input_is_read() -> None:
    line, out = f"{LINE}\n".encode(), Held()
    source = Asking([line, line + line[:20], line[20:] + line * 3], out.reached)
    compute_stream(source, out)
    assert source.answers == [0, 1, 2, 6]

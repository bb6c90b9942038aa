"""Cache of compiled calendars: each is compiled once, the memory is limited, the order of lines does not matter."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from traceback import walk_tb
from typing import Any

import pytest

from deploy.cli.calendar import cache
from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compact_format import parse_compact_calendar
from deploy.cli.calendar.compute import compute_line
from services.sla.calendar import Calendar, horizon
from services.sla.calendar.spans import open_spans
from shared.errors import Rejected
from tests.unit.cli.test_calendar_compute import OFFICE, compute_due


def generate_requests(calendars: int, first: int, last: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield 40 requests per calendar, each calendar with its own hours, and an instant between the years."""
    rng = Random(4)
    years = (last - first) * 365 * 86_400
    since = int(datetime(first, 1, 1, tzinfo=UTC).timestamp())
    for number in range(40 * calendars):
        end = f"{16 + number % calendars // 60}:{number % calendars % 60:02d}"
        week = {day: [["09:00", "12:30"], ["13:00", end]] for day in ("mon", "tue", "wed", "thu", "fri")}
        yield {"tz": "Europe/Oslo", "weekly_hours": week}, since + rng.randrange(years)


def test_calendars_used_for_fifty_years_are_compiled_once_and_extended_little_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guard against calendars that are evicted and compiled again, or extended too far, for each line."""
    parsed: list[Calendar] = []
    lengths: list[int] = []

    def parse(request: dict[str, Any]) -> Calendar:
        parsed.append(parse_compact_calendar(request))
        return parsed[-1]

    def measure(calendar: Calendar, first: int, last: int) -> list[tuple[int, int]]:
        lengths.append(last - first)
        return open_spans(calendar, first, last)

    monkeypatch.setattr(cache, "parse_compact_calendar", parse)
    monkeypatch.setattr(horizon, "open_spans", measure)
    calendars = CalendarCache()
    for request, at in generate_requests(50, 1990, 2040):
        calendars.compiled(request, at).add(at, 400_000)
    assert len(parsed) == 50
    assert sum(lengths) < 50 * 56 * 366
    assert len(lengths) < 50 * 30


def test_the_growth_of_a_compiled_calendar_counts_towards_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    calendars, at = CalendarCache(), 1_770_000_000
    requests = [{"tz": zone, "weekly_hours": OFFICE} for zone in ("UTC", "Asia/Jakarta", "Europe/Oslo")]
    first = [calendars.compiled(request, at) for request in requests[:2]]
    monkeypatch.setattr(cache, "BYTES_MAX", 1_000_000)
    assert calendars.compiled(requests[0], at) is first[0]
    assert calendars.compiled(requests[1], at) is first[1]
    first[1].level(6_000_000_000)
    calendars.compiled(requests[2], at)
    assert calendars.compiled(requests[1], at) is not first[1], "it had grown beyond the limit of the whole cache"


def test_the_least_recently_used_calendars_are_evicted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    calendars, zones = CalendarCache(), ("UTC", "Asia/Jakarta", "Europe/Oslo", "Asia/Kathmandu")
    requests = [{"tz": zone, "weekly_hours": OFFICE} for zone in zones]
    at = 1_770_000_000
    first = [calendars.compiled(request, at) for request in requests[:3]]
    monkeypatch.setattr(cache, "BYTES_MAX", calendars.size)
    assert calendars.compiled(requests[0], at) is first[0]
    calendars.compiled(requests[3], at)
    assert calendars.compiled(requests[0], at) is first[0]
    assert calendars.compiled(requests[1], at) is not first[1]


def test_a_cached_refusal_does_not_collect_tracebacks() -> None:
    calendars, depths = CalendarCache(), []
    for _ in range(50):
        with pytest.raises(Rejected, match="unknown time zone") as refusal:
            calendars.compiled({"tz": "Middle/Earth", "weekly_hours": OFFICE}, 0)
        depths.append(len(list(walk_tb(refusal.value.__traceback__))))
    assert len(set(depths[1:])) == 1


SECOND_OF_MARCH = {f"{year}-03-02": [["09:00", "17:00"]] for year in range(2020, 2031)}


@pytest.mark.parametrize("hours", [{"holiday_hours": SECOND_OF_MARCH}, {"shifts": SECOND_OF_MARCH}])
def test_a_result_does_not_depend_on_earlier_lines(hours: dict[str, Any]) -> None:
    line = {"tz": "UTC", "weekly_hours": {}, **hours, "add_seconds": 60}
    late, early = (
        json.dumps({**line, "start": f"{start}T10:00:00Z"}).encode() for start in ("2025-03-02", "2021-01-01")
    )
    calendars = CalendarCache()
    compute_line(early, calendars)
    alone = compute_line(late, CalendarCache())
    assert compute_line(late, calendars) == alone
    assert "the calendar has no open time in the 400 days after 2030-03-02" in alone


def test_yearly_holiday_hours_apply_in_later_years() -> None:
    line = {"weekly_hours": {}, "holiday_hours": {"*-03-02": [["09:00", "17:00"]]}, "add_seconds": 60}
    assert compute_due(**line, start="2025-03-02T17:00:00+01:00") == "2026-03-02T09:01:00+01:00"


def test_the_same_calendar_in_another_order_is_compiled_once() -> None:
    calendars = CalendarCache()
    compiled = calendars.compiled(
        {"tz": "UTC", "weekly_hours": {"mon": OFFICE["mon"], "tue": OFFICE["tue"]}}, 1_770_000_000
    )
    other = {"weekly_hours": {"tue": OFFICE["tue"], "mon": OFFICE["mon"]}, "tz": "UTC", "holidays": None}
    assert calendars.compiled(other, 0) is compiled

"""Due dates a city stored, reproduced with our calendar: Boston's 311 service, whose rule its data set states.

    2011    opened before 17:00: the same time of day so many business days later; opened at 17:00 or later: 08:30 of the
            next day, and then so many; what is opened on a closed day is moved to the next open one first
    later   business hours of 08:30 to 17:00, where a target that falls on closing time stands at the next opening

Not every stored target follows: the departments kept different holidays (some worked on Veterans Day and on the fourth
of July), and some targets were changed by hand. Floors are what was measured, two points down, n as in the table.
"""

import gzip
import json
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.calendar.public_holidays import HolidayQuery, copy_holidays
from services.sla.calendar import Compiled, count_business_days, parse_calendar
from services.sla.calendar.clocktime import local_to_utc

FILE = Path(__file__).parents[4] / "shared" / "data" / "sets" / "boston311_sla.jsonl.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the Boston trace is not on this machine")
CLOSES, OPENS = time(17), 8 * 3600 + 1800
NEAR = 120  # seconds
WORKDAY = int(8.5 * 3600)


@cache
def city() -> Compiled:
    return Compiled(
        parse_calendar(
            {
                "id": "city-hall",
                "version": 1,
                "tz": "America/New_York",
                "weekly_hours": {day: [["08:30", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
                "holiday_rule": "civil_day",
                "holidays": copy_holidays(HolidayQuery("US", tuple(range(2010, 2021)), "MA")),
            }
        ),
        around=date(2014, 1, 1),
    )


@cache
def cases(source: str, kind: str) -> list[tuple[int, int]]:
    """Opened and stored target, as seconds of UTC."""
    pairs: list[tuple[int, int]] = []
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["source"] == source and row["sublabel"] == kind:
                texts: Any = row["created_at"], row["extra"]["sla_target_at"]
                pairs.append(tuple(int(datetime.fromisoformat(text).timestamp()) for text in texts))
    return pairs


def same_time_of_day(opened: int, days: int) -> int:
    """The rule of 2011 in our terms: the date is counted by business days, the time of day is the city's own."""
    calendar = city()
    local = datetime.fromtimestamp(opened, calendar.calendar.zone)
    late = local.time() >= CLOSES
    due = count_business_days(calendar, opened, days + late).dates[-1]
    clock = OPENS if late else local.hour * 3600 + local.minute * 60 + local.second
    return local_to_utc(calendar.calendar.zone, due.toordinal(), clock)


def by_opening_hours(opened: int, days: int) -> int:
    """The later rule: so many workdays of opening time, told as the next opening where they end with a day."""
    return city().last_at(city().level(opened) + days * WORKDAY)


def share(due: Callable[[int, int], int], pairs: list[tuple[int, int]], kind: str, days: int) -> float:
    """Return the share of stored targets that are computed within two minutes."""
    near = sum(abs(due(opened, days) - target) <= NEAR for opened, target in pairs) / len(pairs)
    sys.stdout.write(f"\n{kind}: {near:.1%} of {len(pairs)}\n")
    return near


@pytest.mark.parametrize(
    ("kind", "days", "floor", "count"),
    [
        ("Schedule a Bulk Item Pickup", 2, 0.91, 183),
        ("Tree Emergencies", 1, 0.97, 174),
        ("Traffic Signal Repair", 1, 0.90, 173),
        ("Sidewalk Repair (Make Safe)", 2, 0.87, 180),
        ("Sticker Request", 2, 0.85, 167),
        ("Requests for Street Cleaning", 2, 0.81, 176),
        ("Parking Enforcement", 2, 0.83, 162),
        ("Request for Pothole Repair", 2, 0.82, 182),
        ("Missed Trash/Recycling/Yard Waste/Bulk Item", 2, 0.85, 183),
        ("Building Inspection Request", 3, 0.84, 179),
        ("Pick up Dead Animal", 1, 0.80, 11),
    ],
)
def test_the_targets_of_2011_are_the_same_time_of_day_business_days_later(
    kind: str, days: int, floor: float, count: int
) -> None:
    pairs = cases("boston311-2011", kind)
    assert len(pairs) == count
    assert share(same_time_of_day, pairs, kind, days) >= floor


def test_the_targets_of_later_years_are_a_workday_of_opening_hours_later() -> None:
    pairs = cases("boston311-animal", "Pick up Dead Animal")
    assert len(pairs) == 181
    assert share(by_opening_hours, pairs, "Pick up Dead Animal, 2012 on", 1) >= 0.96

"""Speed gate of calendar arithmetic: at most 5 microseconds for one due time at the 99th percentile."""

import sys
from datetime import UTC, date, datetime
from random import Random
from time import perf_counter_ns
from typing import Any

import pytest

from services.sla.calendar import Compiled, parse_calendar

pytestmark = pytest.mark.bench
ROUNDS = 100_000
GATE = 5.0  # microseconds
WEEK: dict[str, Any] = {day: [["09:00", "12:30"], ["13:00", "17:30"]] for day in ("mon", "tue", "wed", "thu", "fri")}
MIDDLE = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())


def office() -> Compiled:
    data = {"id": "c", "version": 1, "tz": "Europe/Oslo", "holiday_rule": "civil_day", "weekly_hours": WEEK}
    return Compiled(parse_calendar({**data, "holidays": ["*-12-25", "*-05-17"]}), around=date(2026, 11, 1))


def measure_add(compiled: Compiled, spans: tuple[int, ...]) -> tuple[float, float]:
    """Median and 99th percentile of `add`, in microseconds, over budgets up to each of these numbers of seconds."""
    rng, durations = Random(1), []
    moments = [
        (MIDDLE + rng.randrange(-60_000_000, 60_000_000), rng.randint(1, rng.choice(spans))) for _ in range(ROUNDS)
    ]
    for at, seconds in moments:
        started = perf_counter_ns()
        compiled.add(at, seconds)
        durations.append(perf_counter_ns() - started)
    durations.sort()
    return durations[ROUNDS // 2] / 1000, durations[ROUNDS * 99 // 100] / 1000


@pytest.mark.parametrize("spans", [(60, 3600, 86_400), (3_600_000,), (60, 3600, 86_400, 3_600_000, 180_000_000)])
def test_a_due_time_takes_at_most_five_microseconds(spans: tuple[int, ...]) -> None:
    compiled = office()
    compiled.add(MIDDLE, 400_000_000)  # fifty years of office hours: the horizon is grown once
    median, high = measure_add(compiled, spans)
    sys.stdout.write(f"\nadd up to {max(spans):,} s: median {median:.2f} us, p99 {high:.2f} us over {ROUNDS:,} calls\n")
    assert high <= GATE

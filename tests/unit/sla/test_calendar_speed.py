"""What one deadline costs, and a whole store of them. Gates of the design: 5 microseconds in pure Python at the 99th."""

import sys
from datetime import UTC, date, datetime
from random import Random
from time import perf_counter_ns, process_time
from typing import Any

import numpy as np
import pytest

from services.sla.calendar import Compiled, arrays, calendar_from

pytestmark = pytest.mark.bench
ROUNDS, STORE = 100_000, 1_000_000
GATE = 5.0  # microseconds
WEEK: dict[str, Any] = {day: [["09:00", "12:30"], ["13:00", "17:30"]] for day in ("mon", "tue", "wed", "thu", "fri")}
MIDDLE = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())


def office() -> Compiled:
    data = {"id": "c", "version": 1, "tz": "Europe/Oslo", "holiday_rule": "civil_day", "weekly_hours": WEEK}
    return Compiled(calendar_from({**data, "holidays": ["*-12-25", "*-05-17"]}), around=date(2026, 11, 1))


def taken(compiled: Compiled, spans: tuple[int, ...]) -> tuple[float, float]:
    """Median and 99th percentile of `add`, in microseconds, over budgets up to each of these numbers of seconds."""
    rng, found = Random(1), []
    moments = [
        (MIDDLE + rng.randrange(-60_000_000, 60_000_000), rng.randint(1, rng.choice(spans))) for _ in range(ROUNDS)
    ]
    for at, seconds in moments:
        begun = perf_counter_ns()
        compiled.add(at, seconds)
        found.append(perf_counter_ns() - begun)
    found.sort()
    return found[ROUNDS // 2] / 1000, found[ROUNDS * 99 // 100] / 1000


@pytest.mark.parametrize("spans", [(60, 3600, 86_400), (3_600_000,), (60, 3600, 86_400, 3_600_000, 180_000_000)])
def test_any_deadline_takes_five_microseconds_at_most(spans: tuple[int, ...]) -> None:
    compiled = office()
    compiled.add(MIDDLE, 400_000_000)  # fifty years of office hours: the horizon is grown once
    median, high = taken(compiled, spans)
    sys.stdout.write(f"\nadd up to {max(spans):,} s: median {median:.2f} us, p99 {high:.2f} us over {ROUNDS:,} calls\n")
    assert high <= GATE


def test_a_million_deadlines_at_once_cost_less_than_half_of_one_by_one() -> None:
    compiled, rng = office(), np.random.default_rng(1)
    at, seconds = rng.integers(MIDDLE - 60_000_000, MIDDLE + 60_000_000, STORE), rng.integers(1, 3_600_000, STORE)
    arrays.add(compiled, at[:1], seconds[:1])
    begun = process_time()
    due = arrays.add(compiled, at, seconds)
    together = process_time() - begun
    begun = process_time()
    single = [compiled.add(*pair) for pair in zip(at[:ROUNDS].tolist(), seconds[:ROUNDS].tolist(), strict=True)]
    alone = (process_time() - begun) * STORE / ROUNDS
    sys.stdout.write(f"\n{STORE:,} deadlines: {together:.2f} s in arrays, {alone:.2f} s one by one\n")
    assert due[:ROUNDS].tolist() == single
    assert together < alone / 2

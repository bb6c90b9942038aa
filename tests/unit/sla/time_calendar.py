"""How long one deadline takes: `python tests/unit/sla/time_calendar.py`. Not a test; prints median and p99 of `add`."""

import random
import sys
from datetime import UTC, date, datetime
from time import perf_counter_ns
from typing import Any

from services.sla.calendar import Compiled, calendar_from

ROUNDS = 100_000
WEEK: dict[str, Any] = {day: [["09:00", "12:30"], ["13:00", "17:30"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def main() -> None:
    """Random moments in the horizon, budgets up to a thousand hours of work."""
    data = {"id": "c", "version": 1, "tz": "Europe/Oslo", "holiday_rule": "civil_day", "weekly_hours": WEEK}
    begun = perf_counter_ns()
    compiled = Compiled(calendar_from({**data, "holidays": ["*-12-25", "*-05-17"]}), around=date(2026, 11, 1))
    compiling = (perf_counter_ns() - begun) / 1e6
    middle, taken = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()), []
    for _ in range(ROUNDS):
        start, budget = middle + random.randrange(-60_000_000, 60_000_000), random.randrange(1, 3_600_000)
        begun = perf_counter_ns()
        compiled.add(start, budget)
        taken.append(perf_counter_ns() - begun)
    taken.sort()
    sys.stdout.write(
        f"compile {compiling:.1f} ms; add: median {taken[ROUNDS // 2] / 1000:.2f} µs, "
        f"p99 {taken[ROUNDS * 99 // 100] / 1000:.2f} µs over {ROUNDS:,} calls\n"
    )


if __name__ == "__main__":
    main()

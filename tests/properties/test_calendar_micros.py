"""Due and elapsed times with pauses, in microseconds, compared with a reference in which pauses are closed."""

import os
import sys
from random import Random, SystemRandom

import pytest

from deploy.cli.calendar.micros import MICROS, compute_due, compute_elapsed, level, merge_pauses
from services.sla.calendar import Compiled
from tests.properties.calendars_random import era, full
from tests.properties.calendars_reference import SLOT, Slots

SEED = int(os.environ.get("REDRESS_SEED") or SystemRandom().randrange(2**32))
CALENDARS = 1_000


def draw_pauses(rng: Random, slots: Slots) -> list[tuple[int, int]]:
    """Out of order, overlapping, some before the start, some of no length."""
    count = len(slots.flags)
    begins = [rng.randrange(count) for _ in range(rng.randint(0, 5))]
    spans = [(begin, min(begin + rng.choice((0, 1, 12, 300)), count)) for begin in begins]
    return [(slots.start + low * slots.slot, slots.start + high * slots.slot) for low, high in spans]


def test_due_and_worked_time_equal_marking_each_paused_slot() -> None:
    counted = 0
    for number in range(CALENDARS):
        rng = Random(f"{SEED} {number}")
        around = era(rng)
        calendar = full(rng, around)
        slots, compiled = Slots(calendar, around, MICROS), Compiled(calendar, around=around, years=2)
        pauses = draw_pauses(rng, slots)
        for since, until in pauses:
            slots.fill(since, until, b"\0")
        slots.count()
        for _ in range(4):
            at, other = (rng.randrange(slots.start, slots.end) for _ in range(2))
            if rng.random() < 0.3:
                at -= at % slots.slot
            budget = rng.choice((1, SLOT, 3600, 86_400)) * rng.randint(1, 12) * MICROS + rng.choice((0, 1, 250_000))
            place = f"REDRESS_SEED={SEED}, calendar {number}"
            assert compute_elapsed(compiled, at, other, pauses) == slots.level(other) - slots.level(at), place
            if (later := slots.add(at, budget)) is not None:
                assert compute_due(compiled, at, budget, pauses) == later, place
                counted += 1
            if (earlier := slots.subtract(at, budget)) is not None:
                assert compute_due(compiled, at, -budget, pauses) == earlier, place
                counted += 1
    sys.stdout.write(f"\n{CALENDARS:,} calendars with pauses, {counted:,} due times, 0 differences\n")
    assert counted > CALENDARS


@pytest.mark.parametrize("number", range(50))
def test_whole_seconds_without_pauses_equal_the_result_of_the_calendar(number: int) -> None:
    rng = Random(f"{SEED} {number}")
    around = era(rng)
    compiled = Compiled(full(rng, around), around=around, years=2)
    at, seconds = compiled.next_open(1_170_000_000 + rng.randrange(10**9)), rng.randint(-(10**6), 10**6)
    assert compute_due(compiled, at * MICROS, seconds * MICROS) == compiled.add(at, seconds) * MICROS
    assert level(compiled, at * MICROS) == compiled.level(at) * MICROS


def test_adjoining_pauses_equal_one_pause() -> None:
    assert merge_pauses([(5, 7), (1, 3), (3, 5), (9, 9)]) == [(1, 7), (9, 9)]

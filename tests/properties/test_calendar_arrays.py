"""Whole stores in arrays: each answer the scalar one, wherever the horizon had to grow."""

import os
from random import Random, SystemRandom

import numpy as np
import pytest

from services.sla.calendar import Compiled, arrays
from shared.errors import Rejected
from tests.properties.calendars_drawn import DAY, era, full

SEED = int(os.environ.get("REDRESS_SEED") or SystemRandom().randrange(2**32))
EDGES = 6 * 366 * DAY  # seconds; four years beyond what is compiled at first


def pair(number: int) -> tuple[Random, Compiled, Compiled]:
    """The same calendar twice, so that neither grows what the other is asked."""
    rng = Random(f"{SEED} {number}")
    around = era(rng)
    calendar = full(rng, around, step=1)
    return rng, *(Compiled(calendar, around=around, years=2) for _ in range(2))


@pytest.mark.parametrize("number", range(200))
def test_every_element_is_the_scalar_answer(number: int) -> None:
    rng, one, other = pair(number)
    middle = one.next_open(1_500_000_000)
    at = [middle + rng.randint(-EDGES, EDGES) for _ in range(60)] + [*one.columns()[0][:5], *one.columns()[1][-5:]]
    century = 100 * sum(end - start for spans in one.calendar.weekly_hours.values() for start, end in spans)  # of weeks
    seconds = [rng.choice((0, 1, -1, 3600, -3600, rng.randint(-century, century))) for _ in at]
    levels = [one.level(each) for each in at]
    assert arrays.level(other, at).tolist() == levels
    assert arrays.first_at(other, levels).tolist() == [one.first_at(each) for each in levels]
    assert arrays.last_at(other, levels).tolist() == [one.last_at(each) for each in levels]
    due = arrays.add(other, at, seconds)
    assert due.dtype == np.int64
    assert due.tolist() == [one.add(*each) for each in zip(at, seconds, strict=True)]
    assert arrays.elapsed(other, at, due).tolist() == [
        one.elapsed(*each) for each in zip(at, due.tolist(), strict=True)
    ]


def test_one_budget_is_added_to_all_and_nothing_to_none() -> None:
    _, one, _ = pair(0)
    starts = [1_500_000_000, 1_600_000_000]
    assert arrays.add(one, starts, 3600).tolist() == [one.add(at, 3600) for at in starts]
    assert arrays.add(one, [], 3600).tolist() == []
    assert arrays.level(one, []).tolist() == []
    assert arrays.first_at(one, []).tolist() == []


@pytest.mark.parametrize(
    ("at", "seconds"), [(1_500_000_000, 2**62), (2**62, 1), (-(2**63), 1), (1_500_000_000, 7 * 10**9)]
)
def test_what_lies_beyond_our_years_is_refused_and_never_wraps_around(at: int, seconds: int) -> None:
    _, one, _ = pair(0)
    with pytest.raises(Rejected):
        arrays.add(one, [at], [seconds])


def test_fractions_are_refused() -> None:
    _, one, _ = pair(0)
    with pytest.raises(TypeError):
        arrays.level(one, [1.5])

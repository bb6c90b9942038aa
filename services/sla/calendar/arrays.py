"""The same arithmetic for whole stores at once: int64 arrays of UTC seconds in and out, equal to the scalar one.

Every function takes arrays or plain numbers, which are broadcast against each other as numpy does, and answers with an
array. A million deadlines are two binary searches each; what is compiled is turned into arrays once per horizon.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.sla.calendar.clocktime import DAY
from services.sla.calendar.compiled import FIRST_YEAR, LAST_YEAR, Compiled
from shared.errors import Rejected

Seconds = NDArray[np.int64]
MOST_SECONDS = (LAST_YEAR - FIRST_YEAR + 1) * 366 * DAY  # more open time than all years hold that are computed
_KEPT = 64  # calendars whose columns stay in memory, about 60 KB each


class _Columns(NamedTuple):
    starts: Seconds
    ends: Seconds
    levels: Seconds


def level(compiled: Compiled, at: ArrayLike) -> Seconds:
    """Open seconds up to each instant; `Compiled.level` of each. Raises `Rejected` beyond our years."""
    instants = _seconds(at)
    if not instants.size:
        return instants
    compiled.cover(int(instants.min()), int(instants.max()))
    starts, ends, levels = _columns(compiled)
    index = np.maximum(np.searchsorted(starts, instants, side="right") - 1, 0)
    return levels[index] + np.clip(instants, starts[index], ends[index]) - starts[index]


def first_at(compiled: Compiled, levels: ArrayLike) -> Seconds:
    """The earliest instant of each level; `Compiled.first_at` of each. Raises `Rejected` beyond our years."""
    return _at(compiled, _seconds(levels), beyond=False)


def last_at(compiled: Compiled, levels: ArrayLike) -> Seconds:
    """The latest instant of each level; `Compiled.last_at` of each. Raises `Rejected` beyond our years."""
    return _at(compiled, _seconds(levels), beyond=True)


def add(compiled: Compiled, at: ArrayLike, seconds: ArrayLike) -> Seconds:
    """Each instant and so many open seconds; `Compiled.add` of each. Raises `Rejected` beyond our years."""
    instants, budgets = np.broadcast_arrays(_seconds(at), _seconds(seconds))
    found: Seconds = instants.copy()
    for chosen, beyond in ((budgets > 0, False), (budgets < 0, True)):
        if chosen.any():
            found[chosen] = _at(compiled, level(compiled, instants[chosen]) + budgets[chosen], beyond=beyond)
    return found


def elapsed(compiled: Compiled, start: ArrayLike, end: ArrayLike) -> Seconds:
    """Open seconds between each two instants, negative where reversed. Raises `Rejected` beyond our years."""
    return level(compiled, end) - level(compiled, start)


def _at(compiled: Compiled, levels: Seconds, *, beyond: bool) -> Seconds:
    if not levels.size:
        return levels
    compiled.reach(int(levels.min()), int(levels.max()), beyond=beyond)
    starts, _, before = _columns(compiled)
    index = np.searchsorted(before, levels, side="right" if beyond else "left") - 1
    return starts[index] + levels - before[index]


def _seconds(values: ArrayLike) -> Seconds:
    """Whole seconds only: a fraction is a `TypeError` of numpy, and too many would wrap around where they are added."""
    given = np.asarray(values)
    found: Seconds = given.astype(np.int64, casting="safe" if given.size else "unsafe")
    if found.size and (found.min() < -MOST_SECONDS or found.max() > MOST_SECONDS):
        raise Rejected(f"expected seconds within the years {FIRST_YEAR} to {LAST_YEAR}, got more")
    return found


def _columns(compiled: Compiled) -> _Columns:
    return _columns_of(compiled, compiled.days_covered)


@lru_cache(maxsize=_KEPT)
def _columns_of(compiled: Compiled, days: int) -> _Columns:  # noqa: ARG001  # a horizon only grows: its days name it
    return _Columns(*(np.asarray(column, dtype=np.int64) for column in compiled.columns()))

"""Arithmetic on opening time in whole microseconds of UTC, with pauses, for instants with fractions of a second.

Calendars open and close on whole seconds, so within one second a calendar is either open or closed, and the fraction of
a second counts fully or not at all. The result is therefore exact. Opening time within a pause does not count;
overlapping pauses count once.
"""

from collections.abc import Iterable, Sequence

from services.sla.calendar.compiled import Compiled

MICROS = 1_000_000  # per second
Pause = tuple[int, int]  # half-open, microseconds of UTC


def level(compiled: Compiled, at: int) -> int:
    """Return the opening time up to an instant in microseconds, as `Compiled.level` does in seconds."""
    second, rest = divmod(at, MICROS)
    whole = compiled.level(second) * MICROS
    return whole + rest if rest and compiled.is_open(second) else whole


def first_at(compiled: Compiled, level_: int) -> int:
    """Return the earliest instant of a level, as `Compiled.first_at`: closing time at the end of a day."""
    second, rest = divmod(level_, MICROS)
    return last_at(compiled, level_) if rest else compiled.first_at(second) * MICROS


def last_at(compiled: Compiled, level_: int) -> int:
    """Return the latest instant of a level, as `Compiled.last_at`: the next opening at the end of a day."""
    second, rest = divmod(level_, MICROS)
    return compiled.last_at(second) * MICROS + rest


def compute_due(compiled: Compiled, start: int, budget: int, pauses: Iterable[Pause] = ()) -> int:
    """Return the instant at which the budget of opening time outside of pauses is used up.

    0 returns `start`; a negative budget returns the latest such instant before it. Only pauses between start and due
    time move the due time. It may be the first instant of a pause, but is never inside one: a pause that starts when
    the budget is used up has no effect.
    """
    if budget == 0:
        return start
    ordered = merge_pauses(pauses)
    if budget > 0:
        return _due_after(compiled, start, budget, ordered)
    return _due_before(compiled, start, -budget, ordered)


def _due_after(compiled: Compiled, start: int, budget: int, pauses: Sequence[Pause]) -> int:
    reached = level(compiled, start) + budget
    at = first_at(compiled, reached)
    for since, until in pauses:
        if since >= at:
            break
        if until > start:
            reached += level(compiled, until) - level(compiled, max(since, start))
            at = first_at(compiled, reached)
    return at


def _due_before(compiled: Compiled, start: int, budget: int, pauses: Sequence[Pause]) -> int:
    reached = level(compiled, start) - budget
    at = last_at(compiled, reached)
    for since, until in reversed(pauses):
        if until <= at:
            break
        if since < start:
            reached -= level(compiled, min(until, start)) - level(compiled, since)
            at = last_at(compiled, reached)
    return at


def compute_elapsed(compiled: Compiled, start: int, end: int, pauses: Iterable[Pause] = ()) -> int:
    """Return the opening time outside of pauses between two instants, negative if `end` lies before `start`."""
    low, high = min(start, end), max(start, end)
    total = level(compiled, high) - level(compiled, low)
    for since, until in merge_pauses(pauses):
        if until > low and since < high:
            total -= level(compiled, min(until, high)) - level(compiled, max(since, low))
    return total if start <= end else -total


def merge_pauses(pauses: Iterable[Pause]) -> Sequence[Pause]:
    """Return the same time as disjoint pauses in order."""
    merged: list[Pause] = []
    for since, until in sorted(pauses):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged

"""The same arithmetic in whole microseconds of UTC, with pauses: for clocks of others, whose instants have fractions.

Calendars open and close on whole seconds, so a fraction only ever counts within a second that is open, and the answer
is exact. A pause stops the clock: what is paused counts as closed, once, however many pauses cover it.

    due      the earliest instant by which so much open time outside pauses has passed since the start
    worked   the open time outside pauses between two instants
"""

from collections.abc import Iterable, Sequence

from services.sla.calendar.compiled import Compiled

MICROS = 1_000_000  # per second
Pause = tuple[int, int]  # half-open, microseconds of UTC


def level(compiled: Compiled, at: int) -> int:
    """Open microseconds up to that instant, as `Compiled.level`."""
    second, rest = divmod(at, MICROS)
    whole = compiled.level(second) * MICROS
    return whole + rest if rest and compiled.is_open(second) else whole


def first_at(compiled: Compiled, wanted: int) -> int:
    """The earliest instant of that level, as `Compiled.first_at`: closing time where it ends with the day."""
    second, rest = divmod(wanted, MICROS)
    return last_at(compiled, wanted) if rest else compiled.first_at(second) * MICROS


def last_at(compiled: Compiled, wanted: int) -> int:
    """The latest instant of that level, as `Compiled.last_at`: the next opening where it ends with the day."""
    second, rest = divmod(wanted, MICROS)
    return compiled.last_at(second) * MICROS + rest


def due(compiled: Compiled, start: int, budget: int, pauses: Iterable[Pause] = ()) -> int:
    """When the budget is used up; 0 stays, a negative one looks back for the latest such instant before the start.

    Only what is paused between start and due moves it. It may fall on the first instant of a pause, never inside one:
    a pause that begins when the budget is used up no longer matters.
    """
    if budget == 0:
        return start
    ordered = merged(pauses)
    return _forward(compiled, start, budget, ordered) if budget > 0 else _back(compiled, start, -budget, ordered)


def _forward(compiled: Compiled, start: int, budget: int, pauses: Sequence[Pause]) -> int:
    reached = level(compiled, start) + budget
    at = first_at(compiled, reached)
    for since, until in pauses:
        if since >= at:
            break
        if until > start:
            reached += level(compiled, until) - level(compiled, max(since, start))
            at = first_at(compiled, reached)
    return at


def _back(compiled: Compiled, start: int, budget: int, pauses: Sequence[Pause]) -> int:
    reached = level(compiled, start) - budget
    at = last_at(compiled, reached)
    for since, until in reversed(pauses):
        if until <= at:
            break
        if since < start:
            reached -= level(compiled, min(until, start)) - level(compiled, since)
            at = last_at(compiled, reached)
    return at


def worked(compiled: Compiled, start: int, end: int, pauses: Iterable[Pause] = ()) -> int:
    """Open microseconds outside pauses between two instants, negative where they are reversed."""
    low, high = min(start, end), max(start, end)
    total = level(compiled, high) - level(compiled, low)
    for since, until in merged(pauses):
        if until > low and since < high:
            total -= level(compiled, min(until, high)) - level(compiled, max(since, low))
    return total if start <= end else -total


def merged(pauses: Iterable[Pause]) -> Sequence[Pause]:
    """The same time, disjoint and in order: pauses that overlap count once."""
    found: list[Pause] = []
    for since, until in sorted(pauses):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        else:
            found.append((since, until))
    return found

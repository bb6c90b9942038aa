"""Opening hours of one day as people write them: `["09:00", "17:00"]`, half-open, in seconds after midnight.

Our own code builds them of seconds. Who writes 9 means nine o'clock and not nine seconds past midnight, so numbers are
refused in what people wrote, which is what is read in the context `WRITTEN`.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from services.sla.calendar.clocktime import DAY, seconds_of, text_of

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


WRITTEN = {"written": True}


def _hours(value: Any, info: ValidationInfo) -> Any:
    if not (isinstance(value, list | tuple) and len(value) == 2):
        raise ValueError(f"expected [open, close] such as ['09:00', '17:00'], got {value!r}")
    ours = not (info.context or {}).get("written")
    start, end = (item if ours and type(item) is int else seconds_of(item) for item in value)
    if end <= start:
        hint = f"; for a shift that ends on the next day write {text_of(end + DAY)}" if end < start else ""
        raise ValueError(f"{text_of(start)}-{text_of(end)} does not end after it starts{hint}")
    if start >= DAY:
        raise ValueError(f"{text_of(start)}-{text_of(end)} starts on the next day; put it there")
    return start, end


Hours = Annotated[tuple[int, int], BeforeValidator(_hours)]


class Plain(BaseModel):
    """What all parts of a calendar have in common: they never change, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse_overlaps(spans: list[tuple[int, int]], where: str) -> None:
    """Raises `ValueError` naming the first two spans (seconds) that share time; touching is allowed."""
    ordered = sorted(spans)
    for before, after in pairwise(ordered):
        if after[0] < before[1]:
            raise ValueError(f"{where}: {_written(before)} and {_written(after)} overlap")


def refuse_overlaps_in_week(weekly_hours: dict[Weekday, tuple[tuple[int, int], ...]]) -> None:
    """The same for a week, whose Sunday night may run into its Monday."""
    week = [
        (day * DAY + start, day * DAY + end)
        for day, name in enumerate(WEEKDAYS)
        for start, end in weekly_hours.get(name, ())
    ]
    if week:
        first = min(week)
        refuse_overlaps([*week, (first[0] + 7 * DAY, first[1] + 7 * DAY)], "weekly_hours")


def _written(span: tuple[int, int]) -> str:
    return f"{text_of(span[0] % DAY)}-{text_of(span[0] % DAY + span[1] - span[0])}"

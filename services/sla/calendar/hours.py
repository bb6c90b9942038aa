"""Opening hours of one day: `["09:00", "17:00"]` in documents, half-open intervals of seconds after midnight here.

Code may also pass numbers of seconds. In a document a number is refused, because a person who writes 9 means nine
o'clock and not nine seconds after midnight. A document is therefore validated with the context `TEXT_ONLY`.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from services.sla.calendar.clocktime import DAY, format_time_of_day, parse_time_of_day

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

TEXT_ONLY = {"text_only": True}


def _parse_hours(value: Any, info: ValidationInfo) -> Any:
    if not (isinstance(value, list | tuple) and len(value) == 2):
        raise ValueError(f"expected [open, close] such as ['09:00', '17:00'], got {value!r}")
    accepts_seconds = not (info.context or {}).get("text_only")
    start, end = (item if accepts_seconds and type(item) is int else parse_time_of_day(item) for item in value)
    if end <= start:
        hint = f"; for a shift that ends on the next day write {format_time_of_day(end + DAY)}" if end < start else ""
        raise ValueError(f"{format_time_of_day(start)}-{format_time_of_day(end)} does not end after it starts{hint}")
    if start >= DAY:
        raise ValueError(
            f"{format_time_of_day(start)}-{format_time_of_day(end)} starts on the next day; list it under that day"
        )
    return start, end


Hours = Annotated[tuple[int, int], BeforeValidator(_parse_hours)]


class CalendarModel(BaseModel):
    """Base of all parts of a calendar: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse_overlaps(spans: list[tuple[int, int]], where: str) -> None:
    """Raise `ValueError` naming the first two spans (seconds) that overlap; spans may touch."""
    ordered = sorted(spans)
    for before, after in pairwise(ordered):
        if after[0] < before[1]:
            raise ValueError(f"{where}: {_format_span(before)} and {_format_span(after)} overlap")


def refuse_overlaps_in_week(weekly_hours: dict[Weekday, tuple[tuple[int, int], ...]]) -> None:
    """Raise `ValueError` naming two shifts of a week that overlap.

    A shift may end on the next day, and one that starts on Sunday may overlap the first shift of Monday. The first
    shift of the week is therefore checked once more after the last.
    """
    week = [
        (day * DAY + start, day * DAY + end)
        for day, name in enumerate(WEEKDAYS)
        for start, end in weekly_hours.get(name, ())
    ]
    if week:
        first = min(week)
        refuse_overlaps([*week, (first[0] + 7 * DAY, first[1] + 7 * DAY)], "weekly_hours")


def _format_span(span: tuple[int, int]) -> str:
    return f"{format_time_of_day(span[0] % DAY)}-{format_time_of_day(span[0] % DAY + span[1] - span[0])}"

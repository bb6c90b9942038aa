"""Goals: the time that is allowed for something, in exactly one unit. Units are never converted.

"1 day" is refused in each field, because its meaning depends on the reader. As 24 hours of opening time it would be
three working days on an eight-hour calendar, which no author of "1 day" intends. A goal in days must therefore name
the kind of day: `business_days` end at the end of an open date, `calendar_days` include weekends and holidays.
"""

import re
from datetime import time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, WithJsonSchema, model_validator

from services.sla.calendar.document import DocumentModel

UNITS = ("wall", "business", "business_days", "calendar_days", "calendar_weeks", "calendar_months", "at")
YEARS_MAX = 10  # of each goal, so that the horizon of a calendar stays small
LONGEST = timedelta(days=366 * YEARS_MAX)
_EXAMPLE = "write hours and minutes, such as 'PT8H' or 'PT30M'; for days use business_days or calendar_days"
# Only this form: other texts that libraries accept as durations ("1 day", "8:00", "1d") are in days or ambiguous.
_DURATION = re.compile(r"PT(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?")
_DIGITS_MAX = 12  # of one number; more than needed, and quick to convert
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")


def _parse_duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):  # built by code; the limits of a written duration apply to it as well
        if value.microseconds:
            raise ValueError(f"expected whole seconds, got {value.total_seconds()} s; {_EXAMPLE}")
        if value > LONGEST:
            raise ValueError(_too_long(value))
        return value
    if isinstance(value, str) and value.lstrip("+-").startswith("P") and not value.lstrip("+-").startswith("PT"):
        raise ValueError(f"{value[:40]!r} is in days, months or years; {_EXAMPLE}")
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a duration in whole hours, minutes and seconds, got {value!r:.40}; {_EXAMPLE}")
    parts = [part or "0" for part in match.groups()]
    if max(map(len, parts)) <= _DIGITS_MAX:
        hours, minutes, seconds = map(int, parts)
        total = (hours * 60 + minutes) * 60 + seconds
        if total <= LONGEST.total_seconds():
            return timedelta(seconds=total)
    raise ValueError(_too_long(value))


def _too_long(value: object) -> str:
    return f"expected at most ten years, {iso_duration(LONGEST)}, got {value!r:.40}"


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("expected at least one second, such as 'PT30M'")
    return value


def _check_local_time(value: Any) -> Any:
    """Accept only a local time of day: one with an offset could not be compared to the local time of receipt."""
    if isinstance(value, time):
        accepted = value.tzinfo is None and not value.microsecond
    else:
        accepted = isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) is not None
    if not accepted:
        raise ValueError(f"expected a local time of the calendar's zone, such as '17:00', got {value!r:.40}")
    return value


Span = Annotated[timedelta, BeforeValidator(_parse_duration), Field(ge=timedelta(0))]
Budget = Annotated[timedelta, BeforeValidator(_parse_duration), AfterValidator(_positive)]
# A local time of the calendar's zone. The `time` format of JSON Schema would require an offset.
LocalTime = Annotated[
    time, BeforeValidator(_check_local_time), WithJsonSchema({"type": "string", "examples": ["17:00:00"]})
]
Days = Annotated[int, Field(ge=1, le=3660)]


class Goal(DocumentModel):
    """Time that is allowed for something, in exactly one unit.

    `wall` counts nights and holidays too, `business` only while the calendar is open. `business_days` end at the close
    of business of a date, or at its midnight (`ends`); a receipt at `cutoff` (local time) or later counts as a receipt
    on the next open date. Day 0 of business days is the date of receipt; if that date is closed, it is the next open
    date, or with `day_zero = "receipt"` the closed date itself. Calendar days, weeks and months end at the end of a
    local date. `at` is a fixed date that the law or a contract names.
    """

    wall: Budget | None = None
    business: Budget | None = None
    business_days: Annotated[int, Field(ge=1, le=400)] | None = None
    calendar_days: Days | None = None
    calendar_weeks: Annotated[int, Field(ge=1, le=520)] | None = None
    calendar_months: Annotated[int, Field(ge=1, le=120)] | None = None
    at: AwareDatetime | None = None
    cutoff: LocalTime | None = None
    day_zero: Literal["open", "receipt"] = "open"
    ends: Literal["close", "midnight"] = "close"

    @model_validator(mode="before")
    @classmethod
    def _refuse_days(cls, value: Any) -> Any:
        if isinstance(value, dict) and "days" in value:
            raise ValueError("'days' is ambiguous; expected business_days or calendar_days")
        return value

    @model_validator(mode="after")
    def _require_one_unit(self) -> Self:
        units = [name for name in UNITS if getattr(self, name) is not None]
        if len(units) != 1:
            raise ValueError(f"expected exactly one of {', '.join(UNITS)}, got {units or 'none'}")
        if self.business_days is None and (self.cutoff or self.day_zero != "open" or self.ends != "close"):
            raise ValueError("cutoff, day_zero and ends are accepted only with business_days")
        return self

    @property
    def unit(self) -> str:
        """Unit of this goal, one of `UNITS`."""
        return next(name for name in UNITS if getattr(self, name) is not None)

    @property
    def text(self) -> str:
        """Text of the goal for explanations, such as `8 h of opening time`."""
        value = getattr(self, self.unit)
        if self.unit == "at":
            return f"the fixed date {value:%d %B %Y %H:%M} UTC"
        if isinstance(value, timedelta):
            return format_duration(value) + (" of opening time" if self.unit == "business" else "")
        return f"{value} {self.unit.replace('_', ' ')}" if value > 1 else f"1 {self.unit.replace('_', ' ')[:-1]}"


def format_duration(span: timedelta) -> str:
    """Format a duration for people: `8 h 30 min`."""
    parts = zip(_split(span), ("h", "min", "s"), strict=True)
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "no time"


def iso_duration(span: timedelta) -> str:
    """Format a duration as in rulebooks and in names of escalation steps: `PT8H30M`."""
    parts = zip(_split(span), "HMS", strict=True)
    return "PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def _split(span: timedelta) -> tuple[int, int, int]:
    """Return hours, minutes and seconds of a duration."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return minutes // 60, minutes % 60, seconds

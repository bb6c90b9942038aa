"""How long something may take, in exactly one unit. Units are never converted into one another.

"1 day" is refused everywhere: on an eight-hour calendar 24 opening hours are three working days, and nobody who writes
"1 day" means that. Who means days says which: business days end as a date does, calendar days run through weekends.
"""

import re
from datetime import time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

UNITS = ("wall", "business", "business_days", "calendar_days", "calendar_weeks", "calendar_months", "at")
YEARS_MAX = 10  # what is due later than that is nothing that anybody waits for, and no calendar need be compiled for it
LONGEST = timedelta(days=366 * YEARS_MAX)
_EXAMPLE = "write hours and minutes, such as 'PT8H' or 'PT30M'; for days use business_days or calendar_days"
# Only this form: what else a library reads as a duration ("1 day", "8:00", "1d") says days, or may mean minutes.
_SPAN = re.compile(r"PT(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?")
_DIGITS = 12  # of one number; far beyond the longest, and still quick to read
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")


def _span(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return _within(value)
    if isinstance(value, str) and value.lstrip("+-").startswith("P") and not value.lstrip("+-").startswith("PT"):
        raise ValueError(f"{value[:40]!r} counts in days, months or years; {_EXAMPLE}")
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a duration in whole hours, minutes and seconds, got {_short(value)}; {_EXAMPLE}")
    parts = [part or "0" for part in found.groups()]
    if max(map(len, parts)) > _DIGITS:
        raise ValueError(_too_long(value))
    hours, minutes, seconds = map(int, parts)
    total = (hours * 60 + minutes) * 60 + seconds
    if total > LONGEST.total_seconds():
        raise ValueError(_too_long(value))
    return timedelta(seconds=total)


def _within(value: timedelta) -> timedelta:
    """A duration that our own code built, by the same limits."""
    if value.microseconds:
        raise ValueError(f"expected whole seconds, got {value.total_seconds()} s; {_EXAMPLE}")
    if value > LONGEST:
        raise ValueError(_too_long(value))
    return value


def _too_long(value: object) -> str:
    return f"expected at most ten years, {iso_span(LONGEST)}, got {_short(value)}"


def _short(value: object) -> str:
    return repr(value)[:40]


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("expected more than no time at all, such as 'PT30M'")
    return value


def _local(value: Any) -> Any:
    """Only what a clock in the office shows: with an offset it could not be compared to the local time of receipt."""
    known = value.tzinfo is None and not value.microsecond if isinstance(value, time) else None
    if known is None:
        known = isinstance(value, str) and _CLOCK.fullmatch(value) is not None
    if not known:
        raise ValueError(f"expected a local time of the calendar's zone, such as '17:00', got {_short(value)}")
    return value


Span = Annotated[timedelta, BeforeValidator(_span), Field(ge=timedelta(0))]
Budget = Annotated[timedelta, BeforeValidator(_span), AfterValidator(_positive)]
# A time of the calendar's zone: JSON Schema's own `time` format would want an offset.
LocalTime = Annotated[time, BeforeValidator(_local), WithJsonSchema({"type": "string", "examples": ["17:00:00"]})]
Days = Annotated[int, Field(ge=1, le=3660)]


class DocumentModel(BaseModel):
    """Something a person wrote into a rulebook: immutable, and a field we do not know is a mistake of theirs."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Goal(DocumentModel):
    """How long something may take, in exactly one unit.

    `wall` runs by night and on holidays, `business` only while the calendar is open. `business_days` end with the
    business of a date (or at its midnight, `ends`); received at `cutoff` (local time) or later counts as received on
    the next open date. Day 0 of business days is the next open date where the receipt fell on a closed one, or that
    closed date itself with `day_zero = "receipt"`. Calendar days, weeks and months end with a local date. `at` is a
    date that the law or a contract names.
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
    def _which_days(cls, value: Any) -> Any:
        if isinstance(value, dict) and "days" in value:
            raise ValueError("'days' does not say which; write business_days or calendar_days")
        return value

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        given = [name for name in UNITS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(UNITS)}, got {given or 'none'}")
        if self.business_days is None and (self.cutoff or self.day_zero != "open" or self.ends != "close"):
            raise ValueError("cutoff, day_zero and ends only have a meaning with business_days")
        return self

    @property
    def unit(self) -> str:
        """The unit it is told in, one of `UNITS`."""
        return next(name for name in UNITS if getattr(self, name) is not None)

    @property
    def words(self) -> str:
        """The goal as a person says it."""
        value = getattr(self, self.unit)
        if self.unit == "at":
            return f"the date that is fixed for it, {value:%d %B %Y %H:%M} UTC"
        if isinstance(value, timedelta):
            return spoken_span(value) + (" of opening time" if self.unit == "business" else "")
        return f"{value} {self.unit.replace('_', ' ')}" if value > 1 else f"1 {self.unit.replace('_', ' ')[:-1]}"

    # A goal is one thing, like the rule it stands in: due times are remembered by it.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def spoken_span(span: timedelta) -> str:
    """A duration as a person says it: `8 h 30 min`."""
    hours, rest = divmod(int(span.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if count]
    return " ".join(parts) or "no time"


def iso_span(span: timedelta) -> str:
    """A duration as it is written in rulebooks and rung names: `PT8H30M`."""
    hours, rest = divmod(int(span.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count]
    return "PT" + ("".join(parts) or "0S")

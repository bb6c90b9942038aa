"""The model of a policy. Units of goals are never converted into one another.

"1 day" is refused everywhere: on an eight-hour calendar 24 opening hours are three working days, and nobody who writes
"1 day" means that. A goal is wall time, opening time, or business days.
"""

from collections.abc import Sequence
from datetime import time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from shared.contracts.events import Channel, Severity

_EXAMPLE = "write hours and minutes, such as 'PT8H' or 'PT30M'; for days use business_days"


def _no_days(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("P") and not value.startswith("PT"):
        raise ValueError(f"{value!r} counts in days, months or years; {_EXAMPLE}")
    if not isinstance(value, str | timedelta):
        raise ValueError(f"expected a duration, got {value!r}; {_EXAMPLE}")  # noqa: TRY004 (pydantic reports only this)
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("expected more than no time at all, such as 'PT30M'")
    return value


Span = Annotated[timedelta, BeforeValidator(_no_days), Field(ge=timedelta(0))]
Budget = Annotated[timedelta, BeforeValidator(_no_days), AfterValidator(_positive)]
# A time of the calendar's zone: JSON Schema's own `time` format would want an offset.
LocalTime = Annotated[time, WithJsonSchema({"type": "string", "examples": ["17:00:00"]})]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Goal(_Model):
    """How long something may take, in exactly one unit.

    `wall` runs by night and on holidays, `business` only while the policy's calendar is open, `business_days` end with
    the business of a date; received at `cutoff` (local time) or later counts as received on the next open date.
    """

    wall: Budget | None = None
    business: Budget | None = None
    business_days: int | None = Field(default=None, ge=1, le=400)
    cutoff: LocalTime | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        given = [name for name in ("wall", "business", "business_days") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of wall, business, business_days, got {given or 'none'}")
        if self.cutoff is not None and self.business_days is None:
            raise ValueError("cutoff only has a meaning with business_days")
        return self

    @property
    def words(self) -> str:
        """The goal as a person says it."""
        if self.business_days is not None:
            return f"{self.business_days} business day{'s' if self.business_days > 1 else ''}"
        span, kind = (self.wall, "") if self.wall is not None else (self.business or timedelta(), " of opening time")
        hours, rest = divmod(int(span.total_seconds()), 3600)
        minutes, seconds = divmod(rest, 60)
        parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if count]
        return " ".join(parts) + kind


class When(_Model):
    """What must be true of a complaint; an empty list asks nothing. Only fields that are in the event log.

    `category` names a path such as `billing/refund`, which covers everything below it.
    """

    category: tuple[str, ...] = ()
    severity: tuple[Severity, ...] = ()
    channel: tuple[Channel, ...] = ()

    def matches(self, category: Sequence[str], severity: str | None, channel: str | None) -> bool:
        """Whether a complaint meets all of it; what is not known yet meets only what asks nothing."""
        path = "/".join(category) + "/"
        return (
            (not self.severity or severity in self.severity)
            and (not self.channel or channel in self.channel)
            and (not self.category or any(path.startswith(f"{wanted.strip('/')}/") for wanted in self.category))
        )


class Policy(_Model):
    """The targets of one kind of complaint, and how much later than the target we promise.

    A promise is the target plus `promise_buffer` of opening time: what we tell a customer has room for what goes wrong.
    The resolution clock pauses while the customer is awaited, unless `pauses` is `never`; acknowledging never does.
    After a reopening the resolution clock starts a new cycle with the same goal, and a new promise is made.
    """

    id: str = Field(min_length=1)
    version: int = Field(ge=1)
    calendar: str
    when: When = When()
    acknowledge: Goal
    total_resolution: Goal
    warn_percent: tuple[Annotated[int, Field(ge=1, le=99)], ...] = (50, 75, 90)
    promise_buffer: Span = timedelta(0)
    pauses: Literal["awaiting_customer", "never"] = "awaiting_customer"
    name: str = ""

    @model_validator(mode="after")
    def _ladder(self) -> Self:
        if list(self.warn_percent) != sorted(set(self.warn_percent)):
            raise ValueError(f"warn_percent: expected rising percentages such as [50, 75, 90], got {self.warn_percent}")
        return self

"""The model of a calendar: what people write down about their opening hours, checked before it is believed.

A shift belongs to the local date it starts on. `holiday_rule` has no default on purpose, because calendars differ here
and the difference is hours: with `civil_day` a holiday closes from midnight to midnight and cuts a night shift that
crosses into it; with `shift_start` it cancels the shifts that start on it and lets the one from the eve run out.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.sla.calendar.clocktime import DAY, seconds_of, text_of, zone_of
from shared.errors import Rejected

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HolidayRule = Literal["civil_day", "shift_start"]


def _hours(value: Any) -> Any:
    if not (isinstance(value, list | tuple) and len(value) == 2):
        raise ValueError(f"expected [open, close] such as ['09:00', '17:00'], got {value!r}")
    start, end = (item if type(item) is int else seconds_of(item) for item in value)
    if end <= start:
        hint = f"; for a shift that ends on the next day write {text_of(end + DAY)}" if end < start else ""
        raise ValueError(f"{text_of(start)}-{text_of(end)} does not end after it starts{hint}")
    if start >= DAY:
        raise ValueError(f"{text_of(start)}-{text_of(end)} starts on the next day; put it there")
    return start, end


Hours = Annotated[tuple[int, int], BeforeValidator(_hours)]


def _disjoint(spans: list[tuple[int, int]], where: str) -> None:
    ordered = sorted(spans)
    for before, after in pairwise(ordered):
        if after[0] < before[1]:
            raise ValueError(f"{where}: {_written(before)} and {_written(after)} overlap")


def _written(span: tuple[int, int]) -> str:
    return f"{text_of(span[0] % DAY)}-{text_of(span[0] % DAY + span[1] - span[0])}"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(_Model):
    """Hours on one date, whatever the weekly pattern or a holiday says."""

    on: date
    hours: tuple[Hours, ...] = Field(min_length=1)
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _disjoint(list(self.hours), str(self.on))
        return self


class Holiday(_Model):
    """A date on which we are closed, or open at `hours` instead. `on` is a date, or `*-12-25` for every year."""

    on: str = Field(pattern=r"^(\d{4}|\*)-\d\d-\d\d$")
    hours: tuple[Hours, ...] = ()
    name: str = ""
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"on": str(value)} if isinstance(value, str | date) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        date.fromisoformat(self.on.replace("*", "2000"))  # a leap year, so that *-02-29 may be a holiday
        _disjoint(list(self.hours), self.on)
        return self


class Calendar(_Model):
    """Opening hours of one version; a change is a new version. Intervals are half-open, in local time of `tz`."""

    id: str = Field(min_length=1)
    version: int = Field(ge=1)
    tz: str
    weekly_hours: dict[Weekday, tuple[Hours, ...]]
    holiday_rule: HolidayRule
    holidays: tuple[Holiday, ...] = ()
    extra_openings: tuple[Opening, ...] = ()
    name: str = ""

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        week = [
            (day * DAY + start, day * DAY + end)
            for day, name in enumerate(WEEKDAYS)
            for start, end in self.weekly_hours.get(name, ())
        ]
        if week:
            first = min(week)
            _disjoint([*week, (first[0] + 7 * DAY, first[1] + 7 * DAY)], "weekly_hours")
        dates = [holiday.on for holiday in self.holidays]
        twice = next((on for on in dates if dates.count(on) > 1), None)
        if twice:
            raise ValueError(f"holiday {twice} is listed twice")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone its times are told in."""
        return zone_of(self.tz)

    @cached_property
    def _week(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return tuple(self.weekly_hours.get(name, ()) for name in WEEKDAYS)

    @cached_property
    def _holidays(self) -> dict[str, Holiday]:
        return {holiday.on: holiday for holiday in self.holidays}

    @cached_property
    def _extra(self) -> dict[int, tuple[tuple[int, int], ...]]:
        found: dict[int, tuple[tuple[int, int], ...]] = {}
        for opening in self.extra_openings:
            ordinal = opening.on.toordinal()
            found[ordinal] = found.get(ordinal, ()) + opening.hours
        return found

    def holiday_on(self, ordinal: int) -> Holiday | None:
        """The holiday of that day; a dated entry wins over one that recurs every year."""
        if not self._holidays:
            return None
        day = date.fromordinal(ordinal).isoformat()
        return self._holidays.get(day) or self._holidays.get("*" + day[4:])

    def weekly_on(self, ordinal: int) -> tuple[tuple[int, int], ...]:
        """The weekly pattern of that day, holidays aside."""
        return self._week[(ordinal + 6) % 7]

    def extra_on(self, ordinal: int) -> tuple[tuple[int, int], ...]:
        """What is open in addition on that day."""
        return self._extra.get(ordinal, ())

    def shifts_on(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """All shifts that start on that day; a holiday's hours stand instead of the weekly ones."""
        holiday = self.holiday_on(ordinal)
        yield from self.weekly_on(ordinal) if holiday is None else holiday.hours
        yield from self.extra_on(ordinal)


def calendar_from(data: Mapping[str, Any]) -> Calendar:
    """A checked calendar from plain data. Raises `Rejected` naming the field, what is wrong and what is accepted."""
    try:
        return Calendar.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"calendar {data.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None

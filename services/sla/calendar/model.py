"""The model of a calendar: what people write down about their opening hours, checked before it is believed.

A shift belongs to the local date it starts on. `holiday_rule` has no default on purpose, because calendars differ here
and the difference is hours: with `civil_day` a holiday closes from midnight to midnight and cuts a night shift that
crosses into it; with `shift_start` it cancels the shifts that start on it and lets the one from the eve run out. Hours
of a holiday stand instead of all shifts that start on it, with either.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator

from services.sla.calendar.clocktime import zone_of
from services.sla.calendar.hours import (
    WEEKDAYS,
    WRITTEN,
    Hours,
    Plain,
    Weekday,
    refuse_overlaps,
    refuse_overlaps_in_week,
)
from shared.errors import Rejected

__all__ = ["WEEKDAYS", "Calendar", "Holiday", "HolidayRule", "Opening", "Weekday", "calendar_from", "calendar_of"]

HolidayRule = Literal["civil_day", "shift_start"]
Shifts = tuple[tuple[int, int], ...]


class Opening(Plain):
    """Hours on one date, whatever the weekly pattern or a holiday says."""

    on: date
    hours: tuple[Hours, ...] = Field(min_length=1)
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_overlaps(list(self.hours), str(self.on))
        return self


class Holiday(Plain):
    """A date on which we are closed, or open at `hours` instead. `on` is a date, or `*-12-25` for every year.

    `rule` is the calendar's where it says none. With `shift_start` a date is like any other, but for its own shifts.
    """

    on: str = Field(pattern=r"^([0-9]{4}|\*)-[0-9]{2}-[0-9]{2}$")
    hours: tuple[Hours, ...] = ()
    rule: HolidayRule | None = None
    name: str = ""
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"on": str(value)} if isinstance(value, str | date) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            date.fromisoformat(self.on.replace("*", "2000"))  # a leap year, so that *-02-29 may be a holiday
        except ValueError:
            raise ValueError(f"{self.on} is no date; expected such as '2026-12-25' or '*-12-25'") from None
        refuse_overlaps(list(self.hours), self.on)
        return self


class Calendar(Plain):
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
        refuse_overlaps_in_week(self.weekly_hours)
        listed = Counter(holiday.on for holiday in self.holidays)
        twice = next((on for on, times in listed.items() if times > 1), None)
        if twice:
            raise ValueError(f"holiday {twice} is listed twice")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone its times are told in."""
        return zone_of(self.tz)

    @cached_property
    def _week(self) -> tuple[Shifts, ...]:
        return tuple(self.weekly_hours.get(name, ()) for name in WEEKDAYS)

    @cached_property
    def _dated(self) -> dict[int, Holiday]:
        return {date.fromisoformat(one.on).toordinal(): one for one in self.holidays if one.on[0] != "*"}

    @cached_property
    def _yearly(self) -> dict[tuple[int, int], Holiday]:
        return {(int(one.on[2:4]), int(one.on[5:7])): one for one in self.holidays if one.on[0] == "*"}

    @cached_property
    def _extra(self) -> dict[int, Shifts]:
        found: dict[int, Shifts] = {}
        for opening in self.extra_openings:
            ordinal = opening.on.toordinal()
            found[ordinal] = found.get(ordinal, ()) + opening.hours
        return found

    def holiday_on(self, ordinal: int) -> Holiday | None:
        """The holiday of that day; a dated entry wins over one that recurs every year."""
        if found := self._dated.get(ordinal):
            return found
        if not self._yearly:
            return None
        day = date.fromordinal(ordinal)
        return self._yearly.get((day.month, day.day))

    def closes_civil_day(self, holiday: Holiday) -> bool:
        """Whether it closes from midnight to midnight, and so cuts the shift of its eve."""
        return (holiday.rule or self.holiday_rule) == "civil_day"

    def holidays_in(self, days: range) -> dict[int, Holiday]:
        """The holidays of these days, in their order."""
        found = {day: holiday for day, holiday in self._dated.items() if day in days}
        years = range(date.fromordinal(days.start).year, date.fromordinal(days.stop).year + 1) if self._yearly else ()
        for year in years:
            for (month, day), holiday in self._yearly.items():
                leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
                ordinal = 0 if (month, day) == (2, 29) and not leap else date(year, month, day).toordinal()
                if ordinal in days:
                    found.setdefault(ordinal, holiday)
        return dict(sorted(found.items()))

    @property
    def yearly(self) -> Mapping[tuple[int, int], Holiday]:
        """Holidays that recur every year, by month and day."""
        return self._yearly

    @property
    def named_days(self) -> frozenset[int]:
        """The dates that it says something about in particular: dated holidays and extra openings."""
        return frozenset((*self._dated, *self._extra))

    def weekly_on(self, ordinal: int) -> Shifts:
        """The weekly pattern of that day, holidays aside."""
        return self._week[(ordinal + 6) % 7]

    def extra_on(self, ordinal: int) -> Shifts:
        """What is open in addition on that day."""
        return self._extra.get(ordinal, ())

    def extra_days(self, days: range) -> list[int]:
        """Those of these days that are open in addition."""
        return [day for day in self._extra if day in days]

    def shifts_on(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """All shifts that start on that day; a holiday's hours stand instead of the weekly ones."""
        holiday = self.holiday_on(ordinal)
        yield from self.weekly_on(ordinal) if holiday is None else holiday.hours
        yield from self.extra_on(ordinal)


def calendar_from(data: Mapping[str, Any]) -> Calendar:
    """A checked calendar from what people wrote, whose hours are text such as '09:00'.

    Raises `Rejected` naming the field, what is wrong and what is accepted.
    """
    return _checked(data, WRITTEN)


def calendar_of(data: Mapping[str, Any]) -> Calendar:
    """The same from what our own code put together, whose hours may be seconds after midnight."""
    return _checked(data, {})


def _checked(data: Mapping[str, Any], context: dict[str, bool]) -> Calendar:
    try:
        return Calendar.model_validate(dict(data), context=context)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"calendar {data.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None

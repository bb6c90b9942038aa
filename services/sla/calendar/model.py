"""Model of a calendar: opening hours as a person writes them, validated.

A shift belongs to the local date it starts on, also if it ends on the next date. Calendars differ in what a holiday
does to the night shift that started on the day before, and the difference is hours, so `holiday_rule` has no default:

    civil_day      a holiday closes from midnight to midnight, and cuts a night shift that continues into it
    shift_start    a holiday cancels the shifts that start on it; the night shift of the day before ends as usual

With both rules, hours of a holiday replace all weekly shifts that start on it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator

from services.sla.calendar.clocktime import load_zone
from services.sla.calendar.hours import (
    TEXT_ONLY,
    WEEKDAYS,
    CalendarModel,
    Hours,
    Weekday,
    refuse_overlaps,
    refuse_overlaps_in_week,
)
from shared.errors import Rejected

__all__ = ["WEEKDAYS", "Calendar", "Holiday", "HolidayRule", "Opening", "Weekday", "build_calendar", "parse_calendar"]

HolidayRule = Literal["civil_day", "shift_start"]
Shifts = tuple[tuple[int, int], ...]


class Opening(CalendarModel):
    """Opening hours on one date, in addition to weekly hours and holidays."""

    on: date
    hours: tuple[Hours, ...] = Field(min_length=1)
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse_overlaps(list(self.hours), str(self.on))
        return self


class Holiday(CalendarModel):
    """A date on which the calendar is closed, or open at `hours` instead.

    `on` is a date, or `*-12-25` for every year. `rule` replaces the `holiday_rule` of the calendar for this date. With
    `shift_start` and `hours` the date is a normal day with other shifts.
    """

    on: str = Field(pattern=r"^([0-9]{4}|\*)-[0-9]{2}-[0-9]{2}$")
    hours: tuple[Hours, ...] = ()
    rule: HolidayRule | None = None
    name: str = ""
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _accept_bare_date(cls, value: Any) -> Any:
        return {"on": str(value)} if isinstance(value, str | date) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            date.fromisoformat(self.on.replace("*", "2000"))  # a leap year, so that *-02-29 is accepted
        except ValueError:
            raise ValueError(f"expected a date such as '2026-12-25' or '*-12-25', got {self.on}") from None
        refuse_overlaps(list(self.hours), self.on)
        return self


class Calendar(CalendarModel):
    """Opening hours, one immutable version; a change is a new version.

    Intervals are half-open, in local time of `tz`.
    """

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
    def _check_zone(cls, value: str) -> str:
        load_zone(value)
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
        """Time zone of all local times of this calendar."""
        return load_zone(self.tz)

    @cached_property
    def _week(self) -> tuple[Shifts, ...]:
        return tuple(self.weekly_hours.get(name, ()) for name in WEEKDAYS)

    @cached_property
    def _dated(self) -> dict[int, Holiday]:
        return {date.fromisoformat(day.on).toordinal(): day for day in self.holidays if day.on[0] != "*"}

    @cached_property
    def _yearly(self) -> dict[tuple[int, int], Holiday]:
        return {(int(day.on[2:4]), int(day.on[5:7])): day for day in self.holidays if day.on[0] == "*"}

    @cached_property
    def _extra(self) -> dict[int, Shifts]:
        extra: dict[int, Shifts] = {}
        for opening in self.extra_openings:
            ordinal = opening.on.toordinal()
            extra[ordinal] = extra.get(ordinal, ()) + opening.hours
        return extra

    def holiday_on(self, ordinal: int) -> Holiday | None:
        """Return the holiday of a day (ordinal), or None; a dated entry has priority over a yearly one."""
        if dated := self._dated.get(ordinal):
            return dated
        if not self._yearly:
            return None
        day = date.fromordinal(ordinal)
        return self._yearly.get((day.month, day.day))

    def closes_civil_day(self, holiday: Holiday) -> bool:
        """Return True if the holiday closes from midnight to midnight and cuts the night shift of the day before."""
        return (holiday.rule or self.holiday_rule) == "civil_day"

    def holidays_in(self, days: range) -> dict[int, Holiday]:
        """Return the holidays of these days (ordinals), in order."""
        holidays = {day: holiday for day, holiday in self._dated.items() if day in days}
        years = range(date.fromordinal(days.start).year, date.fromordinal(days.stop).year + 1) if self._yearly else ()
        for year in years:
            for (month, day), holiday in self._yearly.items():
                leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
                ordinal = 0 if (month, day) == (2, 29) and not leap else date(year, month, day).toordinal()
                if ordinal in days:
                    holidays.setdefault(ordinal, holiday)
        return dict(sorted(holidays.items()))

    @property
    def yearly(self) -> Mapping[tuple[int, int], Holiday]:
        """Yearly holidays by month and day."""
        return self._yearly

    @property
    def named_days(self) -> frozenset[int]:
        """Dates (ordinals) with an entry of their own: dated holidays and extra openings."""
        return frozenset((*self._dated, *self._extra))

    def weekly_on(self, ordinal: int) -> Shifts:
        """Return the weekly shifts of a day, without regard to holidays."""
        return self._week[(ordinal + 6) % 7]

    def extra_on(self, ordinal: int) -> Shifts:
        """Return the extra openings of a day."""
        return self._extra.get(ordinal, ())

    def extra_days(self, days: range) -> list[int]:
        """Return those of these days that have extra openings."""
        return [day for day in self._extra if day in days]

    def shifts_on(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """Yield all shifts that start on a day; the hours of a holiday replace the weekly ones."""
        holiday = self.holiday_on(ordinal)
        yield from self.weekly_on(ordinal) if holiday is None else holiday.hours
        yield from self.extra_on(ordinal)


def parse_calendar(data: Mapping[str, Any]) -> Calendar:
    """Validate a calendar of a document, whose hours are text such as '09:00'.

    Raises `Rejected` with the field, what is wrong and what is accepted.
    """
    return _validate(data, TEXT_ONLY)


def build_calendar(data: Mapping[str, Any]) -> Calendar:
    """Validate a calendar that code built, whose hours may be seconds after midnight. Raises `Rejected`."""
    return _validate(data, {})


def _validate(data: Mapping[str, Any], context: dict[str, bool]) -> Calendar:
    try:
        return Calendar.model_validate(dict(data), context=context)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"calendar {data.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None

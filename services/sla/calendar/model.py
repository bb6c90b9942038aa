"""Model of a calendar: opening hours as a person writes them, validated.

In a document the hours of a day are text such as `["09:00", "17:00"]`; here they are half-open intervals of seconds
after midnight. Code may also pass numbers of seconds. In a document a number is refused, because a person who writes 9
means nine o'clock and not nine seconds after midnight.

A shift belongs to the local date it starts on, also if it ends on the next date. Calendars differ in what a holiday
does to the night shift that started on the day before, and the difference is hours, so `holiday_rule` has no default:

    civil_day      a holiday closes from midnight to midnight, and cuts a night shift that continues into it
    shift_start    a holiday cancels the shifts that start on it; the night shift of the day before ends as usual

With both rules, hours of a holiday replace all weekly shifts that start on it.
"""

from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from services.sla.calendar.clocktime import DAY, format_hours, format_time_of_day, load_zone, parse_time_of_day
from services.sla.calendar.document import DocumentEntry, DocumentModel, parse_entry, refuse_repeated

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HolidayRule = Literal["civil_day", "shift_start"]


def _parse_hours(value: Any, info: ValidationInfo) -> Any:
    if not (isinstance(value, list | tuple) and len(value) == 2):
        raise ValueError(f"expected [open, close] such as ['09:00', '17:00'], got {value!r}")
    accepts_seconds = not (info.context or {}).get("text_only")
    start, end = (item if accepts_seconds and type(item) is int else parse_time_of_day(item) for item in value)
    if end <= start:
        hint = f"; for a shift that ends on the next day write {format_time_of_day(end + DAY)}" if end < start else ""
        raise ValueError(f"{format_hours(start, end)} does not end after it starts{hint}")
    if start >= DAY:
        raise ValueError(f"{format_hours(start, end)} starts on the next day; list it under that day")
    return start, end


Hours = Annotated[tuple[int, int], BeforeValidator(_parse_hours)]
Shifts = tuple[Hours, ...]


def _refuse_overlaps(spans: Iterable[tuple[int, int]], where: str) -> None:
    """Raise `ValueError` naming the first two spans (seconds) that overlap; spans may touch."""
    for before, after in pairwise(sorted(spans)):
        if after[0] < before[1]:
            texts = (format_hours(start % DAY, start % DAY + end - start) for start, end in (before, after))
            raise ValueError(f"{where}: {' and '.join(texts)} overlap")


class Opening(DocumentModel):
    """Opening hours on one date, in addition to weekly hours and holidays."""

    on: date
    hours: Shifts = Field(min_length=1)
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_overlaps(self.hours, str(self.on))
        return self


class Holiday(DocumentModel):
    """A date on which the calendar is closed, or open at `hours` instead.

    `on` is a date, or `*-12-25` for every year. `rule` replaces the `holiday_rule` of the calendar for this date. With
    `shift_start` and `hours` the date is a normal day with other shifts.
    """

    on: str = Field(pattern=r"^([0-9]{4}|\*)-[0-9]{2}-[0-9]{2}$")
    hours: Shifts = ()
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
        _refuse_overlaps(self.hours, self.on)
        return self


class Calendar(DocumentEntry):
    """Opening hours. Intervals are half-open, in local time of `tz`."""

    section = "calendar"
    tz: Annotated[str, AfterValidator(lambda key: load_zone(key).key)]
    weekly_hours: dict[Weekday, Shifts]
    holiday_rule: HolidayRule
    holidays: tuple[Holiday, ...] = ()
    extra_openings: tuple[Opening, ...] = ()
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # A shift that starts on Sunday may overlap the first shift of Monday. The first shift of the week is therefore
        # checked once more after the last.
        days = enumerate(self.weekly_hours.get(name, ()) for name in WEEKDAYS)
        week = sorted((day * DAY + start, day * DAY + end) for day, shifts in days for start, end in shifts)
        _refuse_overlaps([*week, *((start + 7 * DAY, end + 7 * DAY) for start, end in week[:1])], "weekly_hours")
        refuse_repeated("holidays", (holiday.on for holiday in self.holidays))
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """Time zone of all local times of this calendar."""
        return load_zone(self.tz)

    @cached_property
    def _week(self) -> tuple[Shifts, ...]:
        return tuple(self.weekly_hours.get(name, ()) for name in WEEKDAYS)

    @cached_property
    def dated(self) -> dict[int, Holiday]:
        """Holidays of a single year by date (ordinal)."""
        return {date.fromisoformat(day.on).toordinal(): day for day in self.holidays if day.on[0] != "*"}

    @cached_property
    def yearly(self) -> dict[tuple[int, int], Holiday]:
        """Yearly holidays by month and day."""
        return {(int(day.on[2:4]), int(day.on[5:7])): day for day in self.holidays if day.on[0] == "*"}

    @cached_property
    def extra(self) -> dict[int, Shifts]:
        """Extra openings by date (ordinal)."""
        extra: dict[int, Shifts] = {}
        for opening in self.extra_openings:
            ordinal = opening.on.toordinal()
            extra[ordinal] = extra.get(ordinal, ()) + opening.hours
        return extra

    def holiday_on(self, ordinal: int) -> Holiday | None:
        """Return the holiday of a day (ordinal), or None; a dated entry has priority over a yearly one."""
        if dated := self.dated.get(ordinal):
            return dated
        if not self.yearly:
            return None
        day = date.fromordinal(ordinal)
        return self.yearly.get((day.month, day.day))

    def closes_civil_day(self, holiday: Holiday) -> bool:
        """Return True if the holiday closes from midnight to midnight and cuts the night shift of the day before."""
        return (holiday.rule or self.holiday_rule) == "civil_day"

    def holidays_in(self, days: range) -> dict[int, Holiday]:
        """Return the holidays of these days (ordinals), in order."""
        holidays = {day: holiday for day, holiday in self.dated.items() if day in days}
        years = range(date.fromordinal(days.start).year, date.fromordinal(days.stop).year + 1) if self.yearly else ()
        for year in years:
            for (month, day), holiday in self.yearly.items():
                skipped = (month, day) == (2, 29) and not isleap(year)
                ordinal = 0 if skipped else date(year, month, day).toordinal()
                if ordinal in days:
                    holidays.setdefault(ordinal, holiday)
        return dict(sorted(holidays.items()))

    def weekly_on(self, ordinal: int) -> Shifts:
        """Return the weekly shifts of a day, without regard to holidays."""
        return self._week[(ordinal + 6) % 7]

    def shifts_on(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """Yield all shifts that start on a day; the hours of a holiday replace the weekly ones."""
        holiday = self.holiday_on(ordinal)
        yield from self.weekly_on(ordinal) if holiday is None else holiday.hours
        yield from self.extra.get(ordinal, ())


def parse_calendar(data: Mapping[str, Any], *, text_only: bool = True) -> Calendar:
    """Validate a calendar. Raises `Rejected` with the field, what is wrong and what is accepted.

    In a document, hours are text such as '09:00'. Code may pass seconds after midnight, with `text_only=False`.
    """
    return parse_entry(Calendar, data, {"text_only": text_only})

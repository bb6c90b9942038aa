"""`redress calendar check`: read calendars from a file and describe, date by date, when they are open."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.cli.calendar.public_holidays import HolidayQuery, compare_with_library, queries_in
from deploy.cli.calendar.snippet import read_bytes
from services.sla.calendar import Calendar, Compiled, Holiday, parse_calendar
from services.sla.calendar.clocktime import DAY, format_time_of_day, local_to_utc
from services.sla.calendar.document import read_section
from shared.errors import Misconfigured, Rejected

HOLIDAYS_AHEAD = timedelta(days=366)  # period in which holidays are listed


def load_calendars(file: Path) -> list[Calendar]:
    """Load every calendar of a TOML or JSON file: its `calendar` sections, or the file is a single calendar.

    A rulebook is accepted too; its other sections are not checked. Raises `Rejected`, or `Misconfigured` for a file
    that cannot be read.
    """
    sections = _sections(_parse(file))
    if not sections:
        raise Rejected(f"{file.name}: expected [[calendar]] sections, or one calendar with tz and weekly_hours")
    return [parse_calendar(section) for section in sections]


def describe_calendar(calendar: Calendar, first: date, days: int) -> dict[str, Any]:
    """Return hours and holidays of a calendar from a date on, as plain data.

    Raises `Rejected` if it stays closed for more than 400 days.
    """
    compiled = Compiled(calendar, around=first)
    dates = [_describe_date(compiled, first + timedelta(days=n)) for n in range(days)]
    return {
        "id": calendar.id,
        "version": calendar.version,
        "name": calendar.name,
        "tz": calendar.tz,
        "holiday_rule": calendar.holiday_rule,
        "dates": dates,
        "holidays": _holidays_ahead(calendar, first),
        "library_says": [
            sentence for query in queries_in(calendar.holidays) for sentence in _library_changes(calendar, query)
        ],
    }


def _parse(file: Path) -> Any:
    data = read_bytes(file)
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") and file.suffix != ".toml" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"{file.name} is neither TOML nor JSON: {str(error)[:200]}") from None


def _sections(data: Any) -> list[Mapping[str, Any]]:
    if isinstance(data, dict):
        return [data] if "weekly_hours" in data and "calendar" not in data else read_section(data, "calendar")
    return read_section({"calendar": data}, "calendar")


def _describe_date(compiled: Compiled, day: date) -> dict[str, Any]:
    calendar, ordinal = compiled.calendar, day.toordinal()
    begin, end = (local_to_utc(calendar.zone, midnight, 0) for midnight in (ordinal, ordinal + 1))
    holiday = calendar.holiday_on(ordinal)
    openings = [
        (_local_time(calendar, low, ordinal), _local_time(calendar, high, ordinal))
        for low, high in compiled.openings(begin, end)
    ]
    return {
        "date": day.isoformat(),
        "open": openings,
        "hours": round(compiled.elapsed(begin, end) / 3600, 2),
        "holiday": _label(holiday) if holiday else None,
    }


def _label(holiday: Holiday) -> str:
    """Return the name of a holiday, or a description; a normal day with other shifts is no holiday."""
    return holiday.name or ("other hours" if holiday.rule == "shift_start" and holiday.hours else "holiday")


def _local_time(calendar: Calendar, at: int, ordinal: int) -> str:
    """Format an instant as local time of a date; midnight at the end of the date is 24:00."""
    local = datetime.fromtimestamp(at, calendar.zone)
    if local.toordinal() > ordinal and (local.hour, local.minute) == (0, 0):
        return format_time_of_day(DAY)
    return format_time_of_day(local.hour * 3600 + local.minute * 60 + local.second)


def _holidays_ahead(calendar: Calendar, first: date) -> list[dict[str, Any]]:
    days = range(first.toordinal(), (first + HOLIDAYS_AHEAD).toordinal())
    return [
        {
            "date": date.fromordinal(day).isoformat(),
            "name": holiday.name,
            "called": _label(holiday),
            "open": [(format_time_of_day(start), format_time_of_day(end)) for start, end in holiday.hours],
            "source": holiday.source,
        }
        for day, holiday in calendar.holidays_in(days).items()
    ]


def _library_changes(calendar: Calendar, query: HolidayQuery) -> list[str]:
    changes = compare_with_library(calendar.holidays, query)
    return [
        *(f"{holiday.on} {holiday.name} is new" for holiday in changes.added),
        *(f"{holiday.on} {holiday.name} is no longer a holiday" for holiday in changes.removed),
        *(f"{new.on} {old.name} is now named {new.name}" for old, new in changes.renamed),
    ]

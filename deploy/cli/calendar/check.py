"""`redress calendar check`: reads calendars from a file and says, date by date, when they are open."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.cli.calendar.public_holidays import asked_in, propose
from deploy.cli.calendar.snippet import bytes_of
from services.sla.calendar import Calendar, Compiled, Holiday, calendar_from
from services.sla.calendar.clocktime import DAY, instant, text_of
from services.sla.policies.sections import entries
from shared.errors import Misconfigured, Rejected

AHEAD = timedelta(days=366)  # holidays that are told


def calendars_in(file: Path) -> list[Calendar]:
    """Every calendar of a TOML or JSON file: its `calendar` sections, or the file is one. Raises `Rejected`.

    A rulebook is such a file; what else stands in it is left to those who load it.
    """
    found = _sections(_parsed(file))
    if not found:
        raise Rejected(f"{file.name}: expected [[calendar]] sections, or one calendar with tz and weekly_hours")
    return [calendar_from(one) for one in found]


def told(calendar: Calendar, first: date, days: int) -> dict[str, Any]:
    """What there is to know about it from that date on, as plain data. Raises `Rejected` where it hardly ever opens."""
    compiled = Compiled(calendar, around=first)
    dates = [_date(compiled, first + timedelta(days=n)) for n in range(days)]
    return {
        "id": calendar.id,
        "version": calendar.version,
        "name": calendar.name,
        "tz": calendar.tz,
        "holiday_rule": calendar.holiday_rule,
        "dates": dates,
        "holidays": _ahead(calendar, first),
        "library_says": [
            sentence for asked in asked_in(calendar.holidays) for sentence in _differences(calendar, asked)
        ],
    }


def _parsed(file: Path) -> Any:
    data = bytes_of(file)
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") and file.suffix != ".toml" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"{file.name} is neither TOML nor JSON: {str(error)[:200]}") from None


def _sections(data: Any) -> list[Mapping[str, Any]]:
    if isinstance(data, dict):
        return [data] if "weekly_hours" in data and "calendar" not in data else entries(data, "calendar")
    return entries({"calendar": data}, "calendar")


def _date(compiled: Compiled, day: date) -> dict[str, Any]:
    calendar, ordinal = compiled.calendar, day.toordinal()
    begin, end = (instant(calendar.zone, one, 0) for one in (ordinal, ordinal + 1))
    holiday = calendar.holiday_on(ordinal)
    openings = [
        (_clock(calendar, low, ordinal), _clock(calendar, high, ordinal)) for low, high in compiled.openings(begin, end)
    ]
    return {
        "date": day.isoformat(),
        "open": openings,
        "hours": round(compiled.elapsed(begin, end) / 3600, 2),
        "holiday": _called(holiday) if holiday else None,
    }


def _called(holiday: Holiday) -> str:
    """Other shifts on a day that is like any other make it no holiday."""
    return holiday.name or ("other hours" if holiday.rule == "shift_start" and holiday.hours else "holiday")


def _clock(calendar: Calendar, at: int, ordinal: int) -> str:
    """The local time; midnight at the end of the day is 24:00."""
    local = datetime.fromtimestamp(at, calendar.zone)
    if local.toordinal() > ordinal and (local.hour, local.minute) == (0, 0):
        return text_of(DAY)
    return text_of(local.hour * 3600 + local.minute * 60 + local.second)


def _ahead(calendar: Calendar, first: date) -> list[dict[str, Any]]:
    days = range(first.toordinal(), (first + AHEAD).toordinal())
    return [
        {
            "date": date.fromordinal(day).isoformat(),
            "name": one.name,
            "called": _called(one),
            "open": [(text_of(start), text_of(end)) for start, end in one.hours],
            "source": one.source,
        }
        for day, one in calendar.holidays_in(days).items()
    ]


def _differences(calendar: Calendar, asked: Any) -> list[str]:
    found = propose(calendar.holidays, asked)
    return [
        *(f"{one.on} {one.name} is new" for one in found.added),
        *(f"{one.on} {one.name} is no holiday any more" for one in found.removed),
        *(f"{new.on} {held.name} is called {new.name}" for held, new in found.renamed),
    ]

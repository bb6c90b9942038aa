"""The compact calendar of a line of `redress calendar compute`, a form that other projects use as well.

tz             IANA name
weekly_hours   {"mon": [["09:00", "12:30"], ["13:00", "17:00"]], …}; a missing weekday is closed. "24:00" is the end
               of a day, "30:00" is 06:00 of the next one. "06:00" after a later opening is also 06:00 of the next
               day, for shifts of up to twelve hours
holidays       closed dates, "2026-12-25" or "*-12-25" for every year
holiday_hours  {"2026-12-24": [["09:00", "12:00"]]}, hours of a date that replace all others, holiday or not
shifts         hours that replace the shifts which start on that date, without making it a holiday; a holiday on the
               same date has priority
breaks         {"2026-12-23": [["12:00", "13:00"]]}, subtracted from the hours of that date
holiday_rule   civil_day (default) or shift_start
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from services.sla.calendar import Calendar, parse_calendar
from services.sla.calendar.clocktime import DAY, format_time_of_day, parse_time_of_day
from services.sla.calendar.model import WEEKDAYS, HolidayRule
from shared.errors import Rejected

KEYS = ("tz", "weekly_hours", "holidays", "holiday_hours", "shifts", "breaks", "holiday_rule")
NIGHT_SHIFT_MAX = DAY // 2  # seconds; 17:00 to 09:00 is more likely a mistake than a shift of sixteen hours
_ID = "of the line"
_DATE = "expected a date such as '2026-12-25', or '*-12-25' for every year"
_DATE_PATTERN = re.compile(r"(\d{4}|\*)-\d\d-\d\d", re.ASCII)
_FRACTION = re.compile(r"(\d\d:\d\d:\d\d)\.(\d)\d*", re.ASCII)
Spans = list[tuple[int, int]]


class DateHours(NamedTuple):
    """Hours of one date, with the holiday rule by which they replace others; None is the rule of the line."""

    hours: Spans
    rule: HolidayRule | None = None


def parse_compact_calendar(request: Mapping[str, Any]) -> Calendar:
    """Parse the calendar of a line. Raises `Rejected` with the key, what is wrong and what is accepted."""
    if not isinstance(request.get("tz"), str):
        raise Rejected(f"tz: expected an IANA name such as 'Europe/Oslo', got {json.dumps(request.get('tz'))[:60]}")
    if request.get("weekly_hours") is None:
        raise Rejected("weekly_hours: expected such as {'mon': [['09:00', '17:00']]}, got nothing")
    week, closed = _by_day(request, "weekly_hours"), _value(request, "holidays", [])
    if strange := sorted(set(week) - set(WEEKDAYS)):
        raise Rejected(f"weekly_hours: expected days out of {', '.join(WEEKDAYS)}, got {strange[0][:20]!r}")
    if not isinstance(closed, list) or not all(isinstance(on, str) for on in closed):
        raise Rejected("holidays: expected a list of dates such as ['2026-12-25', '*-01-01']")
    calendar = {
        "id": _ID,
        "version": 1,
        "tz": request["tz"],
        "weekly_hours": week,
        "holidays": _holidays(request, week, set(closed)),
        "holiday_rule": _value(request, "holiday_rule", "civil_day"),
    }
    return parse_calendar(calendar, text_only=False)


def _value(request: Mapping[str, Any], key: str, default: Any) -> Any:
    """Return the value of a key, or the default if it is absent or null; other empty values are checked as usual."""
    return default if request.get(key) is None else request[key]


def _holidays(request: Mapping[str, Any], week: Mapping[str, Spans], closed: set[str]) -> list[dict[str, Any]]:
    """Return closed dates and dates with their own hours. `holiday_hours` replace holidays, those replace shifts."""
    shifts = {on: hours for on, hours in _by_day(request, "shifts").items() if not closed & {on, _yearly(on)}}
    replacements = _by_day(request, "holiday_hours")
    own = {on: DateHours([]) for on in sorted(closed)}
    own |= {on: DateHours(hours, "shift_start") for on, hours in shifts.items()}
    own |= {on: DateHours(hours) for on, hours in replacements.items()}
    cuts = request.get("holiday_rule") != "shift_start"
    for on, breaks in _by_day(request, "breaks").items():
        _refuse_night_before(on, week, own, cuts=cuts)
        hours, rule = _hours_on(date.fromisoformat(on), week, own)
        own[on] = DateHours(_subtract(hours, breaks), rule)
    for on in own:
        if not _is_date(on):
            raise Rejected(f"holidays, holiday_hours, shifts and breaks: {_DATE}, got {on[:20]!r}")
    return [{"on": on, "hours": day.hours, "rule": day.rule} for on, day in own.items()]


def _is_date(on: str) -> bool:
    try:
        return bool(_DATE_PATTERN.fullmatch(on)) and date.fromisoformat(on.replace("*", "2000")) is not None
    except ValueError:
        return False


def reason_without_id(error: Rejected) -> str:
    """Return the reason of an error without the id, because the calendar of a line has none."""
    about = f"calendar {_ID!r}"
    return error.detail.removeprefix(f"{about}: ").replace(about, "the calendar")


def _yearly(on: str) -> str:
    return f"*{on[4:]}"


def _by_day(request: Mapping[str, Any], key: str) -> dict[str, Spans]:
    value = request.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"{key}: expected an object of days, each with intervals such as [['09:00', '17:00']]")
    return {day: _spans(intervals, f"{key}.{day}") for day, intervals in value.items()}


def _spans(value: Any, where: str) -> Spans:
    if not isinstance(value, list):
        raise Rejected(f"{where}: expected intervals such as [['09:00', '17:00']], got {json.dumps(value)[:60]}")
    return [_span(item, where) for item in value]


def _span(value: Any, where: str) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise Rejected(f"{where}: expected [open, close] such as ['09:00', '17:00'], got {json.dumps(value)[:60]}")
    try:
        start, end = (_parse_time(item) for item in value)
    except ValueError as error:
        raise Rejected(f"{where}: {error}") from None
    if end < start < DAY and end + DAY - start <= NIGHT_SHIFT_MAX:
        end += DAY
    if end <= start:
        hint = f"; for a shift into the next day write {format_time_of_day(end + DAY)!r}" if end < start < DAY else ""
        raise Rejected(
            f"{where}: {format_time_of_day(start)}-{format_time_of_day(end)} does not end after it starts{hint}"
        )
    return start, end


def _parse_time(value: Any) -> int:
    """Parse a time of day. A fraction is rounded, because some projects write the end of a day as 23:59:59.999."""
    fraction = _FRACTION.fullmatch(value) if isinstance(value, str) else None
    return parse_time_of_day(value) if fraction is None else parse_time_of_day(fraction[1]) + (fraction[2] >= "5")


def _hours_on(day: date, week: Mapping[str, Spans], own: Mapping[str, DateHours]) -> DateHours:
    """Return the hours listed for a date, or those of its weekday."""
    dated, weekly = str(day), DateHours(week.get(WEEKDAYS[day.weekday()], []), "shift_start")
    return own.get(dated, own.get(_yearly(dated), weekly))


def _refuse_night_before(on: str, week: Mapping[str, Spans], own: Mapping[str, DateHours], *, cuts: bool) -> None:
    """Raise `Rejected` if the night shift of the day before continues into a date with breaks.

    It would be unclear if a break belongs to that shift or to the hours of the date.
    """
    try:
        day_before = date.fromisoformat(on) - timedelta(days=1)
    except (ValueError, OverflowError):
        raise Rejected(f"breaks.{on[:20]}: expected a date such as '2026-12-23'") from None
    hours = _hours_on(day_before, week, own)
    closed = cuts and hours == DateHours([])  # up to midnight only: the night shift of its weekday continues after it
    nights = week.get(WEEKDAYS[day_before.weekday()], []) if closed else hours.hours
    if any(end > DAY for _, end in nights):
        raise Rejected(f"breaks.{on}: the night shift of the day before ends on that date; write holiday_hours instead")


def _subtract(spans: Spans, breaks: Spans) -> Spans:
    left = spans
    for low, high in breaks:
        parts = [part for start, end in left for part in ((start, min(end, low)), (max(start, high), end))]
        left = [(start, end) for start, end in parts if start < end]
    return left

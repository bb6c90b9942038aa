"""Calendars as other projects write them in one line.

tz             IANA name
weekly_hours   {"mon": [["09:00", "12:30"], ["13:00", "17:00"]], …}; a weekday that is missing is closed. "24:00"
               ends a day, "30:00" is 06:00 of the next one, and so is "06:00" behind a later opening, for shifts of
               up to twelve hours
holidays       dates we are closed, "2026-12-25" or "*-12-25" for every year
holiday_hours  {"2026-12-24": [["09:00", "12:00"]]} instead of that date's hours, be it a holiday or not
shifts         instead of the shifts that start on that date; it is no holiday by that, and a holiday wins
breaks         {"2026-12-23": [["12:00", "13:00"]]} cut out of that date's hours
holiday_rule   civil_day (default) or shift_start
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from services.sla.calendar import Calendar, calendar_of
from services.sla.calendar.clocktime import DAY, seconds_of, text_of
from services.sla.calendar.model import WEEKDAYS, HolidayRule
from shared.errors import Rejected

KEYS = ("tz", "weekly_hours", "holidays", "holiday_hours", "shifts", "breaks", "holiday_rule")
LONGEST_NIGHT = DAY // 2  # seconds; 17:00 to 09:00 is more likely a mistake than a shift of sixteen hours
_ID = "of the line"
_DATE = "expected a date such as '2026-12-25', or '*-12-25' for every year"
_ON = re.compile(r"(\d{4}|\*)-\d\d-\d\d", re.ASCII)
_FRACTION = re.compile(r"(\d\d:\d\d:\d\d)\.(\d)\d*", re.ASCII)
Spans = list[tuple[int, int]]


class Own(NamedTuple):
    """Hours of one date, and how far they replace others; None: as the line's holidays do."""

    hours: Spans
    rule: HolidayRule | None = None


def calendar_in(told: Mapping[str, Any]) -> Calendar:
    """The calendar of a line, checked. Raises `Rejected` naming the key, what is wrong and what is accepted."""
    if not isinstance(told.get("tz"), str):
        raise Rejected(f"tz: expected an IANA name such as 'Europe/Oslo', got {json.dumps(told.get('tz'))[:60]}")
    if told.get("weekly_hours") is None:
        raise Rejected("weekly_hours: expected such as {'mon': [['09:00', '17:00']]}, got nothing")
    week, closed = _by_day(told, "weekly_hours"), _unless_null(told, "holidays", [])
    if strange := sorted(set(week) - set(WEEKDAYS)):
        raise Rejected(f"weekly_hours: expected days out of {', '.join(WEEKDAYS)}, got {strange[0][:20]!r}")
    if not isinstance(closed, list) or not all(isinstance(on, str) for on in closed):
        raise Rejected("holidays: expected a list of dates such as ['2026-12-25', '*-01-01']")
    return calendar_of(
        {
            "id": _ID,
            "version": 1,
            "tz": told["tz"],
            "weekly_hours": week,
            "holidays": _holidays(told, week, set(closed)),
            "holiday_rule": _unless_null(told, "holiday_rule", "civil_day"),
        }
    )


def _unless_null(told: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    """What is wrong and empty is wrong as well: only null is as good as nothing."""
    return otherwise if told.get(key) is None else told[key]


def _holidays(told: Mapping[str, Any], week: Mapping[str, Spans], closed: set[str]) -> list[dict[str, Any]]:
    """Closed dates, and dates with hours of their own. Holidays win over shifts, holiday_hours over holidays."""
    shifts = {on: hours for on, hours in _by_day(told, "shifts").items() if not closed & {on, _yearly(on)}}
    instead = _by_day(told, "holiday_hours")
    own = {on: Own([]) for on in sorted(closed)}
    own |= {on: Own(hours, "shift_start") for on, hours in shifts.items()}
    own |= {on: Own(hours) for on, hours in instead.items()}
    cuts = told.get("holiday_rule") != "shift_start"
    for on, breaks in _by_day(told, "breaks").items():
        _refuse_night_before(on, week, own, cuts=cuts)
        hours, rule = _own_on(date.fromisoformat(on), week, own)
        own[on] = Own(_without(hours, breaks), rule)
    for on in own:
        if not _is_date(on):
            raise Rejected(f"holidays and their hours: {_DATE}, got {on[:20]!r}")
    return [{"on": on, "hours": one.hours, "rule": one.rule} for on, one in own.items()]


def _is_date(on: str) -> bool:
    try:
        return bool(_ON.fullmatch(on)) and date.fromisoformat(on.replace("*", "2000")) is not None
    except ValueError:
        return False


def plainly(error: Rejected) -> str:
    """The reason without the name that a calendar of a line is given for want of one."""
    about = f"calendar {_ID!r}"
    return error.detail.removeprefix(f"{about}: ").replace(about, "the calendar")


def _yearly(on: str) -> str:
    return f"*{on[4:]}"


def _by_day(told: Mapping[str, Any], key: str) -> dict[str, Spans]:
    value = told.get(key)
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
        start, end = (_clock(item) for item in value)
    except ValueError as error:
        raise Rejected(f"{where}: {error}") from None
    if end < start < DAY and end + DAY - start <= LONGEST_NIGHT:
        end += DAY
    if end <= start:
        hint = f"; for a shift into the next day write {text_of(end + DAY)!r}" if end < start < DAY else ""
        raise Rejected(f"{where}: {text_of(start)}-{text_of(end)} does not end after it starts{hint}")
    return start, end


def _clock(value: Any) -> int:
    """Seconds after midnight. Some write the end of a day as 23:59:59.999: a fraction is rounded."""
    fraction = _FRACTION.fullmatch(value) if isinstance(value, str) else None
    return seconds_of(value) if fraction is None else seconds_of(fraction[1]) + (fraction[2] >= "5")


def _own_on(day: date, week: Mapping[str, Spans], own: Mapping[str, Own]) -> Own:
    """What is said of that date, or what its weekday says: other shifts do not make it a holiday."""
    dated, weekly = str(day), Own(week.get(WEEKDAYS[day.weekday()], []), "shift_start")
    return own.get(dated, own.get(_yearly(dated), weekly))


def _refuse_night_before(on: str, week: Mapping[str, Spans], own: Mapping[str, Own], *, cuts: bool) -> None:
    """A break must be of its date's own hours: one in the night of the eve is not clear."""
    try:
        eve = date.fromisoformat(on) - timedelta(days=1)
    except (ValueError, OverflowError):
        raise Rejected(f"breaks.{on[:20]}: expected a date such as '2026-12-23'") from None
    said = _own_on(eve, week, own)
    closed = cuts and said == Own([])  # until midnight, and what its weekday opens after that stays
    nights = week.get(WEEKDAYS[eve.weekday()], []) if closed else said.hours
    if any(end > DAY for _, end in nights):
        raise Rejected(f"breaks.{on}: the shift of the eve runs into that date; write its hours as holiday_hours")


def _without(spans: Spans, breaks: Spans) -> Spans:
    left = spans
    for low, high in breaks:
        parts = [part for start, end in left for part in ((start, min(end, low)), (max(start, high), end))]
        left = [(start, end) for start, end in parts if start < end]
    return left

"""Expansion of an RRULE (RFC 5545) of an all-day event between two dates, in bounded time."""

from datetime import date, datetime, timedelta
from itertools import takewhile

from dateutil.rrule import rrulestr

_COMMON_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH"}
_PARTS = {
    "DAILY": _COMMON_PARTS,
    "WEEKLY": _COMMON_PARTS,
    "MONTHLY": _COMMON_PARTS | {"BYMONTHDAY", "BYSETPOS"},
    "YEARLY": _COMMON_PARTS | {"BYMONTHDAY", "BYSETPOS", "BYYEARDAY", "BYWEEKNO"},
}
RULE_LENGTH_MAX = 300  # characters; the rule of Thanksgiving has 34
INTERVAL_MAX = 1000  # days, weeks, months or years between two dates
_CYCLE = 400  # years after which the Gregorian calendar repeats, weekdays included


def expand_rule(rule: str, start: date, first: date, last: date) -> list[date]:
    """Return the dates of a rule from `first` to `last`, both included, for an event that starts on `start`.

    Raises `ValueError` with the part that is not accepted.
    """
    parts = _parts(rule)
    until = min(_until(parts), last)
    if until < start:
        return []
    # dateutil searches for a rule that never matches, such as 30 February, up to the year 9999. The rule is therefore
    # evaluated whole cycles of 400 years later, where the calendar is the same and only a few hundred years remain.
    years = (date.max.year - last.year) // _CYCLE * _CYCLE
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    try:
        recurrences = rrulestr(text, dtstart=datetime.combine(_move_years(start, years), datetime.min.time()))
        days = takewhile(lambda day: day <= _move_years(until, years), (moment.date() for moment in recurrences))
        dates = [_move_years(day, -years) for day in days]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"RRULE {rule!r} is not valid: {error}") from None
    return [day for day in dates if day >= first]


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.upper().split(";") if part]
    parts = {name: value for name, _, value in pairs}
    accepted = _PARTS.get(parts.get("FREQ", ""))
    if len(rule) > RULE_LENGTH_MAX or len(parts) != len(pairs):
        raise ValueError(f"RRULE {rule[:40]!r} is too long or has a duplicate part")
    if accepted is None:
        raise ValueError(f"RRULE {rule!r}: expected FREQ to be one of {', '.join(_PARTS)} for an all-day event")
    if wrong := sorted(set(parts) - accepted):
        raise ValueError(f"RRULE {rule!r}: {wrong[0]} is not accepted with FREQ={parts['FREQ']} for an all-day event")
    if not 1 <= _parse_number(parts.get("INTERVAL", "1")) <= INTERVAL_MAX or _parse_number(parts.get("COUNT", "1")) < 1:
        raise ValueError(f"RRULE {rule!r}: expected INTERVAL from 1 to {INTERVAL_MAX} and COUNT from 1")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError(f"RRULE {rule!r}: expected COUNT or UNTIL, not both")
    return parts


def _parse_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _until(parts: dict[str, str]) -> date:
    """Return the last date; many programs write its last second or its midnight, with or without a zone."""
    text = parts.get("UNTIL")
    try:
        return date.max - timedelta(days=1) if text is None else date.fromisoformat(text[:8])
    except ValueError:
        raise ValueError(f"expected UNTIL to be a date such as 20301231, got {text!r}") from None


def _move_years(day: date, years: int) -> date:
    return day.replace(year=day.year + years)

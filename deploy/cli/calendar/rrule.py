"""The dates of a recurring all-day event: an RRULE of RFC 5545 between two dates, in bounded time."""

from datetime import date, datetime, timedelta
from itertools import takewhile

from dateutil.rrule import rrulestr

_EVERY = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH"}
_PARTS = {
    "DAILY": _EVERY,
    "WEEKLY": _EVERY,
    "MONTHLY": _EVERY | {"BYMONTHDAY", "BYSETPOS"},
    "YEARLY": _EVERY | {"BYMONTHDAY", "BYSETPOS", "BYYEARDAY", "BYWEEKNO"},
}
LONGEST_RULE = 300  # characters; the rule of Thanksgiving has 34
WIDEST_INTERVAL = 1000  # days, weeks, months or years between two dates
_CYCLE = 400  # years after which the Gregorian calendar repeats itself, weekdays included


def expanded(rule: str, start: date, first: date, last: date) -> list[date]:
    """The dates of that rule from `first` to `last`, both included, for an event that starts on `start`.

    Raises `ValueError` saying which part is not accepted.
    """
    parts = _parts(rule)
    until = min(_until(parts), last)
    if until < start:
        return []
    # A rule that never matches is searched to the end of the year 9999. Whole cycles of the calendar later it gives
    # the same dates, with a few hundred years to search instead of eight thousand.
    years = (date.max.year - last.year) // _CYCLE * _CYCLE
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    try:
        found = rrulestr(text, dtstart=datetime.combine(_moved(start, years), datetime.min.time()))
        moments = takewhile(lambda day: day <= _moved(until, years), (moment.date() for moment in found))
        dates = [_moved(day, -years) for day in moments]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"RRULE {rule!r} makes no sense: {error}") from None
    return [day for day in dates if day >= first]


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.upper().split(";") if part]
    parts = {name: value for name, _, value in pairs}
    accepted = _PARTS.get(parts.get("FREQ", ""))
    if len(rule) > LONGEST_RULE or len(parts) != len(pairs):
        raise ValueError(f"RRULE {rule[:40]!r} is too long or says something twice")
    if accepted is None:
        raise ValueError(f"RRULE {rule!r}: expected FREQ to be one of {', '.join(_PARTS)} for an all-day event")
    if wrong := sorted(set(parts) - accepted):
        raise ValueError(f"RRULE {rule!r}: {wrong[0]} is not accepted with FREQ={parts['FREQ']} for an all-day event")
    if not 1 <= _whole(parts.get("INTERVAL", "1")) <= WIDEST_INTERVAL or _whole(parts.get("COUNT", "1")) < 1:
        raise ValueError(f"RRULE {rule!r}: expected INTERVAL from 1 to {WIDEST_INTERVAL} and COUNT from 1")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError(f"RRULE {rule!r}: expected COUNT or UNTIL, not both")
    return parts


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _until(parts: dict[str, str]) -> date:
    """The last date; many write the last second of it, or midnight of it, with or without a zone."""
    text = parts.get("UNTIL")
    try:
        return date.max - timedelta(days=1) if text is None else date.fromisoformat(text[:8])
    except ValueError:
        raise ValueError(f"expected UNTIL to be a date such as 20301231, got {text!r}") from None


def _moved(day: date, years: int) -> date:
    return day.replace(year=day.year + years)

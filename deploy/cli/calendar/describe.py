"""Text output of `redress calendar check`."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

RULES = {
    "civil_day": "a holiday closes from midnight to midnight, and cuts a night shift",
    "shift_start": "a holiday cancels the shifts that start on it; the night shift of the day before ends as usual",
}


def format_lines(calendar: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for one calendar: name and version, next days, next holidays, changes in the holiday library."""
    name = f": {calendar['name']}" if calendar["name"] else ""
    yield f"{calendar['id']}, version {calendar['version']}{name}"
    yield f"  local time of {calendar['tz']}; {RULES[calendar['holiday_rule']]}"
    for day in calendar["dates"]:
        holiday = f" ({day['holiday']})" if day["holiday"] else ""
        yield f"  {_format_date(day['date'])}  {_format_spans(day['open'])}{holiday}"
    yield "  Holidays of the next year:" if calendar["holidays"] else "  No holidays in the next year."
    for holiday in calendar["holidays"]:
        yield f"    {_format_date(holiday['date'])}  {holiday['called']}" + _hours_and_source(holiday)
    for sentence in calendar["library_says"]:
        yield f"  Changed in the holiday library: {sentence}"
    yield ""


def _format_date(text: str) -> str:
    return f"{date.fromisoformat(text):%a %d %b %Y}"


def _format_spans(spans: Sequence[Sequence[str]]) -> str:
    return " and ".join(f"{start} to {end}" for start, end in spans) or "closed"


def _hours_and_source(holiday: dict[str, Any]) -> str:
    hours = f", open {_format_spans(holiday['open'])}" if holiday["open"] else ""
    return hours + (f"  [{holiday['source']}]" if holiday["source"] else "")

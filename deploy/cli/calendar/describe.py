"""A checked calendar in plain words."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

RULES = {
    "civil_day": "a holiday closes from midnight to midnight, and cuts a night shift",
    "shift_start": "a holiday cancels the shifts that start on it, and the one of the eve runs out",
}


def lines_of(told: dict[str, Any]) -> Iterator[str]:
    """One calendar: who it is, the next days, the next holidays, and what the holiday library would change."""
    name = f": {told['name']}" if told["name"] else ""
    yield f"{told['id']}, version {told['version']}{name}"
    yield f"  local time of {told['tz']}; {RULES[told['holiday_rule']]}"
    for day in told["dates"]:
        yield f"  {_day(day['date'])}  {_open(day['open'])}" + (f" ({day['holiday']})" if day["holiday"] else "")
    yield "  Holidays of the next year:" if told["holidays"] else "  No holidays in the next year."
    for one in told["holidays"]:
        yield f"    {_day(one['date'])}  {one['called']}" + _besides(one)
    for sentence in told["library_says"]:
        yield f"  The holiday library now says: {sentence}"
    yield ""


def _day(text: str) -> str:
    return f"{date.fromisoformat(text):%a %d %b %Y}"


def _open(spans: Sequence[Sequence[str]]) -> str:
    return " and ".join(f"{start} to {end}" for start, end in spans) or "closed"


def _besides(holiday: dict[str, Any]) -> str:
    hours = f", open {_open(holiday['open'])}" if holiday["open"] else ""
    return hours + (f"  [{holiday['source']}]" if holiday["source"] else "")

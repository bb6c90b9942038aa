"""Holidays from an iCalendar file (RFC 5545): each date of an all-day event becomes a closed date.

Recurring events are expanded between two dates, because a calendar version lists its closed dates. Events that cannot
close a whole date are left out and reported: an event with times of day, a rule in hours, a date that is not valid.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.cli.calendar.rrule import expand_rule
from services.sla.calendar.model import Holiday
from shared.errors import Rejected

if TYPE_CHECKING:
    from icalendar import Event

FILE_BYTES_MAX = 1_048_576  # of a file: all holidays of a country for ten years are about 50 KB
EVENTS_MAX = 5_000  # in a file: a country has at most thirty holidays a year
RULES_MAX = 200  # recurring events in a file: each is expanded on its own
EVENT_DAYS_MAX = 62  # longest school holidays; a longer closure is a change of the weekly hours
YEARS_MAX = 30  # between the first and the last date
NAME_LENGTH_MAX = 200  # characters; the rest is cut off

Overridden = dict[str, set[date]]  # dates of a recurring event (by UID) that other events replace


class Imported(NamedTuple):
    """Holidays of a file in the order of their dates, and a reason for each event that was left out."""

    holidays: tuple[Holiday, ...]
    ignored: tuple[str, ...]


def holidays_from_ical(data: bytes, *, first: date, last: date, source: str) -> Imported:
    """Return the all-day events of a file from `first` to `last` as holidays.

    `source` is the name of the file, stored with each holiday. Cancelled events are skipped, DTEND is the day after,
    and a date with two events has both names. Raises `Rejected` for a file that is no iCalendar or is too large.
    """
    if not first <= last or last.year - first.year > YEARS_MAX:
        raise Rejected(f"expected at most {YEARS_MAX} years, got {first} to {last}")
    events = _events(data)
    overridden: Overridden = {}
    for event in events:
        if day := _overridden_date(event):
            overridden.setdefault(_text(event, "UID"), set()).add(day)
    by_date: dict[date, list[Holiday]] = {}
    ignored: list[str] = []
    for event in events:
        if _text(event, "STATUS").upper() == "CANCELLED":
            continue
        try:
            for day in _dates(event, first, last, overridden):
                by_date.setdefault(day, []).append(_holiday(event, day, source))
        except ValueError as error:
            ignored.append(f"{_text(event, 'SUMMARY') or 'an event without a name'}: {error}")
    return Imported(tuple(_join(by_date[day]) for day in sorted(by_date)), tuple(ignored))


def _events(data: bytes) -> "list[Event]":
    from icalendar import Calendar, Event  # noqa: PLC0415  # importing it takes a quarter of a second

    if len(data) > FILE_BYTES_MAX:
        raise Rejected(f"expected at most {FILE_BYTES_MAX:,} bytes of iCalendar, got {len(data):,}")
    try:
        text = data.decode("utf-8-sig")
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise Rejected(f"expected an iCalendar file: {str(error)[:200]}") from None
    if not calendars or not text.rstrip().upper().endswith("END:VCALENDAR"):
        raise Rejected("the file is incomplete; expected BEGIN:VCALENDAR first and END:VCALENDAR last")
    events = [event for calendar in calendars for event in calendar.walk("VEVENT") if isinstance(event, Event)]
    rules = sum("RRULE" in event for event in events)
    if len(events) > EVENTS_MAX or rules > RULES_MAX:
        raise Rejected(
            f"expected at most {EVENTS_MAX:,} events, {RULES_MAX} recurring, got {len(events):,}, {rules:,} recurring"
        )
    return events


def _dates(event: "Event", first: date, last: date, overridden: Overridden) -> list[date]:
    """Return every date that the event closes. Raises `ValueError` with the reason if it closes none."""
    start = _start(event)
    length = _length(event, start)
    earliest = first - timedelta(days=length - 1)
    starts = {start, *_listed(event, "RDATE")}
    if "RRULE" in event:
        rule = event["RRULE"]
        if isinstance(rule, list) or "EXRULE" in event:
            raise ValueError("it has more than one rule")
        starts |= set(expand_rule(_rule(rule), start, earliest, last))
    starts -= set(_listed(event, "EXDATE"))
    if "RECURRENCE-ID" not in event:
        starts -= overridden.get(_text(event, "UID"), set())
    days = {day + timedelta(days=n) for day in starts if earliest <= day <= last for n in range(length)}
    return sorted(day for day in days if first <= day <= last)


def _start(event: "Event") -> date:
    start = _value(event, "DTSTART")
    if start is None:
        raise ValueError("it has no start that can be read")
    if isinstance(start, datetime) or not isinstance(start, date):
        raise ValueError("it has times of day, and only all-day events close a date")  # noqa: TRY004  # a ValueError, as for all invalid data
    if "RANGE" in getattr(event.get("RECURRENCE-ID"), "params", {}):
        raise ValueError("it changes all later dates of another event, which is not supported")
    return start


def _length(event: "Event", start: date) -> int:
    """Return the length in days. DTEND is the day after; some programs write the same day for one day."""
    length = 1
    if "DTEND" in event:
        end = _value(event, "DTEND")
        if isinstance(end, datetime) or not isinstance(end, date):
            raise ValueError("its end is not a date")
        length = (end - start).days or 1
    elif "DURATION" in event:
        duration = _value(event, "DURATION")
        if not isinstance(duration, timedelta) or duration % timedelta(days=1):
            raise ValueError("its duration is not a number of days")
        length = duration.days
    if not 1 <= length <= EVENT_DAYS_MAX:
        raise ValueError(f"it lasts {length} days, expected 1 to {EVENT_DAYS_MAX}")
    return length


def _listed(event: "Event", name: str) -> Iterator[date]:
    """Yield the dates of RDATE or EXDATE, which may be in one line or in several; a time of day is dropped."""
    values = event.get(name, [])
    for value in values if isinstance(values, list) else [values]:
        for item in getattr(value, "dts", [None]):
            day = getattr(item, "dt", None)
            if not isinstance(day, date):
                raise ValueError(f"{name} contains a value that is not a date")  # noqa: TRY004  # as above
            yield day.date() if isinstance(day, datetime) else day


def _overridden_date(event: "Event") -> date | None:
    """Return the date of a recurring event that this event replaces; None if it replaces none or is not valid."""
    try:
        day = _value(event, "RECURRENCE-ID")
    except ValueError:
        return None
    return day.date() if isinstance(day, datetime) else day if isinstance(day, date) else None


def _value(event: "Event", name: str) -> Any:
    """Return the value of a property; None if it is absent or duplicate. Raises `ValueError` if it is not valid."""
    if any(broken == name for broken, _ in event.errors):
        raise ValueError(f"its {name} cannot be read")
    return getattr(event.get(name), "dt", None)


def _rule(rule: Any) -> str:
    try:
        text = rule.to_ical()
    except TypeError:  # icalendar keeps parts that it cannot parse as they are
        raise ValueError("its RRULE cannot be read") from None
    return text.decode() if isinstance(text, bytes) else str(text)


def _text(event: "Event", name: str) -> str:
    """Return a property as one line of printable text."""
    text = " ".join(str(event.get(name, "")).split())
    return "".join(char for char in text if char.isprintable())[:NAME_LENGTH_MAX]


def _holiday(event: "Event", day: date, source: str) -> Holiday:
    uid = _text(event, "UID")
    return Holiday(
        on=day.isoformat(), name=_text(event, "SUMMARY"), source=f"iCal {source}" + (f": {uid}" if uid else "")
    )


def _join(holidays: list[Holiday]) -> Holiday:
    names = dict.fromkeys(holiday.name for holiday in holidays if holiday.name)
    return holidays[0].model_copy(update={"name": "; ".join(names)})

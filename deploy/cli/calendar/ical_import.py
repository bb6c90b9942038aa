"""Holidays from an iCalendar file (RFC 5545): all-day events become dates on which we are closed.

Recurring events are written out between two dates, because a calendar version lists what it closes. What cannot close
a whole date is left out and said so: an event with times of day, a rule that counts hours, a date nobody can read.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.cli.calendar.rrule import expanded
from services.sla.calendar.model import Holiday
from shared.errors import Rejected

if TYPE_CHECKING:
    from icalendar import Event

MOST_BYTES = 1_048_576  # of a file: all holidays of a country for ten years are about 50 KB
MOST_EVENTS = 5_000  # in a file: a country has at most thirty holidays a year
MOST_RULES = 200  # recurring events in a file: each is expanded on its own
MOST_DAYS = 62  # one event may last: the longest school holidays; whoever closes for longer changes the weekly hours
MOST_YEARS = 30  # that are written out
LONGEST_NAME = 200  # characters; what follows is cut off

Overridden = dict[str, set[date]]  # single dates of a recurring event that other events replace, by its UID


class Imported(NamedTuple):
    """The holidays of a file in the order of their dates, and for each event that was left out, why."""

    holidays: tuple[Holiday, ...]
    ignored: tuple[str, ...]


def holidays_from_ical(data: bytes, *, first: date, last: date, source: str) -> Imported:
    """The all-day events of a file from `first` to `last`; `source` is how the file is called, and kept per holiday.

    Cancelled events are skipped, DTEND is the day after, and dates with two events keep both names. Raises `Rejected`
    for what is no iCalendar file or too large.
    """
    if not first <= last or last.year - first.year > MOST_YEARS:
        raise Rejected(f"expected at most {MOST_YEARS} years to write out, got {first} to {last}")
    events = _events(data)
    overridden: Overridden = {}
    for event in events:
        if day := _replaced(event):
            overridden.setdefault(_text(event, "UID"), set()).add(day)
    found: dict[date, list[Holiday]] = {}
    ignored: list[str] = []
    for event in events:
        if _text(event, "STATUS").upper() == "CANCELLED":
            continue
        try:
            for day in _dates(event, first, last, overridden):
                found.setdefault(day, []).append(_holiday(event, day, source))
        except ValueError as error:
            ignored.append(f"{_text(event, 'SUMMARY') or 'an event without a name'}: {error}")
    return Imported(tuple(_one(found[day]) for day in sorted(found)), tuple(ignored))


def _events(data: bytes) -> "list[Event]":
    from icalendar import Calendar, Event  # noqa: PLC0415  # a quarter of a second that only an import pays

    if len(data) > MOST_BYTES:
        raise Rejected(f"expected at most {MOST_BYTES:,} bytes of iCalendar, got {len(data):,}")
    try:
        text = data.decode("utf-8-sig")
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise Rejected(f"this is no iCalendar file: {str(error)[:200]}") from None
    if not calendars or not text.rstrip().upper().endswith("END:VCALENDAR"):
        raise Rejected("this is no whole iCalendar file; expected BEGIN:VCALENDAR first and END:VCALENDAR last")
    events = [event for calendar in calendars for event in calendar.walk("VEVENT") if isinstance(event, Event)]
    rules = sum("RRULE" in event for event in events)
    if len(events) > MOST_EVENTS or rules > MOST_RULES:
        raise Rejected(
            f"expected at most {MOST_EVENTS:,} events, {MOST_RULES} recurring, got {len(events):,}, {rules:,} recurring"
        )
    return events


def _dates(event: "Event", first: date, last: date, overridden: Overridden) -> list[date]:
    """Every date that the event closes. Raises `ValueError` saying why it closes none."""
    start = _start(event)
    length = _length(event, start)
    earliest = first - timedelta(days=length - 1)
    starts = {start, *_listed(event, "RDATE")}
    if "RRULE" in event:
        rule = event["RRULE"]
        if isinstance(rule, list) or "EXRULE" in event:
            raise ValueError("it has more than one rule")
        starts |= set(expanded(_rule(rule), start, earliest, last))
    starts -= set(_listed(event, "EXDATE"))
    if "RECURRENCE-ID" not in event:
        starts -= overridden.get(_text(event, "UID"), set())
    days = {day + timedelta(days=n) for day in starts if earliest <= day <= last for n in range(length)}
    return sorted(day for day in days if first <= day <= last)


def _start(event: "Event") -> date:
    found = _value(event, "DTSTART")
    if found is None:
        raise ValueError("it has no start that can be read")
    if isinstance(found, datetime) or not isinstance(found, date):
        raise ValueError("it has times of day, and only all-day events close a date")  # noqa: TRY004  # data, not types
    if "RANGE" in getattr(event.get("RECURRENCE-ID"), "params", {}):
        raise ValueError("it changes all later dates of another event")
    return found


def _length(event: "Event", start: date) -> int:
    """Days it lasts. DTEND is the day after; some write the day itself and mean one day."""
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
    if not 1 <= length <= MOST_DAYS:
        raise ValueError(f"it lasts {length} days, expected 1 to {MOST_DAYS}")
    return length


def _listed(event: "Event", name: str) -> Iterator[date]:
    """The dates of RDATE or EXDATE, which may stand in one line or several; of a date with a time, the date."""
    values = event.get(name, [])
    for value in values if isinstance(values, list) else [values]:
        for item in getattr(value, "dts", [None]):
            day = getattr(item, "dt", None)
            if not isinstance(day, date):
                raise ValueError(f"{name} holds something that is not a date")  # noqa: TRY004  # as above
            yield day.date() if isinstance(day, datetime) else day


def _replaced(event: "Event") -> date | None:
    """The date of a recurring event that this one stands for; None for most, and where nobody can read it."""
    try:
        found = _value(event, "RECURRENCE-ID")
    except ValueError:
        return None
    return found.date() if isinstance(found, datetime) else found if isinstance(found, date) else None


def _value(event: "Event", name: str) -> Any:
    """The value of a property; None where it is missing or stands there twice. Raises `ValueError` where broken."""
    if any(broken == name for broken, _ in event.errors):
        raise ValueError(f"its {name} cannot be read")
    return getattr(event.get(name), "dt", None)


def _rule(rule: Any) -> str:
    try:
        text = rule.to_ical()
    except TypeError:  # parts of it were not understood, and are kept as they were sent
        raise ValueError("its RRULE cannot be read") from None
    return text.decode() if isinstance(text, bytes) else str(text)


def _text(event: "Event", name: str) -> str:
    """One line of printable text, whatever was sent."""
    words = " ".join(str(event.get(name, "")).split())
    return "".join(char for char in words if char.isprintable())[:LONGEST_NAME]


def _holiday(event: "Event", day: date, source: str) -> Holiday:
    uid = _text(event, "UID")
    return Holiday(
        on=day.isoformat(), name=_text(event, "SUMMARY"), source=f"iCal {source}" + (f": {uid}" if uid else "")
    )


def _one(holidays: list[Holiday]) -> Holiday:
    names = dict.fromkeys(one.name for one in holidays if one.name)
    return holidays[0].model_copy(update={"name": "; ".join(names)})

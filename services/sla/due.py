"""Due dates as an iCalendar feed: what is due and when, and nothing about the person it is due to."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from icalendar import Calendar, Event

from services.sla.domain import Clock
from services.sla.risk import Item

SHOWN = timedelta(minutes=15)  # a due time has no length; calendars want one


def calendar(team: str, items: Sequence[Item]) -> bytes:
    """The feed. One complaint's clock keeps its UID whenever its date moves, so that clients move the entry."""
    feed = Calendar()
    feed.add("prodid", "-//Redress//sla//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", f"Due: {team}")
    feed.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    for one in sorted(items, key=lambda item: (item.due_at, item.complaint, item.key)):
        feed.add_component(_event(one))
    return bytes(feed.to_ical())


def _event(one: Item) -> Event:
    event = Event()
    key = sha256(f"{one.complaint}/{one.key}".encode()).hexdigest()[:32]  # an item may be called anything
    event.add("uid", f"{key}@redress")
    event.add("dtstamp", one.updated_at)
    event.add("dtstart", one.due_at)
    event.add("dtend", one.due_at + SHOWN)
    event.add("summary", f"{'Late: ' if one.is_late else ''}{one.name} ({str(one.complaint)[-12:]})")
    event.add("categories", ["clock" if isinstance(one.what, Clock) else "promise"])
    event.add("transp", "TRANSPARENT")
    return event

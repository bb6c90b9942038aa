"""Due dates as an iCalendar feed: what is due for which complaint, when and why, and nothing about any person."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from icalendar import Calendar, Event, Timezone, TimezoneStandard

from services.sla.domain import Clock
from services.sla.policies import Rulebook
from services.sla.reports.at_risk import AtRiskItem, AtRiskPage

SHOWN = timedelta(minutes=15)  # a due time has no length; calendars want one
SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def calendar(team: str, diary: AtRiskPage, rulebook: Rulebook, teams: Sequence[str] = ()) -> bytes:
    """The feed. One complaint's clock keeps its UID whenever its date moves, so that clients move the entry.

    With nothing due it holds a time zone alone, for a calendar needs a component (RFC 5545 3.6), and names `teams`.
    """
    feed = Calendar()
    feed.add("prodid", "-//Redress//sla//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", f"Due: {team}")
    feed.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    if diary.cut:
        feed.add("x-wr-caldesc", _cut(diary))
        feed.add_component(_notice(team, diary))
    for one in sorted(diary.items, key=lambda item: (item.due_at, item.complaint, item.key)):
        feed.add_component(_event(one, rulebook))
    if not diary.items:
        known = f" Teams that have open complaints: {', '.join(teams)}." if teams else ""
        feed.add("x-wr-caldesc", f"This team has nothing that is late or falls due within this time.{known}")
        feed.add_component(_utc())
    return bytes(feed.to_ical())


def _event(one: AtRiskItem, rulebook: Rulebook) -> Event:
    event = Event()
    key = sha256(f"{one.complaint}/{one.key}".encode()).hexdigest()[:32]  # an item may be called anything
    event.add("uid", f"{key}@redress")
    event.add("dtstamp", one.updated_at)
    event.add("dtstart", one.due_at)
    event.add("dtend", one.due_at + SHOWN)
    event.add("summary", f"{'Late: ' if one.is_late else ''}{_title(one)} ({str(one.complaint)[-12:]})")
    event.add("description", f"Complaint {one.complaint}\n{_why(one, rulebook)}")
    event.add("categories", ["clock" if isinstance(one.what, Clock) else "promise"])
    event.add("transp", "TRANSPARENT")
    return event


def _title(one: AtRiskItem) -> str:
    item = f": {one.item}" if one.item else ""
    return f"{one.name}{item}{', ' + one.pack.name if one.pack else ''}"


def _why(one: AtRiskItem, rulebook: Rulebook) -> str:
    """The first sentence, which says by which rule, and the last, which says how it stands."""
    sentences = SENTENCE.split(one.because(rulebook))
    return " ".join(dict.fromkeys((sentences[0], sentences[-1])))


def _cut(diary: AtRiskPage) -> str:
    return (
        f"There are more dates than these {len(diary.items)}. What is still to come goes before what was missed; "
        "GET /v1/at-risk has all."
    )


def _notice(team: str, diary: AtRiskPage) -> Event:
    """Of today, all day: a person who looks at the calendar must see that it is not all."""
    event = Event()
    event.add("uid", f"{sha256(team.encode()).hexdigest()[:32]}-cut@redress")
    event.add("dtstamp", max((one.updated_at for one in diary.items), default=datetime(2026, 1, 1, tzinfo=UTC)))
    event.add("dtstart", diary.now.date())
    event.add("summary", f"Not all: {len(diary.items)} dates are shown")
    event.add("description", _cut(diary))
    event.add("transp", "TRANSPARENT")
    return event


def _utc() -> Timezone:
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", "Etc/UTC")
    standard.add("dtstart", datetime(1970, 1, 1))  # noqa: DTZ001 (local time by definition, RFC 5545 3.6.5)
    standard.add("tzoffsetfrom", timedelta())
    standard.add("tzoffsetto", timedelta())
    zone.add_component(standard)
    return zone

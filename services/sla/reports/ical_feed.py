"""Due times of a team as an iCalendar feed, without any personal data."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from icalendar import Calendar, Event, Timezone, TimezoneStandard

from services.sla.reports.at_risk import AtRiskItem, AtRiskPage

ENTRY_LENGTH = timedelta(minutes=15)  # a due time has no length, but calendar clients need one
REFRESH = timedelta(minutes=15)
SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")


def ical_feed(team: str, page: AtRiskPage, teams: Sequence[str] = ()) -> bytes:
    """Return the feed. An entry keeps its UID when its due time moves, so that clients move the entry.

    A feed without entries contains a time zone, because a calendar needs one component (RFC 5545 3.6), and names the
    `teams` that have open complaints.
    """
    feed = Calendar()
    feed.add("prodid", "-//Redress//sla//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", f"Due: {team}")
    feed.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    if page.cut:
        feed.add("x-wr-caldesc", _cut_notice(page))
        feed.add_component(_notice(team, page))
    for item in sorted(page.items, key=lambda item: (item.due_at, item.complaint_id, item.key)):
        feed.add_component(_event(item))
    if not page.items:
        named = f" Teams with open complaints: {', '.join(teams)}." if teams else ""
        feed.add("x-wr-caldesc", f"This team has nothing that is late or falls due within this time.{named}")
        feed.add_component(_utc())
    return bytes(feed.to_ical())


def _event(item: AtRiskItem) -> Event:
    event = Event()
    title = item.what + (f": {item.item}" if item.item else "") + (f", {item.pack_name}" if item.pack_name else "")
    key = sha256(f"{item.complaint_id}/{item.key}".encode()).hexdigest()[:32]  # the name of an item is free text
    event.add("uid", f"{key}@redress")
    event.add("dtstamp", item.updated_at)
    event.add("dtstart", item.due_at)
    event.add("dtend", item.due_at + ENTRY_LENGTH)
    event.add("summary", f"{'Late: ' if item.is_late else ''}{title} ({str(item.complaint_id)[-12:]})")
    event.add("description", f"Complaint {item.complaint_id}\n{_short_reason(item)}")
    event.add("categories", [item.kind])
    event.add("transp", "TRANSPARENT")
    return event


def _short_reason(item: AtRiskItem) -> str:
    """Return the first sentence of the explanation, which names the rule, and the last, which is the present state."""
    sentences = SENTENCE_END.split(item.because)
    return " ".join(dict.fromkeys((sentences[0], sentences[-1])))


def _cut_notice(page: AtRiskPage) -> str:
    return (
        f"There are more due times than these {len(page.items)}. Those still to come go before late ones; "
        "GET /v1/at-risk has all."
    )


def _notice(team: str, page: AtRiskPage) -> Event:
    """Return an all-day entry of today: a person who looks at the calendar must see that it is incomplete."""
    event = Event()
    event.add("uid", f"{sha256(team.encode()).hexdigest()[:32]}-cut@redress")
    event.add("dtstamp", max((item.updated_at for item in page.items), default=datetime(2026, 1, 1, tzinfo=UTC)))
    event.add("dtstart", page.now.date())
    event.add("summary", f"Not all: {len(page.items)} dates are shown")
    event.add("description", _cut_notice(page))
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

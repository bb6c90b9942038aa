"""Formats of times, days and holidays in explanations: in the calendar's zone or the customer's, always named."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import format_time_of_day
from services.sla.domain.clock_types import RESUMES, WAITS
from services.sla.domain.history import ENDINGS, What, effective_entries
from services.sla.domain.state import SlaState
from services.sla.policies.deadlines import instant_of
from services.sla.policies.goal import format_duration
from services.sla.policies.rule import Wait

Reader = Literal["handler", "customer"]
CANCELLED = "It was cancelled with the complaint."
CANCELLED_BY: dict[What, str] = {
    "withdrawn": "It was cancelled when the complaint was withdrawn.",
    "merged": "It was cancelled when the complaint was joined to another one.",
    "resolved": "It was cancelled when the complaint was resolved.",
}


class ExplainContext(NamedTuple):
    """State and time that an explanation refers to. Without them sentences are shorter."""

    state: SlaState
    at: datetime

    def awaited(self, at: datetime) -> Wait | None:
        """Return who was awaited from that time on; None if nobody, for example while the complaint was closed."""
        moves = [entry for entry in effective_entries(self.state.moments) if entry.what in RESUMES | ENDINGS]
        return next((WAITS.get(entry.what) for entry in reversed(moves) if entry.at <= at), None)

    @property
    def zone(self) -> ZoneInfo | None:
        """Time zone of the customer, None if it is unknown or invalid."""
        name = self.state.receipt.timezone if self.state.receipt else None
        try:
            return ZoneInfo(name) if name else None
        except (KeyError, ValueError, OSError):  # the value comes from a client unchecked
            return None


def cancellation_reason(context: ExplainContext | None, at: datetime | None) -> str:
    """Return the sentence about what cancelled a clock or promise at that time; a general one if that is unknown."""
    entries = effective_entries(context.state.moments) if context else ()
    ends = [entry.what for entry in entries if entry.what in ENDINGS and at and entry.at <= at]
    return CANCELLED_BY[ends[-1]] if ends else CANCELLED


def select_zone(reader: Reader, calendar: Calendar, context: ExplainContext | None) -> ZoneInfo:
    """Return the customer's zone for a customer if it is known, else that of the calendar."""
    return (context.zone if context and reader == "customer" else None) or calendar.zone


def format_time(at: datetime, zone: ZoneInfo) -> str:
    """Return a time in that zone: `Monday 2 November 2026 09:00 (UTC)`."""
    local = at.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y %H:%M} ({zone.key})"


def format_day(day: date) -> str:
    """Return a date: `Monday 2 November`."""
    return f"{day:%A} {day.day} {day:%B}"


def format_seconds(whole: int) -> str:
    """Return a number of seconds as a duration in words."""
    return format_duration(instant_of(max(whole, 0)) - instant_of(0))


def calendar_name(calendar: Calendar) -> str:
    """Return the name of a calendar with its version."""
    return f"'{calendar.name or calendar.id}' version {calendar.version}"


def list_holidays(calendar: Calendar, start: datetime, end: datetime) -> Iterator[str]:
    """Yield a sentence for every holiday between the two times that changed the opening hours."""
    first, last = (at.astimezone(calendar.zone).toordinal() for at in (start, end))
    for ordinal in range(first, min(last, first + 400) + 1):
        holiday = calendar.holiday_on(ordinal)
        if holiday and (calendar.weekly_on(ordinal) or holiday.hours):
            day = datetime.fromordinal(ordinal)
            hours = ", ".join("-".join(map(format_time_of_day, span)) for span in holiday.hours)
            yield f"{day.day} {day:%B} ({holiday.name or 'holiday'}) is {f'open {hours}' if hours else 'closed'}."

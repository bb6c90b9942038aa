"""How instants, days and holidays are said: on the calendar that counts, or in the customer's zone, always named."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import format_time_of_day
from services.sla.domain.clock_types import RESUMES, WAITS
from services.sla.domain.history import ENDINGS, What, happened
from services.sla.domain.state import SlaState
from services.sla.policies.deadlines import instant_of
from services.sla.policies.goal import format_duration
from services.sla.policies.rule import Wait

Reader = Literal["handler", "customer"]
FELL_AWAY = "It fell away with the complaint."
FELL: dict[What, str] = {
    "withdrawn": "It fell away when the complaint was withdrawn.",
    "merged": "It fell away when the complaint was joined to another one.",
    "resolved": "It fell away when the complaint was resolved.",
}


class Look(NamedTuple):
    """What is looked at, and when: without it a sentence says less, and nothing else."""

    state: SlaState
    at: datetime

    def awaited(self, at: datetime) -> Wait | None:
        """For whom the complaint stood still from that moment on; None where for nobody, as while it was closed."""
        moves = [one for one in happened(self.state.moments) if one.what in RESUMES or one.what in ENDINGS]
        return next((WAITS.get(one.what) for one in reversed(moves) if one.at <= at), None)

    def fell_away(self, at: datetime) -> str:
        """With what something ended at that moment that nobody did."""
        ends = [one.what for one in happened(self.state.moments) if one.what in ENDINGS and one.at <= at]
        return FELL[ends[-1]] if ends else FELL_AWAY

    @property
    def zone(self) -> ZoneInfo | None:
        """The customer's own, where it is known and is one."""
        name = self.state.receipt.timezone if self.state.receipt else None
        try:
            return ZoneInfo(name) if name else None
        except (KeyError, ValueError, OSError):  # whatever a client wrote
            return None


def fell_away(look: Look | None, at: datetime | None) -> str:
    """What ended without being done, and with what, as far as that is known."""
    return look.fell_away(at) if look and at else FELL_AWAY


def zone_for(reader: Reader, calendar: Calendar, look: Look | None) -> ZoneInfo:
    """A customer reads their own time, a handler that of the calendar."""
    return (look.zone if look and reader == "customer" else None) or calendar.zone


def spoken(at: datetime, zone: ZoneInfo) -> str:
    """An instant as people of that zone say it."""
    local = at.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y %H:%M} ({zone.key})"


def spoken_day(day: date) -> str:
    """A date as a person says it."""
    return f"{day:%A} {day.day} {day:%B}"


def spoken_seconds(whole: int) -> str:
    """So many seconds as a person says them."""
    return format_duration(instant_of(max(whole, 0)) - instant_of(0))


def named(calendar: Calendar) -> str:
    """A calendar with its version."""
    return f"'{calendar.name or calendar.id}' version {calendar.version}"


def closures(calendar: Calendar, start: datetime, end: datetime) -> Iterator[str]:
    """Every holiday between the two that changed what is open."""
    first, last = (at.astimezone(calendar.zone).toordinal() for at in (start, end))
    for ordinal in range(first, min(last, first + 400) + 1):
        holiday = calendar.holiday_on(ordinal)
        if holiday and (calendar.weekly_on(ordinal) or holiday.hours):
            day = datetime.fromordinal(ordinal)
            hours = ", ".join(
                f"{format_time_of_day(begin)}-{format_time_of_day(finish)}" for begin, finish in holiday.hours
            )
            yield f"{day.day} {day:%B} ({holiday.name or 'holiday'}) is {f'open {hours}' if hours else 'closed'}."

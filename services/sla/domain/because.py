"""Why a date is what it is, in plain sentences that a handler can read out."""

from collections.abc import Iterator
from datetime import UTC, datetime

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import UNIX_ORDINAL, text_of
from services.sla.domain.clocks import Clock
from services.sla.domain.goals import seconds
from services.sla.domain.promises import Pledge
from services.sla.policies import Rulebook

NAMES = {"acknowledge": "The acknowledgement", "total_resolution": "The answer"}
DAY = 86_400


def because_clock(clock: Clock, rulebook: Rulebook) -> str:
    """The sentences behind a clock: its goal, its policy and calendar, and every pause and holiday that counted."""
    compiled = rulebook.calendar((clock.terms.calendar, clock.terms.calendar_version))
    return " ".join(_clock_sentences(clock, compiled.calendar))


def _clock_sentences(clock: Clock, calendar: Calendar) -> Iterator[str]:
    terms = clock.terms

    def told(at: datetime) -> str:
        return spoken(at, calendar)

    counted = " by the clock on the wall" if clock.goal.wall is not None else f" on the calendar {_named(calendar)}"
    yield (
        f"{NAMES[clock.kind]} is due within {clock.goal.words}{counted}, counted from {told(clock.started_at)}, "
        f"because policy '{terms.policy}' version {terms.policy_version} applies"
        + (" as long as triage has not spoken." if clock.provisional else ".")
    )
    for since, until in clock.pauses:
        yield f"The customer was awaited from {told(_utc(since))} to {told(_utc(until))}; that time does not count."
    if clock.goal.wall is None and clock.due_at is not None:
        yield from _closures(calendar, clock.started_at, clock.due_at)
    if clock.phase == "paused":
        yield "It stands still while the customer is awaited."
    elif clock.due_at is not None:
        yield f"So it {'was' if clock.ended_at else 'is'} due {told(clock.due_at)}."
    if clock.breached:
        yield "It was missed."


def because_promise(pledge: Pledge, rulebook: Rulebook) -> str:
    """The sentences behind a promised date."""
    promise, terms = pledge.promise, pledge.promise.terms
    calendar = rulebook.calendar((terms.calendar, terms.calendar_version)).calendar
    if promise.reason:
        made = f"Moved on {spoken(promise.made_at, calendar)} because of '{promise.reason}'"
    else:
        buffer = rulebook.policy((terms.policy, terms.policy_version)).promise_buffer
        hours = f"{buffer.total_seconds() / 3600:g} h of opening time"
        made = f"Made on {spoken(promise.made_at, calendar)}: the target of policy '{terms.policy}' plus {hours}"
    told = f"told to the customer {spoken(pledge.told_at, calendar)}" if pledge.told_at else "not told yet"
    return f"{made}, within the hours of the calendar {_named(calendar)}; {told}."


def spoken(at: datetime, calendar: Calendar) -> str:
    """An instant as people of that calendar say it."""
    local = at.astimezone(calendar.zone)
    return f"{local:%A} {local.day} {local:%B %Y %H:%M} ({calendar.tz})"


def _named(calendar: Calendar) -> str:
    return f"'{calendar.name or calendar.id}' version {calendar.version}"


def _closures(calendar: Calendar, start: datetime, end: datetime) -> Iterator[str]:
    first, last = (seconds(at) // DAY + UNIX_ORDINAL for at in (start, end))
    for ordinal in range(first, min(last, first + 400) + 1):
        holiday = calendar.holiday_on(ordinal)
        if holiday and (calendar.weekly_on(ordinal) or holiday.hours):
            day = datetime.fromordinal(ordinal)
            hours = ", ".join(f"{text_of(begin)}-{text_of(finish)}" for begin, finish in holiday.hours)
            yield f"{day.day} {day:%B} ({holiday.name or 'holiday'}) is {f'open {hours}' if hours else 'closed'}."


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)

"""What the doors of sla answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import text_of
from services.sla.domain.because import because_clock, because_promise
from services.sla.domain.clocks import Clock, Phase
from services.sla.domain.ledger import Ledger
from services.sla.domain.promises import Pledge, Status
from services.sla.policies import Policy, Rulebook
from shared.contracts.envelope import Frozen
from shared.contracts.events import ClockKind


class ClockAnswer(Frozen):
    """One internal target. Never told to customers; what they are told is a promise."""

    clock: ClockKind
    cycle: int
    phase: Phase
    started_at: AwareDatetime
    due_at: AwareDatetime | None = Field(description="Absent while the clock is paused.")
    ended_at: AwareDatetime | None
    breached: bool
    next_warning_at: AwareDatetime | None
    policy: str
    policy_version: int
    calendar: str
    calendar_version: int
    because: str = Field(description="Why this date, in plain sentences.")


class PromiseAnswer(Frozen):
    """A date for the customer. It counts as told once a message stating it was accepted by the provider."""

    promise: int
    cycle: int
    status: Status
    due_at: AwareDatetime
    made_at: AwareDatetime
    told_at: AwareDatetime | None
    reason: str | None
    because: str = Field(description="Why this date, in plain sentences.")


class Clocks(Frozen):
    """Clocks and promises of a complaint as of `as_of`, the database's clock."""

    complaint_id: UUID
    as_of: AwareDatetime
    clocks: Sequence[ClockAnswer]
    promises: Sequence[PromiseAnswer]


class Policies(Frozen):
    """Asked in this order."""

    policies: Sequence[Policy]


class CalendarAnswer(Frozen):
    """Opening hours in local time; an end beyond 24:00 lies on the next day."""

    id: str
    version: int
    name: str
    tz: str
    holiday_rule: Literal["civil_day", "shift_start"]
    weekly_hours: dict[str, list[tuple[str, str]]]
    holidays: list[str]


class Calendars(Frozen):
    """All calendars."""

    calendars: Sequence[CalendarAnswer]


def clocks(complaint_id: UUID, book: Ledger, rulebook: Rulebook, now: datetime) -> Clocks:
    """The whole answer for one complaint."""
    return Clocks(
        complaint_id=complaint_id,
        as_of=now,
        clocks=[_clock(one, rulebook) for one in book.clocks],
        promises=[_promise(one, rulebook) for one in book.pledges],
    )


def calendar(one: Calendar) -> CalendarAnswer:
    """A calendar as it was written."""
    return CalendarAnswer(
        id=one.id,
        version=one.version,
        name=one.name,
        tz=one.tz,
        holiday_rule=one.holiday_rule,
        weekly_hours={
            day: [(text_of(start), text_of(end)) for start, end in hours] for day, hours in one.weekly_hours.items()
        },
        holidays=[holiday.on for holiday in one.holidays],
    )


def _clock(clock: Clock, rulebook: Rulebook) -> ClockAnswer:
    return ClockAnswer(
        clock=clock.kind,
        cycle=clock.cycle,
        phase=clock.phase,
        started_at=clock.started_at,
        due_at=clock.due_at,
        ended_at=clock.ended_at,
        breached=clock.breached,
        next_warning_at=min((rung.at for rung in clock.rungs), default=None),
        because=because_clock(clock, rulebook),
        **clock.terms._asdict(),
    )


def _promise(pledge: Pledge, rulebook: Rulebook) -> PromiseAnswer:
    promise = pledge.promise
    return PromiseAnswer(
        promise=promise.number,
        cycle=promise.cycle,
        status=pledge.status,
        due_at=promise.due_at,
        made_at=promise.made_at,
        told_at=pledge.told_at,
        reason=promise.reason,
        because=because_promise(pledge, rulebook),
    )

"""What the doors of sla answer about one complaint."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import format_time_of_day
from services.sla.domain import SlaState
from services.sla.domain.clocks import Clock, Phase
from services.sla.domain.evaluation import Evaluation, evaluate
from services.sla.domain.promise_status import Outcome, PromiseStatus, Status
from services.sla.explain.clock import Look, Reader, because_clock, because_promise
from services.sla.policies import Policy, Rulebook
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import ClockKind, Obligation, PromiseSubject


class ClockAnswer(FrozenModel):
    """One clock. Targets are never told to customers; what they are told is a promise."""

    clock: ClockKind
    cycle: int
    item: str
    obligation: Obligation
    pack: str | None
    phase: Phase
    started_at: AwareDatetime
    due_at: AwareDatetime | None = Field(description="Absent while the clock is paused.")
    forecast_at: AwareDatetime | None = Field(description="While paused: when it would be due if it went on now.")
    ended_at: AwareDatetime | None
    breached: bool
    next_step_at: AwareDatetime | None = Field(description="When it warns or escalates next; not told to customers.")
    policy: str
    policy_version: int
    revision: int
    calendar: str
    calendar_version: int
    because: str = Field(description="Why this date, in plain sentences.")


class PromiseAnswer(FrozenModel):
    """A date for the customer. It counts as told once a message stating it was accepted by the provider."""

    promise: int
    cycle: int
    subject: PromiseSubject
    item: str
    status: Status
    outcome: Outcome
    due_at: AwareDatetime
    made_at: AwareDatetime
    told_at: AwareDatetime | None
    notice_lead: timedelta | None = Field(description="How long before this date the next one was told.")
    by: str | None = Field(description="Who gave or moved it, or `policy`; not told to customers.")
    reason: str | None
    because: str = Field(description="Why this date, in plain sentences.")


class ExtensionAnswer(FrozenModel):
    """A date beyond what the rules allow without approval."""

    promise: int
    asked_at: AwareDatetime
    expected_at: AwareDatetime
    limit_at: AwareDatetime
    reason: str
    approved: bool | None
    by: str | None
    decided_at: AwareDatetime | None = None


class Clocks(FrozenModel):
    """Clocks and promises of a complaint as they were believed at `as_of`. `version` goes into If-Match."""

    complaint_id: UUID
    as_of: AwareDatetime
    version: int
    tightest: str | None = Field(description="The open clock that is due first, as `pack/clock:cycle`.")
    clocks: Sequence[ClockAnswer]
    promises: Sequence[PromiseAnswer]
    extensions: Sequence[ExtensionAnswer]


class Policies(FrozenModel):
    """Asked in this order."""

    revision: int
    policies: Sequence[Policy]


class CalendarAnswer(FrozenModel):
    """Opening hours in local time; an end beyond 24:00 lies on the next day."""

    id: str
    version: int
    name: str
    tz: str
    holiday_rule: Literal["civil_day", "shift_start"]
    weekly_hours: dict[str, list[tuple[str, str]]]
    holidays: list[str]


class Calendars(FrozenModel):
    """All calendars."""

    calendars: Sequence[CalendarAnswer]


def clocks(state: SlaState, rulebook: Rulebook, at: datetime, reader: Reader = "handler") -> Clocks:
    """The whole answer for one complaint; for a customer only what they may know."""
    book: Evaluation = evaluate(state, rulebook)
    tightest = book.tightest
    mine = reader == "handler"
    look = Look(state, at)
    return Clocks(
        complaint_id=state.complaint_id,
        as_of=at,
        version=state.version,
        tightest=tightest.key if tightest and mine else None,
        clocks=[_clock(one, rulebook, look, reader) for one in book.clocks if mine or one.obligation == "regulatory"],
        promises=[
            _promise(one, rulebook, look, reader) for one in book.promise_statuses if mine or one.told_at is not None
        ],
        extensions=[ExtensionAnswer(**one.model_dump(exclude={"cycle"})) for one in state.extensions if mine],
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
            day: [(format_time_of_day(start), format_time_of_day(end)) for start, end in hours]
            for day, hours in one.weekly_hours.items()
        },
        holidays=[holiday.on for holiday in one.holidays],
    )


def _clock(clock: Clock, rulebook: Rulebook, look: Look, reader: Reader) -> ClockAnswer:
    calendar_, terms = clock.charge.compiled.calendar, clock.under.terms
    steps = clock.steps if reader == "handler" else ()
    return ClockAnswer(
        clock=clock.kind,
        cycle=clock.cycle,
        item=clock.item,
        obligation=clock.obligation,
        pack=clock.charge.pack,
        phase=clock.phase,
        started_at=clock.started_at,
        due_at=clock.due_at,
        forecast_at=clock.forecast(look.at),
        ended_at=clock.ended_at,
        breached=clock.breached,
        next_step_at=next((step.at for step in steps if step.at > look.at), None),
        policy=clock.charge.source.id,
        policy_version=clock.charge.source.version,
        revision=terms.revision,
        calendar=calendar_.id,
        calendar_version=calendar_.version,
        because=because_clock(clock, rulebook, reader, look),
    )


def _promise(pledge: PromiseStatus, rulebook: Rulebook, look: Look, reader: Reader) -> PromiseAnswer:
    fields: dict[str, Any] = pledge.promise.model_dump(exclude={"number", "terms", "of"})
    if reader == "customer":
        fields["by"] = None  # who of us it was is ours
    return PromiseAnswer(
        promise=pledge.promise.number,
        status=pledge.status,
        outcome=pledge.outcome,
        told_at=pledge.told_at,
        notice_lead=pledge.notice_lead,
        because=because_promise(pledge, rulebook, reader, look),
        **fields,
    )

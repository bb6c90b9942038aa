"""Response models for one complaint, and for policies and calendars."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import format_time_of_day
from services.sla.domain import SlaState
from services.sla.domain.clocks import Clock, Phase
from services.sla.domain.evaluation import evaluate
from services.sla.domain.promise_status import Outcome, PromiseStatus, Status
from services.sla.explain.clock import ExplainContext, Reader, explain_clock, explain_promise
from services.sla.policies import Policy, Rulebook
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import ClockKind, Obligation, PromiseSubject

# Fields of `ClockAnswer` that a clock has under the same name.
CLOCK_FIELDS = ("cycle", "item", "obligation", "phase", "started_at", "due_at", "ended_at", "breached")


class StrictForm(BaseModel):
    """Base class of request bodies: unknown fields are refused, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ClockAnswer(FrozenModel):
    """Clock of a complaint. Its due time is an internal target; customers are told promises instead."""

    clock: ClockKind
    cycle: int
    item: str
    obligation: Obligation
    pack: str | None
    phase: Phase
    started_at: AwareDatetime
    due_at: AwareDatetime | None = Field(description="Absent while the clock is paused.")
    forecast_at: AwareDatetime | None = Field(description="While paused: due time if the pause ended now.")
    ended_at: AwareDatetime | None
    breached: bool
    next_step_at: AwareDatetime | None = Field(description="Next warning or escalation; absent for customers.")
    policy: str
    policy_version: int
    revision: int
    calendar: str
    calendar_version: int
    because: str = Field(description="Why this date, in plain sentences.")


class PromiseAnswer(FrozenModel):
    """A date for the customer. It counts as told once the provider has accepted a message that states it."""

    promise: int
    cycle: int
    subject: PromiseSubject
    item: str
    status: Status
    outcome: Outcome
    due_at: AwareDatetime
    made_at: AwareDatetime
    told_at: AwareDatetime | None
    notice_lead: timedelta | None = Field(description="Time between telling the next date and this date.")
    by: str | None = Field(description="Client that made or moved it, or `policy`; absent for customers.")
    reason: str | None
    because: str = Field(description="Why this date, in plain sentences.")


class ExtensionAnswer(FrozenModel):
    """Request for a date beyond what the rules allow without approval."""

    promise: int
    asked_at: AwareDatetime
    expected_at: AwareDatetime
    limit_at: AwareDatetime
    reason: str
    approved: bool | None
    by: str | None
    decided_at: AwareDatetime | None = None


class Clocks(FrozenModel):
    """Clocks and promises of a complaint as they were known at `as_of`. `version` goes into If-Match."""

    complaint_id: UUID
    as_of: AwareDatetime
    version: int
    tightest: str | None = Field(description="The open clock that is due first, as `pack/clock:cycle`.")
    clocks: Sequence[ClockAnswer]
    promises: Sequence[PromiseAnswer]
    extensions: Sequence[ExtensionAnswer]


class Policies(FrozenModel):
    """Policies in the order of matching."""

    revision: int
    policies: Sequence[Policy]


class CalendarAnswer(FrozenModel):
    """Opening hours in local time; an end after 24:00 is on the next day."""

    id: str
    version: int
    name: str
    tz: str
    holiday_rule: Literal["civil_day", "shift_start"]
    weekly_hours: dict[str, list[tuple[str, str]]]
    holidays: list[str]


class Calendars(FrozenModel):
    """Calendars in force."""

    calendars: Sequence[CalendarAnswer]


def clocks(state: SlaState, rulebook: Rulebook, at: datetime, reader: Reader = "handler") -> Clocks:
    """Return the answer for one complaint; for a customer without internal clocks and untold promises."""
    evaluation = evaluate(state, rulebook)
    tightest = evaluation.tightest
    is_handler = reader == "handler"
    look = ExplainContext(state, at)
    return Clocks(
        complaint_id=state.complaint_id,
        as_of=at,
        version=state.version,
        tightest=tightest.key if tightest and is_handler else None,
        clocks=[
            _clock(clock, rulebook, look, reader)
            for clock in evaluation.clocks
            if is_handler or clock.obligation == "regulatory"
        ],
        promises=[
            _promise(status, rulebook, look, reader)
            for status in evaluation.promise_statuses
            if is_handler or status.told_at is not None
        ],
        extensions=[ExtensionAnswer(**extension.model_dump()) for extension in state.extensions if is_handler],
    )


def calendar(source: Calendar) -> CalendarAnswer:
    """Return the answer for a calendar."""
    return CalendarAnswer(
        **{name: getattr(source, name) for name in ("id", "version", "name", "tz", "holiday_rule")},
        weekly_hours={
            day: [(format_time_of_day(start), format_time_of_day(end)) for start, end in hours]
            for day, hours in source.weekly_hours.items()
        },
        holidays=[holiday.on for holiday in source.holidays],
    )


def _clock(clock: Clock, rulebook: Rulebook, look: ExplainContext, reader: Reader) -> ClockAnswer:
    calendar_, terms = clock.spec.compiled.calendar, clock.applied.terms
    steps = clock.steps if reader == "handler" else ()
    return ClockAnswer(
        **{name: getattr(clock, name) for name in CLOCK_FIELDS},
        clock=clock.kind,
        pack=clock.spec.pack,
        forecast_at=clock.forecast(look.at),
        next_step_at=next((step.at for step in steps if step.at > look.at), None),
        policy=clock.spec.source.id,
        policy_version=clock.spec.source.version,
        revision=terms.revision,
        calendar=calendar_.id,
        calendar_version=calendar_.version,
        because=explain_clock(clock, rulebook, reader, look),
    )


def _promise(status: PromiseStatus, rulebook: Rulebook, look: ExplainContext, reader: Reader) -> PromiseAnswer:
    fields: dict[str, Any] = status.promise.model_dump(exclude={"number", "terms", "of"})
    if reader == "customer":
        fields["by"] = None  # names of staff are internal
    return PromiseAnswer(
        promise=status.promise.number,
        status=status.status,
        outcome=status.outcome,
        told_at=status.told_at,
        notice_lead=status.replacement_lead,
        because=explain_promise(status, rulebook, reader, look),
        **fields,
    )

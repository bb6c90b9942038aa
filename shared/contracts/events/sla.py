"""Events published by sla: promises, due times, warnings and breaches."""

from datetime import timedelta

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import BreachCause, ClockKind, Obligation, PromiseSubject


class PromiseMade(Fact):
    """A date for the customer was determined. It counts as told once a provider has accepted a message with it."""

    kind = "promise.made"
    promise: int = Field(ge=1)
    due_at: AwareDatetime
    policy: str
    policy_version: int
    calendar: str
    calendar_version: int
    subject: PromiseSubject = "outcome"
    item: str = ""
    cycle: int = Field(default=1, ge=1)  # of the complaint: 1 until it is reopened


class PromiseRevised(Fact):
    """A promised date was moved. `promise` is the number of the new one; it is in time if told before `old_due_at`."""

    kind = "promise.revised"
    promise: int = Field(ge=2)
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: str
    subject: PromiseSubject = "outcome"
    item: str = ""


class PromiseKept(Fact):
    """The promise was kept by the last date that was told; `first`: also by the first one."""

    kind = "promise.kept"
    promise: int
    first: bool
    subject: PromiseSubject = "outcome"
    item: str = ""


class PromiseBroken(Fact):
    """The date that was told passed, and no new one had been told before it."""

    kind = "promise.broken"
    promise: int
    due_at: AwareDatetime
    subject: PromiseSubject = "outcome"
    item: str = ""
    cause: BreachCause = "handling"


class PromiseAtRisk(Fact):
    """The promise is due soon during an outage; the customer should be informed before its date passes."""

    kind = "promise.at_risk"
    promise: int
    due_at: AwareDatetime
    cause: BreachCause
    subject: PromiseSubject = "outcome"
    item: str = ""


class ExtensionRequested(Fact):
    """A handler requested a date that needs approval under the rules; the promise does not move until it is decided."""

    kind = "promise.extension_requested"
    promise: int
    asked_at: AwareDatetime
    expected_at: AwareDatetime
    limit_at: AwareDatetime
    reason: str


class LetterDue(Fact):
    """A letter is due before `limit_at` under a regulator's rule: holding, delay or final.

    Published with lead time to write it. `reasons` are codes of what the letter must explain, such as `why_delayed` or
    `ombudsman_now`.
    """

    kind = "letter.due"
    pack: str
    letter: str
    limit_at: AwareDatetime
    reasons: tuple[str, ...] = ()


class SilenceNoticed(Fact):
    """The customer has received no message since `since`.

    `tried_at`: published again, because the message about it at this time failed.
    """

    kind = "customer.silence_noticed"
    since: AwareDatetime
    days: int
    tried_at: AwareDatetime | None = None


class _Clock(Fact):
    """Fields of all clock events. `pack` is the pack that requires the clock; `item` its supplier, action or run."""

    clock: ClockKind
    cycle: int
    pack: str | None = None
    item: str = ""
    obligation: Obligation = "target"
    due_at: AwareDatetime


class ClockWarned(_Clock):
    """An escalation step before the due time was reached, such as `75%` or `-PT30M`; `to` is who should act on it."""

    kind = "clock.warned"
    rung: str
    to: str = "handler"


class ClockEscalated(_Clock):
    """An escalation step after the due time was reached, such as `+PT4H` or, repeated, `+PT4H#2`."""

    kind = "clock.escalated"
    rung: str
    to: str = "lead"
    late_by: timedelta


class ClockBreached(_Clock):
    """The due time passed before the clock stopped. `late_by` is the time from the due time to its detection."""

    kind = "clock.breached"
    late_by: timedelta
    cause: BreachCause = "handling"


class ClockBreachVoided(_Clock):
    """A published breach is void, because of a late fact, a new policy or a new calendar. Visible in reports."""

    kind = "clock.breach_voided"
    reason: str
    cause_event: str | None = None


class ClockStopped(_Clock):
    """The clock has stopped; `met`: before its due time."""

    kind = "clock.stopped"
    stopped_at: AwareDatetime
    met: bool


class ClockCorrected(_Clock):
    """The due time was moved by a late or changed fact."""

    kind = "clock.corrected"
    old_due_at: AwareDatetime
    cause_event: str | None = None


class ClockRebased(_Clock):
    """The due time of a running clock was moved by a published policy or calendar. Promises do not move."""

    kind = "clock.rebased"
    old_due_at: AwareDatetime
    from_version: str
    to_version: str
    reason: str
    actor: str

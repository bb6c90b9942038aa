"""By when, and what became of it, as sla says it."""

from datetime import timedelta

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import BreachCause, ClockKind, Obligation, PromiseSubject


class PromiseMade(Fact):
    """A date the customer is to be told. It is a promise once a message that states it was accepted by a provider."""

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
    """The date moved, for a reason; `promise` is the number of the new one. In time if told before `old_due_at`."""

    kind = "promise.revised"
    promise: int = Field(ge=2)
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: str
    subject: PromiseSubject = "outcome"
    item: str = ""


class PromiseKept(Fact):
    """What was promised was done by the last date told; `first`: by the first one."""

    kind = "promise.kept"
    promise: int
    first: bool
    subject: PromiseSubject = "outcome"
    item: str = ""


class PromiseBroken(Fact):
    """The date told passed, and no new one had been told before it."""

    kind = "promise.broken"
    promise: int
    due_at: AwareDatetime
    subject: PromiseSubject = "outcome"
    item: str = ""
    cause: BreachCause = "handling"


class PromiseAtRisk(Fact):
    """The date told comes near while something of ours is down; the customer should hear of it before."""

    kind = "promise.at_risk"
    promise: int
    due_at: AwareDatetime
    cause: BreachCause
    subject: PromiseSubject = "outcome"
    item: str = ""


class ExtensionRequested(Fact):
    """A handler asked for a date beyond what the rules allow without approval; nothing moves until somebody decides."""

    kind = "promise.extension_requested"
    promise: int
    asked_at: AwareDatetime
    expected_at: AwareDatetime
    limit_at: AwareDatetime
    reason: str


class LetterDue(Fact):
    """A regulator's rule wants a letter before `limit_at`: holding, delay or final. Said with lead time to write it.

    `reasons` are codes of what it must explain, such as `why_delayed` or `ombudsman_now`.
    """

    kind = "letter.due"
    pack: str
    letter: str
    limit_at: AwareDatetime
    reasons: tuple[str, ...] = ()


class SilenceNoticed(Fact):
    """Nothing reached the customer since `since`. `tried_at`: said again, as what we wrote about it then came back."""

    kind = "customer.silence_noticed"
    since: AwareDatetime
    days: int
    tried_at: AwareDatetime | None = None


class _Clock(Fact):
    """`pack` names the regulator pack that asks for the clock; `item` the supplier, action or run it is about."""

    clock: ClockKind
    cycle: int
    pack: str | None = None
    item: str = ""
    obligation: Obligation = "target"
    due_at: AwareDatetime


class ClockWarned(_Clock):
    """A rung before the due time was reached, such as `75%` or `-PT30M`; `to` is who should act on it."""

    kind = "clock.warned"
    rung: str
    to: str = "handler"


class ClockEscalated(_Clock):
    """A rung after the due time was reached, such as `+PT4H` or, repeated, `+PT4H#2`."""

    kind = "clock.escalated"
    rung: str
    to: str = "lead"
    late_by: timedelta


class ClockBreached(_Clock):
    """The due time passed. `late_by` is what passed between the due time and our noticing."""

    kind = "clock.breached"
    late_by: timedelta
    cause: BreachCause = "handling"


class ClockBreachVoided(_Clock):
    """A breach that was said did not happen: a late fact, a new policy or calendar shows it. Visible in reports."""

    kind = "clock.breach_voided"
    reason: str
    cause_event: str | None = None


class ClockStopped(_Clock):
    """The clock has its answer."""

    kind = "clock.stopped"
    stopped_at: AwareDatetime
    met: bool


class ClockCorrected(_Clock):
    """A late or changed fact moved a due time that was already computed."""

    kind = "clock.corrected"
    old_due_at: AwareDatetime
    cause_event: str | None = None


class ClockRebased(_Clock):
    """A published policy or calendar moved the due time of a clock that runs. What is promised stays."""

    kind = "clock.rebased"
    old_due_at: AwareDatetime
    from_version: str
    to_version: str
    reason: str
    actor: str

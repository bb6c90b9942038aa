"""All events, past tense. A new meaning is a new version; fields are only ever added, with a default."""

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Fact, Frozen

Channel = Literal["web", "app", "email", "phone", "chat", "letter", "branch", "social", "partner"]
ProgressState = Literal["investigating", "awaiting_customer", "awaiting_third_party"]
Outcome = Literal["upheld", "partly_upheld", "rejected", "settled", "no_reply"]
Severity = Literal["low", "normal", "high", "critical"]
Signal = Literal["vulnerable", "legal_threat", "safety", "abuse", "repeat"]
ClockKind = Literal[
    "assignment",
    "acknowledge",
    "first_response",
    "next_reply",
    "periodic_update",
    "pausable_update",
    "requester_wait",
    "agent_work",
    "total_resolution",
    "regulatory_final",
    "summary_resolution",
    "stage2",
    "action_completion",
    "supplier",
    "ombudsman_reply",
]
Obligation = Literal["regulatory", "promise", "target"]
PromiseSubject = Literal["outcome", "next_update", "action"]
BreachCause = Literal["handling", "downtime", "provider", "lag"]
MessageKind = Literal[
    "acknowledgement",
    "progress",
    "promise_moved",
    "delay",
    "holding",
    "handler_changed",
    "resolution",
    "reopened",
    "withdrawn",
]
Milestone = Literal[
    "stage2_requested",
    "stage2_answered",
    "action_agreed",
    "action_completed",
    "handed_over",
    "handed_back",
    "ombudsman_asked",
    "ombudsman_answered",
    "settled",
]


class Redress(Frozen):
    """What is offered to put things right; `amount` in `currency` (ISO 4217), both only where money is the remedy."""

    kind: Literal["refund", "replacement", "repair", "discount", "goodwill", "apology", "other"]
    amount: Decimal | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    accepted: bool | None = None


# ── intake ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class ComplaintReceived(Fact):
    """A complaint reached us. `received_at` is when the customer handed it over, anywhere in the organisation."""

    kind = "complaint.received"
    reference: str
    client: str
    channel: Channel
    received_at: AwareDatetime
    product: str | None = None
    locale: str | None = None
    timezone: str | None = None
    on_behalf: bool = False


class MessageAdded(Fact):
    """Somebody added words to the case."""

    kind = "complaint.message_added"
    author: Literal["customer", "handler"]
    public: bool = True


class ProgressRecorded(Fact):
    """A handler moved the case. `expected_at` proposes a new date for the outcome and needs `reason`."""

    kind = "complaint.progress_recorded"
    state: ProgressState
    expected_at: AwareDatetime | None = None
    reason: str | None = None  # a code such as `supplier_delay`; words belong to the narrative


class Resolved(Fact):
    """The answer is known; the explanation is narrative."""

    kind = "complaint.resolved"
    outcome: Outcome
    resolved_at: AwareDatetime
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None


class Reopened(Fact):
    """The resolution did not hold."""

    kind = "complaint.reopened"
    by: Literal["customer", "handler"] = "customer"


class Withdrawn(Fact):
    """The customer no longer wants it handled."""

    kind = "complaint.withdrawn"


class FeedbackGiven(Fact):
    """The customer's answer to "was it really fixed?"."""

    kind = "complaint.feedback_given"
    fixed: bool
    score: int | None = Field(default=None, ge=1, le=5)


class MilestoneRecorded(Fact):
    """A step that has a clock of its own was reached. `occurred_at` may lie before we heard of it.

    `item` tells several of a kind apart: the second action agreed, another supplier. `settled`: the customer accepted
    the outcome, however it was said.
    """

    kind = "complaint.milestone_recorded"
    milestone: Milestone
    occurred_at: AwareDatetime
    item: str = ""


class Merged(Fact):
    """This complaint goes on as another one."""

    kind = "complaint.merged"
    into_reference: str


# ── triage ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Triaged(Fact):
    """What the complaint is, who says so, and why."""

    kind = "complaint.triaged"
    category: tuple[str, ...]
    severity: Severity
    language: str
    confidence: float = Field(ge=0, le=1)
    decided_by: str
    decider_version: str
    signals: tuple[Signal, ...] = ()
    why: tuple[str, ...] = ()


class ScreeningRequested(Fact):
    """The classifier is not sure enough; a person has to look."""

    kind = "complaint.screening_requested"
    candidates: tuple[str, ...]
    confidence: float = Field(ge=0, le=1)


class Assigned(Fact):
    """Somebody owns it. `handler` is absent while only the team is known."""

    kind = "complaint.assigned"
    team: str
    handler: str | None = None
    why: str = ""


class Escalated(Fact):
    """It went a level up."""

    kind = "complaint.escalated"
    team: str
    level: int = Field(ge=1)
    reason: str


# ── sla ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


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


class PromiseRevised(Fact):
    """The date moved, for a reason; `promise` is the number of the new one. In time if told before `old_due_at`."""

    kind = "promise.revised"
    promise: int = Field(ge=2)
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: str
    subject: PromiseSubject = "outcome"


class PromiseKept(Fact):
    """What was promised was done by the last date told; `first`: by the first one."""

    kind = "promise.kept"
    promise: int
    first: bool
    subject: PromiseSubject = "outcome"


class PromiseBroken(Fact):
    """The date told passed, and no new one had been told before it."""

    kind = "promise.broken"
    promise: int
    due_at: AwareDatetime
    subject: PromiseSubject = "outcome"
    cause: BreachCause = "handling"


class PromiseAtRisk(Fact):
    """The date told comes near while something of ours is down; the customer should hear of it before."""

    kind = "promise.at_risk"
    promise: int
    due_at: AwareDatetime
    cause: BreachCause
    subject: PromiseSubject = "outcome"


class ExtensionRequested(Fact):
    """A handler asked for a date beyond what the rules allow without approval; nothing moves until somebody decides."""

    kind = "promise.extension_requested"
    promise: int
    asked_at: AwareDatetime
    expected_at: AwareDatetime
    limit_at: AwareDatetime
    reason: str


class LetterDue(Fact):
    """A regulator's rule wants a letter before `limit_at`: holding, delay or final. Said with lead time to write it."""

    kind = "letter.due"
    pack: str
    letter: str
    limit_at: AwareDatetime
    reasons: tuple[str, ...] = ()


class SilenceNoticed(Fact):
    """Nothing was said to the customer since `since`."""

    kind = "customer.silence_noticed"
    since: AwareDatetime
    days: int


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


# ── notify ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Message(Fact):
    message: str
    message_kind: MessageKind
    channel: Literal["email"]
    cause: str  # id of the event that made us write
    recipient: str = "customer"  # party id


class MessageAccepted(_Message):
    """The provider took it. Not the same as delivered."""

    kind = "message.accepted"
    accepted_at: AwareDatetime
    locale: str
    template: str
    states_promise: int | None = None
    attempts: int = 1
    letter: str | None = None  # `pack:letter` where the message is one that a regulator's rule asks for


class MessageDelivered(_Message):
    """The provider says it arrived."""

    kind = "message.delivered"


class MessageBounced(_Message):
    """It came back."""

    kind = "message.bounced"
    hard: bool
    code: str


class MessageFailed(_Message):
    """We gave up trying."""

    kind = "message.failed"
    reason: str
    attempts: int


class MessageSuppressed(_Message):
    """We must not, or cannot, write to this address."""

    kind = "message.suppressed"
    reason: str

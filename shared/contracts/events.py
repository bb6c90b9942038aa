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
ClockKind = Literal["acknowledge", "total_resolution"]
MessageKind = Literal[
    "acknowledgement", "progress", "promise_moved", "delay", "handler_changed", "resolution", "reopened", "withdrawn"
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
    """A date the customer is to be told. It counts as told once a message that states it was accepted."""

    kind = "promise.made"
    promise: int = Field(ge=1)
    due_at: AwareDatetime
    policy: str
    policy_version: int
    calendar: str
    calendar_version: int


class PromiseRevised(Fact):
    """The date moved, for a reason; `promise` is the number of the new one."""

    kind = "promise.revised"
    promise: int = Field(ge=2)
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: str


class PromiseKept(Fact):
    """The outcome was there by the last date told."""

    kind = "promise.kept"
    promise: int
    first: bool


class PromiseBroken(Fact):
    """The date passed and nothing was said before it."""

    kind = "promise.broken"
    promise: int
    due_at: AwareDatetime


class ClockWarned(Fact):
    """A rung before the due time was reached; `percent` of the budget is used."""

    kind = "clock.warned"
    clock: ClockKind
    cycle: int
    percent: int
    due_at: AwareDatetime


class ClockBreached(Fact):
    """The due time passed. `late_by` is what passed between the due time and our noticing."""

    kind = "clock.breached"
    clock: ClockKind
    cycle: int
    due_at: AwareDatetime
    late_by: timedelta


class ClockStopped(Fact):
    """The clock has its answer."""

    kind = "clock.stopped"
    clock: ClockKind
    cycle: int
    due_at: AwareDatetime
    stopped_at: AwareDatetime
    met: bool


class ClockCorrected(Fact):
    """A late fact moved a due time that was already computed."""

    kind = "clock.corrected"
    clock: ClockKind
    cycle: int
    old_due_at: AwareDatetime
    due_at: AwareDatetime


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

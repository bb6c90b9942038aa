"""What intake remembers of a complaint.

Each part is written by one source alone: `stage` and what stands beside it by what outsiders state, `triage` and
`owner` by triage, `promise` by sla, `told` by notify. So it cannot matter whose news comes first.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.intake.domain.idempotency import IdempotencyRecord, Status
from shared.contracts.envelope import Contact, FrozenModel, Narrative
from shared.contracts.events import Channel, Outcome, Redress, Severity, Signal
from shared.runner.types import State as Remembered

Stage = Literal[
    "unknown",
    "received",
    "investigating",
    "awaiting_customer",
    "awaiting_third_party",
    "resolved",
    "reopened",
    "withdrawn",
]


class FilingRecord(FrozenModel):
    """How it came in. `received_at` is when the customer handed it over, `recorded_at` when we had it on disk."""

    reference: str
    client: str
    channel: Channel
    received_at: datetime
    recorded_at: datetime
    product: str | None = None
    authority: str | None = Field(default=None, repr=False)  # by what right the customer speaks for `represented`


class TriageSummary(FrozenModel):
    """What triage understood."""

    category: tuple[str, ...]
    severity: Severity
    language: str
    confidence: float
    decided_by: str
    signals: tuple[Signal, ...] = ()


class CaseOwner(FrozenModel):
    """Whose it is; `handler` is absent while only the team is known."""

    team: str
    handler: str | None = None
    name: str | None = Field(default=None, repr=False)
    since: datetime


class PublicPromise(FrozenModel):
    """The date the customer is told."""

    number: int
    due_at: datetime
    first_due_at: datetime
    reason: str | None = None
    kept: bool | None = None


class DeliveryRecord(FrozenModel):
    """What reached the customer as far as we know, and what did not."""

    acknowledged_at: datetime | None = None
    resolution_at: datetime | None = None
    last_at: datetime | None = None
    failed: int = 0


class ResolutionRecord(FrozenModel):
    """The answer."""

    outcome: Outcome
    explanation: str = Field(repr=False)
    resolved_at: datetime
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None


class FeedbackRecord(FrozenModel):
    """Whether it was really fixed."""

    fixed: bool
    score: int | None = None
    words: str | None = Field(default=None, repr=False)


class TimelineEntry(FrozenModel):
    """One line of the timeline; the sentence is made of `kind` and `facts` when somebody reads it.

    `facts` is an event's own on its way in, and what JSON made of it on its way out.
    """

    at: datetime
    kind: str
    facts: Any = Field(default_factory=dict)
    words: str | None = Field(default=None, repr=False)
    public: bool = True


class IntakeState(Remembered):
    """The public record. `fresh` entries leave with the decision and are stored in the timeline, not here."""

    stage: Stage = "unknown"
    cycle: int = 1  # one more with each reopening
    filed: FilingRecord | None = None
    customer: Contact = Contact()
    represented: Contact | None = None
    narrative: Narrative = Narrative()
    messages: int = 0
    resolution: ResolutionRecord | None = None
    feedback: FeedbackRecord | None = None
    triage: TriageSummary | None = None
    screening: bool = False
    owner: CaseOwner | None = None
    level: int = 0  # how often it was escalated
    promise: PublicPromise | None = None
    first_promise: int = 0  # the number of the first date of the present cycle: what became of earlier ones is over
    told: DeliveryRecord = DeliveryRecord()
    receipts: tuple[IdempotencyRecord, ...] = ()
    fresh: tuple[TimelineEntry, ...] = Field(default=(), exclude=True)

    @property
    def status(self) -> Status:
        """Where it stands in the words that outsiders use."""
        match self.stage:
            case "received":
                return "open" if self.owner else "received"
            case "investigating" | "reopened":
                return "open"
            case ending:
                return ending

    def receipt(self, client: str, key: str) -> IdempotencyRecord | None:
        """What this client was answered under this key."""
        return next((one for one in self.receipts if (one.client, one.key) == (client, key)), None)

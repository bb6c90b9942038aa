"""State of a complaint in intake: the public record.

Each part has one source: commands write `stage` and the parts that belong to it, events of triage write `triage` and
`owner`, events of sla `promise`, events of notify `delivery`. So the order between topics does not matter.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.intake.domain.idempotency import IdempotencyRecord, Status
from shared.contracts.envelope import Contact, FrozenModel, Narrative
from shared.contracts.events import Channel, Outcome, Redress, Severity, Signal
from shared.runner.types import State

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
    """Creation of the complaint. `received_at`: when the customer submitted it; `recorded_at`: when it was stored."""

    reference: str
    client: str
    channel: Channel
    received_at: datetime
    recorded_at: datetime
    product: str | None = None
    authority: str | None = Field(default=None, repr=False)  # legal ground of the customer to act for another


class TriageSummary(FrozenModel):
    """Result of triage."""

    category: tuple[str, ...]
    severity: Severity
    language: str
    confidence: float
    decided_by: str
    signals: tuple[Signal, ...] = ()


class CaseOwner(FrozenModel):
    """Team and handler in charge; `handler` is absent while only the team is assigned."""

    team: str
    handler: str | None = None
    name: str | None = Field(default=None, repr=False)
    since: datetime


class PublicPromise(FrozenModel):
    """Promised date of the outcome, as the customer was informed."""

    number: int
    due_at: datetime
    first_due_at: datetime
    reason: str | None = None
    kept: bool | None = None


class DeliveryRecord(FrozenModel):
    """Delivery of messages to the customer: times of the important ones, number of failed ones."""

    acknowledged_at: datetime | None = None
    resolution_at: datetime | None = None
    last_at: datetime | None = None
    failed: int = 0


class ResolutionRecord(FrozenModel):
    """Answer to the complaint."""

    outcome: Outcome
    explanation: str = Field(repr=False)
    resolved_at: datetime
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None


class FeedbackRecord(FrozenModel):
    """Feedback of the customer on the resolution."""

    fixed: bool
    score: int | None = None
    words: str | None = Field(default=None, repr=False)


class TimelineEntry(FrozenModel):
    """Entry of the timeline; its sentence is formatted from `kind` and `facts` when it is read.

    `facts` is the model of an event when the entry is created, and a dict when it was read from the database.
    """

    at: datetime
    kind: str
    facts: Any = Field(default_factory=dict)
    words: str | None = Field(default=None, repr=False)
    public: bool = True


class IntakeState(State):
    """Public record of a complaint. `new_entries` are stored in the table of the timeline, not in the document."""

    stage: Stage = "unknown"
    cycle: int = 1  # incremented by each reopening
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
    level: int = 0  # level of the latest escalation
    promise: PublicPromise | None = None
    first_promise: int = 0  # number of the first promise of the current cycle; the end of earlier ones is ignored
    delivery: DeliveryRecord = Field(default=DeliveryRecord(), alias="told")
    idempotency: tuple[IdempotencyRecord, ...] = Field(default=(), alias="receipts")
    new_entries: tuple[TimelineEntry, ...] = Field(default=(), exclude=True)

    @property
    def status(self) -> Status:
        """Status for clients of the HTTP API."""
        match self.stage:
            case "received":
                return "open" if self.owner else "received"
            case "investigating" | "reopened":
                return "open"
            case other:
                return other

    def find_record(self, client: str, key: str) -> IdempotencyRecord | None:
        """Return the stored answer to this client's key, if there is one."""
        return next((record for record in self.idempotency if (record.client, record.key) == (client, key)), None)

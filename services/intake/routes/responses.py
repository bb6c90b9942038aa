"""Bodies of responses: the public record and its timeline."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.intake.domain import IntakeState, TimelineEntry
from services.intake.domain.idempotency import Status
from services.intake.domain.state import CaseOwner, FeedbackRecord, PublicPromise, ResolutionRecord
from services.intake.domain.timeline_text import format_sentence
from shared.contracts import Contact
from shared.contracts.events import Channel, Severity

_RECEIVED: dict[str, Any] = {
    "id": "019d2b5e-5c1a-7c3e-9a51-0d6f2b8e4a10",
    "reference": "RC-7K3M-9QPX-5",
    "status": "received",
    "received_at": "2026-05-04T09:30:00Z",
    "recorded_at": "2026-05-04T09:30:00.120Z",
}


class ComplaintCreated(BaseModel):
    """The complaint is stored. Give the reference to the customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECEIVED]})

    id: UUID
    reference: str
    status: Literal["received"]
    received_at: datetime
    recorded_at: datetime


class UpdateRecorded(BaseModel):
    """The update is stored."""

    id: UUID
    reference: str
    status: Status
    recorded_at: datetime


class LineResult(BaseModel):
    """Result of one line: `id` and `reference`, or a `problem`; `line` counts from 1."""

    line: int
    status: int
    id: UUID | None = None
    reference: str | None = None
    replayed: bool = False
    problem: dict[str, Any] | None = None


class Understanding(BaseModel):
    """Result of triage: category, severity and language."""

    category: tuple[str, ...]
    severity: Severity
    language: str


class ComplaintView(BaseModel):
    """Current state of a complaint."""

    id: UUID
    reference: str
    status: Status
    channel: Channel
    received_at: datetime
    recorded_at: datetime
    client: str
    customer: Contact
    on_behalf_of: Contact | None
    subject: str | None
    narrative: str | None
    product: str | None
    expected_outcome: str | None
    attributes: dict[str, str]
    messages: int
    understood: Understanding | None
    owner: CaseOwner | None
    level: int
    promise: PublicPromise | None
    acknowledged_at: datetime | None
    resolution: ResolutionRecord | None
    feedback: FeedbackRecord | None


class TimelineLine(BaseModel):
    """Entry of the timeline as a plain sentence; `words` is the text that a person wrote with it."""

    at: datetime
    kind: str
    sentence: str
    words: str | None = Field(default=None, repr=False)


class Timeline(BaseModel):
    """Timeline of a complaint from its beginning."""

    id: UUID
    reference: str
    status: Status
    entries: list[TimelineLine]


def to_view(state: IntakeState) -> ComplaintView:
    """Return the public record. Raises `ValueError` for a state that has events only."""
    if state.filed is None:
        raise ValueError("expected a complaint that was created by intake")
    filed, narrative, triage = state.filed, state.narrative, state.triage
    return ComplaintView(
        id=state.complaint_id,
        reference=filed.reference,
        status=state.status,
        channel=filed.channel,
        received_at=filed.received_at,
        recorded_at=filed.recorded_at,
        client=filed.client,
        customer=state.customer,
        on_behalf_of=state.represented,
        subject=narrative.subject,
        narrative=narrative.text,
        product=filed.product,
        expected_outcome=narrative.expected_outcome,
        attributes=narrative.attributes,
        messages=state.messages,
        understood=Understanding(category=triage.category, severity=triage.severity, language=triage.language)
        if triage
        else None,
        owner=state.owner,
        level=state.level,
        promise=state.promise,
        acknowledged_at=state.delivery.acknowledged_at,
        resolution=state.resolution,
        feedback=state.feedback,
    )


def to_timeline_line(entry: TimelineEntry, zone: str | None) -> TimelineLine:
    """Return an entry with its sentence; `zone` is the customer's time zone."""
    return TimelineLine(at=entry.at, kind=entry.kind, sentence=format_sentence(entry, zone), words=entry.words)

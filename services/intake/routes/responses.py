"""What we answer: the public record and its timeline, as others may rely on them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.intake.domain import IntakeState, TimelineEntry
from services.intake.domain.idempotency import Status
from services.intake.domain.state import CaseOwner, FeedbackRecord, PublicPromise, ResolutionRecord
from services.intake.domain.timeline_text import sentence
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
    """The complaint is on disk. Tell the customer the reference."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECEIVED]})

    id: UUID
    reference: str
    status: Literal["received"]
    received_at: datetime
    recorded_at: datetime


class UpdateRecorded(BaseModel):
    """The fact is on disk."""

    id: UUID
    reference: str
    status: Status
    recorded_at: datetime


class LineResult(BaseModel):
    """What became of one line: `id` and `reference`, or the `problem` it has; `line` counts from 1."""

    line: int
    status: int
    id: UUID | None = None
    reference: str | None = None
    replayed: bool = False
    problem: dict[str, Any] | None = None


class Understanding(BaseModel):
    """What it is, as far as triage knows."""

    category: tuple[str, ...]
    severity: Severity
    language: str


class ComplaintView(BaseModel):
    """A complaint as it stands."""

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
    """One thing that happened, in a plain sentence; `words` are what a person wrote then."""

    at: datetime
    kind: str
    sentence: str
    words: str | None = Field(default=None, repr=False)


class Timeline(BaseModel):
    """The story of a complaint from its beginning."""

    id: UUID
    reference: str
    status: Status
    entries: list[TimelineLine]


def record(state: IntakeState) -> ComplaintView:
    """The whole record of a complaint that was filed."""
    if state.filed is None:
        raise ValueError("expected a complaint that was filed here")
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
        acknowledged_at=state.told.acknowledged_at,
        resolution=state.resolution,
        feedback=state.feedback,
    )


def line(entry: TimelineEntry, zone: str | None) -> TimelineLine:
    """An entry as people read it."""
    return TimelineLine(at=entry.at, kind=entry.kind, sentence=sentence(entry, zone), words=entry.words)

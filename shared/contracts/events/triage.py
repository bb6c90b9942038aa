"""Events published by triage: category and severity of complaints, and who handles them."""

from pydantic import Field

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import Severity, Signal


class Triaged(Fact):
    """The complaint was classified. `decided_by` and `why` name the decider and the reasons."""

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
    """The confidence of the classifier is too low; a person has to decide."""

    kind = "complaint.screening_requested"
    candidates: tuple[str, ...]
    confidence: float = Field(ge=0, le=1)


class Assigned(Fact):
    """The complaint was assigned. `handler` is absent if only the team was determined."""

    kind = "complaint.assigned"
    team: str
    handler: str | None = None
    why: str = ""


class Escalated(Fact):
    """The complaint was escalated to the next level."""

    kind = "complaint.escalated"
    team: str
    level: int = Field(ge=1)
    reason: str

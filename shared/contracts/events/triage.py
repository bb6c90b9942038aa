"""What a complaint is and whose it is, as triage says it."""

from pydantic import Field

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import Severity, Signal


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

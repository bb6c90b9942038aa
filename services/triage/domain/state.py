"""What triage remembers of a complaint, what it may know when it decides, and what it can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import AwareDatetime

from services.triage.classifier.interface import Classification
from services.triage.domain.roster import Roster
from services.triage.rulebook.model import TriageRulebook
from shared.contracts.envelope import EventId
from shared.contracts.events import Severity, Signal
from shared.runner.types import Command, Context, State


class TriageState(State):
    """A complaint as triage sees it; no word of the customer is in here.

    `received` and `closed` are apart because events of several topics arrive in any order: what is heard before the
    complaint itself waits in here. `grounds` says why it went up, one level each, `noted` what ran late without that;
    both are sorted so that order leaves no trace.
    """

    received: bool = False
    closed: bool = False
    since: AwareDatetime | None = None  # when the complaint was received by us
    category: tuple[str, ...] = ()
    severity: Severity | None = None
    language: str | None = None
    signals: tuple[Signal, ...] = ()
    large_amount: bool = False
    confidence: float | None = None
    decided_by: str | None = None
    decider_version: str | None = None
    why: tuple[str, ...] = ()
    screening: bool = False  # a person still has to look
    candidates: tuple[str, ...] = ()
    team: str | None = None
    handler: str | None = None
    grounds: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Somebody has to work on it."""
        return self.received and not self.closed

    @property
    def is_waiting(self) -> bool:
        """Only its team is known: nobody had room."""
        return self.is_open and self.handler is None

    @property
    def level(self) -> int:
        """How many levels it went up; 0 is the handler, 1 the team's lead."""
        return len(self.grounds)


@dataclass(frozen=True, slots=True)
class TriageContext(Context):
    """`classifications` are by event id and were made before the transaction; below `threshold` a person looks."""

    rules: TriageRulebook
    roster: Roster
    classifications: Mapping[EventId, Classification] = field(default_factory=dict)
    threshold: float = 0.45


@dataclass(frozen=True, slots=True)
class DecideCase(Command):
    """A person says what it is; what they leave out stays, or follows from the rulebook. `by` is the client's name."""

    by: str
    category: str | None = None
    severity: Severity | None = None
    handler: str | None = None

"""Input of a decision of triage besides the state and the event: rulebook, roster and classifications."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.classifier.interface import Classification
from services.triage.domain.roster import Roster
from services.triage.domain.state import TriageState
from services.triage.rulebook.model import TriageRulebook
from shared.contracts.envelope import EventId
from shared.runner.types import Context, Decision


@dataclass(frozen=True, slots=True)
class TriageContext(Context):
    """Rulebook, roster, and the classifications of the batch by event id, made before the transaction began.

    A complaint with a confidence below `threshold` goes to the screening team.
    """

    rules: TriageRulebook
    roster: Roster
    classifications: Mapping[EventId, Classification] = field(default_factory=dict)
    threshold: float = 0.45


TriageDecision = Decision[TriageState, TriageContext]

"""The rules of triage as a pure fold: a case, a roster, and `decide`."""

from services.triage.domain.decide import decide
from services.triage.domain.roster import Roster
from services.triage.domain.state import Case, DecideCase, TriageContext

__all__ = ["Case", "DecideCase", "Roster", "TriageContext", "decide"]

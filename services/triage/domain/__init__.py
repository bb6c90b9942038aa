"""The rules of triage as a pure fold: a case, a roster, and `decide`."""

from services.triage.domain.decide import decide
from services.triage.domain.roster import Roster
from services.triage.domain.state import DecideCase, TriageContext, TriageState

__all__ = ["DecideCase", "Roster", "TriageContext", "TriageState", "decide"]

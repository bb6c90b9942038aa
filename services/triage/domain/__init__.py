"""The rules of triage as a pure fold: a case, a roster, and `decide`."""

from services.triage.domain.case import Case, DecideCase, TriageContext
from services.triage.domain.decide import decide
from services.triage.domain.roster import Roster

__all__ = ["Case", "DecideCase", "Roster", "TriageContext", "decide"]

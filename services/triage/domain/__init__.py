"""Rules of triage: category, severity, assignment and escalation of complaints, as a pure function."""

from services.triage.domain.commands import DecideCase
from services.triage.domain.context import TriageContext
from services.triage.domain.decide import decide
from services.triage.domain.roster import Roster
from services.triage.domain.state import TriageState

__all__ = ["DecideCase", "Roster", "TriageContext", "TriageState", "decide"]

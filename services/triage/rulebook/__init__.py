"""What a complaint can be, how grave it is and whose: data that an operator edits, read once at start."""

from services.triage.rulebook.loader import SHIPPED, load_rulebook
from services.triage.rulebook.model import Category, Handler, Lead, SeverityRules, Team, Term, TriageRulebook

__all__ = [
    "SHIPPED",
    "Category",
    "Handler",
    "Lead",
    "SeverityRules",
    "Team",
    "Term",
    "TriageRulebook",
    "load_rulebook",
]

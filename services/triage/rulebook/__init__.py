"""What a complaint can be, how grave it is and whose: data that an operator edits, read once at start."""

from services.triage.rulebook.loader import SHIPPED, load_rulebook
from services.triage.rulebook.model import Category, Handler, Lead, Rulebook, SeverityRules, Team, Term

__all__ = [
    "SHIPPED",
    "Category",
    "Handler",
    "Lead",
    "Rulebook",
    "SeverityRules",
    "Team",
    "Term",
    "load_rulebook",
]

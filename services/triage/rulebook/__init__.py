"""Rulebook of triage: categories, severity, teams and word lists. Data files that an operator edits, read at start."""

from services.triage.rulebook.loader import DEFAULT_FOLDER, load_rulebook
from services.triage.rulebook.model import Category, Handler, Lead, SeverityRules, Team, Term, TriageRulebook

__all__ = [
    "DEFAULT_FOLDER",
    "Category",
    "Handler",
    "Lead",
    "SeverityRules",
    "Team",
    "Term",
    "TriageRulebook",
    "load_rulebook",
]

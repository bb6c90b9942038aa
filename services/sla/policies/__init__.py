"""What we aim for and what we promise, as data: policies and regulator packs over compiled calendars, by revision."""

from services.sla.policies.goal import Goal
from services.sla.policies.loader import Document, load_rulebook, read_file, rulebook_from, rulebook_of
from services.sla.policies.model import MatchFacts, Policy, PromiseRule, When
from services.sla.policies.pack import LetterRule, Pack
from services.sla.policies.rule import ClockRule, EscalationStep
from services.sla.policies.rulebook import ClockSpec, Mode, Revision, Rulebook, Terms

__all__ = [
    "ClockRule",
    "ClockSpec",
    "Document",
    "EscalationStep",
    "Goal",
    "LetterRule",
    "MatchFacts",
    "Mode",
    "Pack",
    "Policy",
    "PromiseRule",
    "Revision",
    "Rulebook",
    "Terms",
    "When",
    "load_rulebook",
    "read_file",
    "rulebook_from",
    "rulebook_of",
]

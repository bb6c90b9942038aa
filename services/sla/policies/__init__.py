"""What we aim for and what we promise, as data: policies and regulator packs over compiled calendars, by revision."""

from services.sla.policies.goal import Goal
from services.sla.policies.loader import Document, load_rulebook, read_file, rulebook_from, rulebook_of
from services.sla.policies.model import Asked, Policy, PromiseRule, When
from services.sla.policies.pack import Letter, Pack
from services.sla.policies.rule import ClockRule, Rung
from services.sla.policies.rulebook import Charge, Mode, Revision, Rulebook, Terms

__all__ = [
    "Asked",
    "Charge",
    "ClockRule",
    "Document",
    "Goal",
    "Letter",
    "Mode",
    "Pack",
    "Policy",
    "PromiseRule",
    "Revision",
    "Rulebook",
    "Rung",
    "Terms",
    "When",
    "load_rulebook",
    "read_file",
    "rulebook_from",
    "rulebook_of",
]

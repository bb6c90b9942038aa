"""Policies and regulator packs: the clocks and promises of complaints, as data in published revisions."""

from services.sla.policies.goal import Goal
from services.sla.policies.loader import Document, build_rulebook, load_rulebook, parse_rulebook, read_file
from services.sla.policies.model import MatchFacts, Policy
from services.sla.policies.pack import Pack
from services.sla.policies.rule import ClockRule, EscalationStep
from services.sla.policies.rulebook import ClockSpec, Mode, Rulebook, Terms

__all__ = [
    "ClockRule",
    "ClockSpec",
    "Document",
    "EscalationStep",
    "Goal",
    "MatchFacts",
    "Mode",
    "Pack",
    "Policy",
    "Rulebook",
    "Terms",
    "build_rulebook",
    "load_rulebook",
    "parse_rulebook",
    "read_file",
]

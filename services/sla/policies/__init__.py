"""What we aim for and what we promise, as data: an ordered list of policies over compiled calendars."""

from services.sla.policies.loader import load_rulebook, rulebook_from
from services.sla.policies.model import Goal, Policy, When
from services.sla.policies.rulebook import Rulebook

__all__ = ["Goal", "Policy", "Rulebook", "When", "load_rulebook", "rulebook_from"]

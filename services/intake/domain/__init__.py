"""The public record of a complaint: its life cycle, and what is told about it."""

from services.intake.domain.commands import (
    AddMessage,
    File,
    GiveFeedback,
    RecordMilestone,
    RecordProgress,
    Reopen,
    Resolve,
    Stated,
    Withdraw,
)
from services.intake.domain.decide import decide
from services.intake.domain.handle import Answered
from services.intake.domain.idempotency import Asked, KeyReused
from services.intake.domain.lifecycle import MOVES, after
from services.intake.domain.state import Entry, State

__all__ = [
    "MOVES",
    "AddMessage",
    "Answered",
    "Asked",
    "Entry",
    "File",
    "GiveFeedback",
    "KeyReused",
    "RecordMilestone",
    "RecordProgress",
    "Reopen",
    "Resolve",
    "State",
    "Stated",
    "Withdraw",
    "after",
    "decide",
]

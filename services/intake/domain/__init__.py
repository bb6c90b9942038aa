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
from services.intake.domain.deciding import decide
from services.intake.domain.moves import MOVES, after
from services.intake.domain.receipts import Asked, KeyReused
from services.intake.domain.states import Entry, State
from services.intake.domain.stating import Answered

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

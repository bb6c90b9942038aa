"""The public record of a complaint: its life cycle, and what is told about it."""

from services.intake.domain.commands import (
    AddMessage,
    FileComplaint,
    GiveFeedback,
    RecordMilestone,
    RecordProgress,
    Reopen,
    Resolve,
    UpdateCommand,
    Withdraw,
)
from services.intake.domain.decide import decide
from services.intake.domain.handle import Answered
from services.intake.domain.idempotency import IdempotencyKey, IdempotencyKeyReused
from services.intake.domain.lifecycle import MOVES, after
from services.intake.domain.state import IntakeState, TimelineEntry

__all__ = [
    "MOVES",
    "AddMessage",
    "Answered",
    "FileComplaint",
    "GiveFeedback",
    "IdempotencyKey",
    "IdempotencyKeyReused",
    "IntakeState",
    "RecordMilestone",
    "RecordProgress",
    "Reopen",
    "Resolve",
    "TimelineEntry",
    "UpdateCommand",
    "Withdraw",
    "after",
    "decide",
]

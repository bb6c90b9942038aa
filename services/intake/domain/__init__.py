"""Public record of a complaint: its life cycle and its timeline. Pure code without clock, network or database."""

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
from services.intake.domain.handle import UpdateDecision
from services.intake.domain.idempotency import IdempotencyKey, IdempotencyKeyReused
from services.intake.domain.lifecycle import MOVES, apply_move
from services.intake.domain.state import IntakeState, TimelineEntry

__all__ = [
    "MOVES",
    "AddMessage",
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
    "UpdateDecision",
    "Withdraw",
    "apply_move",
    "decide",
]

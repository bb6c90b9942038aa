"""The public record on PostgreSQL."""

from services.intake.store.create import CreateComplaint, CreateResult, NewComplaint
from services.intake.store.states import BY_ID, BY_REFERENCE, IntakeStore, find, timeline
from shared.storage.clock import DatabaseClock

__all__ = [
    "BY_ID",
    "BY_REFERENCE",
    "CreateComplaint",
    "CreateResult",
    "DatabaseClock",
    "IntakeStore",
    "NewComplaint",
    "find",
    "timeline",
]

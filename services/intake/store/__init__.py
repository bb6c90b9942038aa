"""The public record on PostgreSQL."""

from services.intake.store.create import CreateComplaint, CreateResult, NewComplaint
from services.intake.store.states import SELECT_BY_ID, SELECT_BY_REFERENCE, IntakeStore, find, load_timeline
from shared.storage.clock import DatabaseClock

__all__ = [
    "SELECT_BY_ID",
    "SELECT_BY_REFERENCE",
    "CreateComplaint",
    "CreateResult",
    "DatabaseClock",
    "IntakeStore",
    "NewComplaint",
    "find",
    "load_timeline",
]

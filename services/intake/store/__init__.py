"""Storage of intake on PostgreSQL."""

from services.intake.store.create import CreateComplaint, CreateResult, NewComplaint, new_reference
from services.intake.store.states import IntakeStore, find_by_id, find_by_reference, load_timeline

__all__ = [
    "CreateComplaint",
    "CreateResult",
    "IntakeStore",
    "NewComplaint",
    "find_by_id",
    "find_by_reference",
    "load_timeline",
    "new_reference",
]

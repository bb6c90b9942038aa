"""The public record on PostgreSQL."""

from services.intake.store.create import Filing, TakeIn, Taken
from services.intake.store.records import BY_ID, BY_REFERENCE, Records, find, timeline
from shared.storage.clock import DatabaseClock

__all__ = ["BY_ID", "BY_REFERENCE", "DatabaseClock", "Filing", "Records", "TakeIn", "Taken", "find", "timeline"]

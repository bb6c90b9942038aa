"""The public record on PostgreSQL."""

from services.intake.store.clock import DatabaseClock
from services.intake.store.records import BY_ID, BY_REFERENCE, Records, find, timeline
from services.intake.store.taking import Filing, TakeIn, Taken

__all__ = ["BY_ID", "BY_REFERENCE", "DatabaseClock", "Filing", "Records", "TakeIn", "Taken", "find", "timeline"]

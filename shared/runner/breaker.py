"""Circuit breaker: stop consuming when too many records cannot be applied.

Without it, a defect of the service would turn the whole topic into dead letters within minutes. A growing lag is
better: it is visible, and no event has to be repaired afterwards.
"""

from dataclasses import dataclass

BATCH_MIN = 20  # records; the percentage of a smaller batch has no meaning


@dataclass(slots=True)
class Breaker:
    """Breaker that opens after `in_a_row` buried records without a success, or above `percent` of one batch.

    Only an operator or a restart closes it.
    """

    in_a_row: int
    percent: int
    buried_in_a_row: int = 0
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """True if consuming has stopped."""
        return self.reason is not None

    def would_trip(self, buried: int, done: int) -> str | None:
        """Return the reason not to commit this batch, or None. Duplicates and parked events do not count."""
        if buried + done >= BATCH_MIN and buried * 100 > self.percent * (buried + done):
            return f"{buried} of {buried + done} records of one batch cannot be applied"
        if buried and not done and self.buried_in_a_row + buried >= self.in_a_row:
            return f"{self.buried_in_a_row + buried} records in a row cannot be applied"
        return None

    def record(self, buried: int, done_or_duplicate: int) -> None:
        """Count a committed batch."""
        self.buried_in_a_row = 0 if done_or_duplicate else self.buried_in_a_row + buried

    def open(self, reason: str) -> None:
        """Stop consuming, for this reason."""
        self.reason = reason

    def close(self) -> None:
        """Allow consuming again."""
        self.reason, self.buried_in_a_row = None, 0

"""Circuit breaker: stop consuming when too many events become dead letters.

Without it, a defect of the service would turn the whole topic into dead letters within minutes. A growing lag is
better: it is visible, and no event has to be repaired afterwards.
"""

from dataclasses import dataclass

BATCH_MIN = 20  # records; the percentage of a smaller batch has no meaning


@dataclass(slots=True)
class Breaker:
    """Breaker that opens after `in_a_row` dead letters without a success, or above `percent` of one batch.

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

    def would_trip(self, buried: int, handled: int) -> str | None:
        """Return the reason why this batch must not be committed, or None. `handled` excludes parked and skipped."""
        if buried + handled >= BATCH_MIN and buried * 100 > self.percent * (buried + handled):
            return f"{buried} of {buried + handled} records of one batch cannot be applied"
        if buried and not handled and self.buried_in_a_row + buried >= self.in_a_row:
            return f"{self.buried_in_a_row + buried} records in a row cannot be applied"
        return None

    def record(self, buried: int, handled: int) -> None:
        """Count a committed batch."""
        self.buried_in_a_row = 0 if handled else self.buried_in_a_row + buried

    def open(self, reason: str) -> None:
        """Stop consuming, for this reason."""
        self.reason = reason

    def close(self) -> None:
        """Allow consuming again."""
        self.reason, self.buried_in_a_row = None, 0

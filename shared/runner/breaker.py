"""Too much buried: stop consuming. A growing lag is better than a quietly emptied topic."""

from dataclasses import dataclass

SMALLEST_BATCH = 20  # below this a percentage says little


@dataclass(slots=True)
class Breaker:
    """Opens after `in_a_row` dead letters without a success between, or `percent` of one batch; a person closes it."""

    in_a_row: int
    percent: int
    row: int = 0
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether consuming has stopped."""
        return self.reason is not None

    def would_trip(self, buried: int, handled: int) -> str | None:
        """Why this batch must not be committed, or None. Parked and skipped records do not count as handled."""
        if buried + handled >= SMALLEST_BATCH and buried * 100 > self.percent * (buried + handled):
            return f"{buried} of {buried + handled} records of one batch cannot be applied"
        if buried and not handled and self.row + buried >= self.in_a_row:
            return f"{self.row + buried} records in a row cannot be applied"
        return None

    def note(self, buried: int, handled: int) -> None:
        """Remember a committed batch."""
        self.row = 0 if handled else self.row + buried

    def open(self, reason: str) -> None:
        """Stop consuming."""
        self.reason = reason

    def close(self) -> None:
        """A person has looked, or a corrected version was started."""
        self.reason, self.row = None, 0

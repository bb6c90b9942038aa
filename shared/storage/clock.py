"""Clock that follows the database's time without a query for each reading."""

import time
from datetime import UTC, datetime, timedelta

FRESH_SECONDS = 30.0  # for which an offset is used before it must be renewed


class DatabaseClock:
    """Time of the database: this machine's monotonic clock plus an offset that query results renew."""

    def __init__(self) -> None:
        self._offset: timedelta | None = None
        self._synchronized_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """True if the offset was renewed recently."""
        return self._offset is not None and time.monotonic() - self._synchronized_at < FRESH_SECONDS

    def now(self) -> datetime:
        """Return the database's time, aware UTC; this machine's time until the first `synchronize`."""
        if self._offset is None:
            return datetime.now(UTC)
        return _monotonic_time() + self._offset

    def synchronize(self, now: datetime) -> None:
        """Set the offset from a time that the database has just returned."""
        self._offset, self._synchronized_at = now - _monotonic_time(), time.monotonic()


def _monotonic_time() -> datetime:
    return datetime.fromtimestamp(time.monotonic(), UTC)

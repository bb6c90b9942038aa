"""The database's time, without asking for it each time."""

import time
from datetime import UTC, datetime, timedelta

FRESH_FOR = 30.0  # seconds for which the offset of our clock to the database's is trusted


class DatabaseClock:
    """The database's time without asking for it each time: our monotonic clock plus an offset that answers renew."""

    def __init__(self) -> None:
        self._offset: timedelta | None = None
        self._set_at = 0.0

    @property
    def is_set(self) -> bool:
        """Whether the offset is recent enough."""
        return self._offset is not None and time.monotonic() - self._set_at < FRESH_FOR

    def now(self) -> datetime:
        """Aware UTC; this machine's time until the database has told its own once."""
        if self._offset is None:
            return datetime.now(UTC)
        return _since_start() + self._offset

    def learn(self, now: datetime) -> None:
        """The database has just told its time."""
        self._offset, self._set_at = now - _since_start(), time.monotonic()


def _since_start() -> datetime:
    return datetime.fromtimestamp(time.monotonic(), UTC)

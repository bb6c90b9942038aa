"""Cache of the compiled calendars in a stream of lines, limited by memory."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deploy.cli.calendar.compact_format import KEYS, parse_compact_calendar
from services.sla.calendar import Compiled
from shared.errors import Rejected

BYTES_MAX = 200_000_000  # estimated: 2,800 calendars of four years, 300 of fifty, 70 of all years
_INTERVAL_BYTES = 24  # of an open interval: three int64 values
_TEXT_FACTOR = 45  # bytes of a calendar for each byte of its text; measured: 850 bytes for a holiday


class CalendarCache:
    """Compiled calendars by their canonical text; the least recently used ones are removed first.

    A calendar grows when a line asks about other years, so its size is estimated again after each use. The reason why
    a calendar was refused is cached too.
    """

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
        self._entries: dict[str, Compiled | str] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._last = ""

    @property
    def size(self) -> int:
        """Estimated size in bytes."""
        return self._total

    def compiled(self, request: Mapping[str, Any], at: int) -> Compiled:
        """Return the calendar of a line, compiled around an instant (seconds of UTC). Raises `Rejected`."""
        key = self._encode([request.get(name) for name in KEYS])
        entry = self._entries.pop(key, None)
        if entry is None:
            entry = _compile(request, at)
        self._entries[key] = entry
        self._update_size(self._last)
        self._update_size(key)
        self._last = key
        self._evict()
        if isinstance(entry, str):
            raise Rejected(entry)  # a new exception, because a cached one would collect a traceback for each line
        return entry

    def _update_size(self, key: str) -> None:
        entry = self._entries.get(key)
        if entry is not None:
            intervals = entry.interval_count if isinstance(entry, Compiled) else 0
            size = intervals * _INTERVAL_BYTES + len(key) * _TEXT_FACTOR
            self._total += size - self._sizes.get(key, 0)
            self._sizes[key] = size

    def _evict(self) -> None:
        while self._total > BYTES_MAX and len(self._entries) > 1:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self._total -= self._sizes.pop(oldest)


def _compile(request: Mapping[str, Any], at: int) -> Compiled | str:
    """Return the compiled calendar, or the reason why it is refused."""
    try:
        return Compiled(parse_compact_calendar(request), around=datetime.fromtimestamp(at, UTC).date(), years=2)
    except Rejected as error:
        return error.detail

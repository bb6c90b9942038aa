"""The calendars of a stream of lines, compiled once and kept while they are in use."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deploy.cli.calendar.compact_format import KEYS, calendar_in
from services.sla.calendar import Compiled
from shared.errors import Rejected

MOST_KEPT = 200_000_000  # bytes, as weighed below: 2,800 offices of four years, 300 of fifty, 70 of all years
_OPENING = 24  # bytes of an open span: three int64
_TEXT = 45  # bytes of a calendar for each of its text; measured, a holiday weighs 850


class CalendarCache:
    """Calendars by their canonical text, the least recently used given up first; refused ones are remembered too."""

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
        self._kept: dict[str, Compiled | str] = {}
        self._weights: dict[str, int] = {}
        self._total = 0
        self._last = ""

    @property
    def weight(self) -> int:
        """Bytes that it is thought to hold."""
        return self._total

    def compiled(self, told: Mapping[str, Any], at: int) -> Compiled:
        """The calendar of that line, compiled about that instant (seconds of UTC). Raises `Rejected`."""
        key = self._encode([told.get(name) for name in KEYS])
        found = self._kept.pop(key, None)
        if found is None:
            found = _compile(told, at)
        self._kept[key] = found
        self._weigh(self._last)  # it may have grown since, with what it was asked
        self._weigh(key)
        self._last = key
        self._give_up()
        if isinstance(found, str):
            raise Rejected(found)  # a new one each time: one that is kept would keep a traceback for every line
        return found

    def _weigh(self, key: str) -> None:
        found = self._kept.get(key)
        if found is not None:
            openings = found.openings_kept if isinstance(found, Compiled) else 0
            weight = openings * _OPENING + len(key) * _TEXT
            self._total += weight - self._weights.get(key, 0)
            self._weights[key] = weight

    def _give_up(self) -> None:
        while self._total > MOST_KEPT and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._total -= self._weights.pop(oldest)


def _compile(told: Mapping[str, Any], at: int) -> Compiled | str:
    """The calendar, or why there is none."""
    try:
        return Compiled(calendar_in(told), around=datetime.fromtimestamp(at, UTC).date(), years=2)
    except Rejected as error:
        return error.detail

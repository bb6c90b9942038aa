"""What clients asked and what they were answered. Written down, and on disk, before each request leaves.

A time-out, a broken line or a 503 is `unknown`, never failed: the request may have been carried out. Only an answer
makes it known.
"""

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Fate = Literal["done", "unknown", "refused"]
UNKNOWN = (None, 500, 502, 503, 504)  # a 500 is a fault of its own, and says nothing about what was done


@dataclass(slots=True)
class Attempt:
    """One request. `status` None: there was no answer."""

    key: str
    complaint: str  # the key under which the complaint was filed
    deed: str
    sent_at: float
    answered_at: float | None = None
    status: int | None = None
    response: dict[str, Any] = field(default_factory=dict)


class Pen:
    """Writes a ledger; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._count = 0

    def intend(self, key: str, complaint: str, deed: str) -> int:
        """On disk before it returns. Gives the number to answer under."""
        with self._lock:
            self._count += 1
            number = self._count
            self._write({"n": number, "key": key, "complaint": complaint, "deed": deed, "at": time.time()})
            os.fsync(self._file.fileno())
        return number

    def answer(self, number: int, status: int | None, answer: dict[str, Any]) -> None:
        """What came back, or that nothing did."""
        with self._lock:
            self._write({"n": number, "status": status, "response": answer, "at": time.time()})

    def close(self) -> None:
        """Put it away."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


@dataclass(slots=True)
class Ledger:
    """All attempts of all loads."""

    attempts: list[Attempt]

    @property
    def filings(self) -> dict[str, list[Attempt]]:
        """Attempts to file, by key."""
        return self._grouped(attempt for attempt in self.attempts if attempt.deed == "file")

    def accepted(self) -> dict[str, str]:
        """Complaint id by key, for everything that was answered with 2xx."""
        return {
            key: attempt.response["id"]
            for key, tries in self.filings.items()
            for attempt in tries
            if attempt.status == 201
        }

    def deeds(self) -> dict[str, list[tuple[str, Fate]]]:
        """What was stated about each complaint, in order, each deed once however often it was tried."""
        stated: dict[str, list[tuple[str, Fate]]] = defaultdict(list)
        for tries in self._grouped(attempt for attempt in self.attempts if attempt.deed != "file").values():
            stated[tries[0].complaint].append((tries[0].deed, fate(tries)))
        return stated

    def within(self, begin: float, end: float) -> list[Attempt]:
        """Attempts that left in that time."""
        return [attempt for attempt in self.attempts if begin <= attempt.sent_at <= end]

    @staticmethod
    def _grouped(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
        grouped: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            grouped[attempt.key].append(attempt)
        return dict(grouped)


def fate(tries: Iterable[Attempt]) -> Fate:
    """What is known of a request after all its tries."""
    statuses = [attempt.status for attempt in tries if attempt.status not in UNKNOWN]
    if not statuses:
        return "unknown"
    return "done" if 201 in statuses else "refused"


def read(*paths: Path) -> Ledger:
    """Ledgers as one. The last line of a load that was killed may be torn; then its request is unknown."""
    return Ledger([attempt for path in paths if path.exists() for attempt in _attempts(path)])


def _attempts(path: Path) -> Iterator[Attempt]:
    attempts: dict[int, Attempt] = {}
    for line in _lines(path):
        if "key" in line:
            attempts[line["n"]] = Attempt(line["key"], line["complaint"], line["deed"], line["at"])
        else:
            attempt = attempts[line["n"]]
            attempt.status, attempt.response, attempt.answered_at = line["status"], line["response"], line["at"]
    yield from attempts.values()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            return

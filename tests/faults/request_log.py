"""Log of the clients' requests and responses. Each request is on disk before it is sent.

After a timeout, a broken connection or a 5xx the outcome is `unknown`, not failed: the service may have handled the
request.
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

Outcome = Literal["done", "unknown", "refused"]
UNKNOWN_STATUSES = (None, 500, 502, 503, 504)  # a 500 is reported as a violation; its outcome is unknown too


@dataclass(slots=True)
class Attempt:
    """Request with its response; `status` None if there was no response."""

    key: str
    complaint: str  # the key under which the complaint was filed
    operation: str
    sent_at: float
    answered_at: float | None = None
    status: int | None = None
    response: dict[str, Any] = field(default_factory=dict)


class RequestLogWriter:
    """Writer of a request log; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._count = 0

    def record_request(self, key: str, complaint: str, operation: str) -> int:
        """Write a request to disk; return its number for `record_response`."""
        with self._lock:
            self._count += 1
            number = self._count
            self._write({"n": number, "key": key, "complaint": complaint, "operation": operation, "at": time.time()})
            os.fsync(self._file.fileno())
        return number

    def record_response(self, number: int, status: int | None, answer: dict[str, Any]) -> None:
        """Write the response to a request; `status` None if there was none."""
        with self._lock:
            self._write({"n": number, "status": status, "response": answer, "at": time.time()})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


@dataclass(slots=True)
class RequestLog:
    """Attempts of all load processes."""

    attempts: list[Attempt]

    @property
    def create_attempts(self) -> dict[str, list[Attempt]]:
        """Attempts to file a complaint, by idempotency key."""
        return self._grouped(attempt for attempt in self.attempts if attempt.operation == "file")

    def accepted(self) -> dict[str, str]:
        """Return the complaint id by idempotency key for each complaint answered with 201."""
        return {
            key: attempt.response["id"]
            for key, tries in self.create_attempts.items()
            for attempt in tries
            if attempt.status == 201
        }

    def update_outcomes(self) -> dict[str, list[tuple[str, Outcome]]]:
        """Return the updates of each complaint in order, each once with its outcome after all attempts."""
        outcomes: dict[str, list[tuple[str, Outcome]]] = defaultdict(list)
        for tries in self._grouped(attempt for attempt in self.attempts if attempt.operation != "file").values():
            outcomes[tries[0].complaint].append((tries[0].operation, outcome_of(tries)))
        return outcomes

    def within(self, begin: float, end: float) -> list[Attempt]:
        """Return the attempts sent in this period (Unix time)."""
        return [attempt for attempt in self.attempts if begin <= attempt.sent_at <= end]

    @staticmethod
    def _grouped(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
        grouped: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            grouped[attempt.key].append(attempt)
        return dict(grouped)


def outcome_of(tries: Iterable[Attempt]) -> Outcome:
    """Return the outcome of a request after all its attempts."""
    statuses = [attempt.status for attempt in tries if attempt.status not in UNKNOWN_STATUSES]
    if not statuses:
        return "unknown"
    return "done" if 201 in statuses else "refused"


def read_logs(*paths: Path) -> RequestLog:
    """Read several logs as one. The last line of a killed process may be incomplete; its outcome is unknown."""
    return RequestLog([attempt for path in paths if path.exists() for attempt in _read_attempts(path)])


def _read_attempts(path: Path) -> Iterator[Attempt]:
    attempts: dict[int, Attempt] = {}
    for line in _read_lines(path):
        if "key" in line:
            attempts[line["n"]] = Attempt(line["key"], line["complaint"], line["operation"], line["at"])
        else:
            attempt = attempts[line["n"]]
            attempt.status, attempt.response, attempt.answered_at = line["status"], line["response"], line["at"]
    yield from attempts.values()


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            return

"""Responses of intake to the lines of a batch, as one of four outcomes."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.cli.problems import RETRYABLE
from shared.errors import Unavailable

Outcome = Literal["accepted", "replayed", "rejected", "unreadable"]
CREATED = 201


@dataclass(frozen=True, slots=True)
class SubmitLine:
    """Encoded row: its line number in the source and the bytes of its request body."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class RowResult:
    """Outcome of a row. `reason` names a field and what is expected, and never repeats the value."""

    line: int
    outcome: Outcome
    complaint_id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class SubmitCounts:
    """Counts of a run, the ids of its complaints, and the reasons of rejected rows."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    cleaned: int = 0
    ids: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """Number of rows with an outcome."""
        return self.outcomes.total()

    @property
    def good(self) -> int:
        """Number of rows that intake has stored, in this run or before."""
        return self.outcomes["accepted"] + self.outcomes["replayed"]

    def add(self, result: RowResult) -> None:
        """Count one row."""
        self.outcomes[result.outcome] += 1
        if result.complaint_id:
            self.ids.append(result.complaint_id)
        if result.reason:
            self.reasons[result.reason] += 1


@dataclass(frozen=True, slots=True)
class BatchReply:
    """Results of a batch, and the lines to send again because intake could not handle them now."""

    results: list[RowResult]
    retry: list[SubmitLine]


def read_reply(lines: Sequence[SubmitLine], body: bytes) -> BatchReply:
    """Return one result per line, in order. Raises `Unavailable` if the numbers differ."""
    items = [json.loads(line) for line in body.splitlines() if line.strip()]
    if len(items) != len(lines):
        raise Unavailable(f"Intake answered {len(items)} of {len(lines)} lines.")
    results: list[RowResult] = []
    retry: list[SubmitLine] = []
    for line, item in zip(lines, items, strict=True):
        if item["status"] in RETRYABLE:
            retry.append(line)
        else:
            results.append(_row_result(line, item))
    return BatchReply(results, retry)


def _row_result(line: SubmitLine, item: dict[str, Any]) -> RowResult:
    if item["status"] == CREATED:
        return RowResult(line.number, "replayed" if item.get("replayed") else "accepted", complaint_id=str(item["id"]))
    return RowResult(line.number, "rejected", reason=str(item["problem"]["detail"]))

"""What intake says to each line of a batch, in the four words that a person needs."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.errors import Unavailable

Fate = Literal["accepted", "replayed", "rejected", "unreadable"]
CREATED = 201
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})  # the same line may be taken later


@dataclass(frozen=True, slots=True)
class SubmitLine:
    """A row on its way: where it stood, its key, and the bytes of its form."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row. `reason` names a field and what is expected, and never repeats what was given."""

    line: int
    fate: Fate
    complaint_id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class SubmitCounts:
    """Counts of a run, the ids to wait for, and the first reasons."""

    fates: Counter[Fate] = field(default_factory=Counter)
    cleaned: int = 0
    ids: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """Rows whose fate is known."""
        return self.fates.total()

    @property
    def good(self) -> int:
        """Rows that intake has, now or from before."""
        return self.fates["accepted"] + self.fates["replayed"]

    def add(self, answer: RowResult) -> None:
        """Count one row."""
        self.fates[answer.fate] += 1
        if answer.complaint_id:
            self.ids.append(answer.complaint_id)
        if answer.reason:
            self.reasons[answer.reason] += 1


@dataclass(frozen=True, slots=True)
class BatchReply:
    """What a batch came to: answers, and the lines that intake could not take just now."""

    answers: list[RowResult]
    again: list[SubmitLine]


def read_reply(lines: Sequence[SubmitLine], body: bytes) -> BatchReply:
    """One result per line sent, in order. Raises `Unavailable` when there are not as many."""
    told = [json.loads(line) for line in body.splitlines() if line.strip()]
    if len(told) != len(lines):
        raise Unavailable(f"Intake answered {len(told)} of {len(lines)} lines.")
    answers: list[RowResult] = []
    again: list[SubmitLine] = []
    for line, item in zip(lines, told, strict=True):
        if item["status"] in LATER:
            again.append(line)
        else:
            answers.append(_answer(line, item))
    return BatchReply(answers, again)


def _answer(line: SubmitLine, told: dict[str, Any]) -> RowResult:
    if told["status"] == CREATED:
        return RowResult(line.number, "replayed" if told.get("replayed") else "accepted", complaint_id=str(told["id"]))
    return RowResult(line.number, "rejected", reason=str(told["problem"]["detail"]))

"""Counters that dry run and back-test share: complaints, load by team and hour, and the farthest moves."""

from abc import ABC, abstractmethod
from collections import Counter
from datetime import UTC, datetime
from heapq import heappush, heappushpop, nlargest
from itertools import count
from typing import Any
from uuid import UUID

from services.sla.domain import SlaState
from services.sla.rulebook.reports import FAILED_NAMED, BackTest, DryRun, Example, Hour

EXAMPLES = 20
HOURS_MAX = 5000  # in a report: the working days of two hundred teams
NO_TEAM = "nobody yet"


class ComplaintCounter(ABC):
    """Totals of a rehearsal, complaint by complaint, as of `now`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._counts: Counter[str] = Counter()
        self._failed: list[UUID] = []
        self._load = Load()
        self._farthest = Farthest()

    def add(self, state: SlaState) -> None:
        """Add one complaint."""
        self._add(state)
        self._counts["complaints"] += 1  # last, so that a complaint that fails on the way is counted by `fail` alone

    def fail(self, complaint: UUID) -> None:
        """Count a complaint that could not be computed."""
        self._counts["failed"] += 1
        if len(self._failed) < FAILED_NAMED:
            self._failed.append(complaint)

    @abstractmethod
    def _add(self, state: SlaState) -> None: ...

    @abstractmethod
    def report(self) -> DryRun | BackTest:
        """Return the figures so far."""

    def _common_figures(self) -> dict[str, Any]:
        """Return the fields that both reports have."""
        return {
            "as_of": self._now,
            "complaints": self._counts["complaints"],
            "failed": self._counts["failed"],
            "failed_such_as": self._failed,
            "load": self._load.hours(),
            "examples": self._farthest.examples,
        }


class Load:
    """Number of due times in each hour of each team, before and after the change."""

    def __init__(self) -> None:
        self._before: Counter[tuple[int, str]] = Counter()
        self._after: Counter[tuple[int, str]] = Counter()

    def add(self, team: str, before: datetime | None, after: datetime | None) -> None:
        """Count a time before the change and one after it; None: there is no such time."""
        for counter, at in ((self._before, before), (self._after, after)):
            if at is not None:
                counter[int(at.timestamp()) // 3600, team] += 1

    def hours(self) -> list[Hour]:
        """Return the hours that differ, the earliest first."""
        before, after = self._before, self._after
        differing = [key for key in sorted({*before, *after}) if before[key] != after[key]]
        return [
            Hour(team=key[1], hour=datetime.fromtimestamp(key[0] * 3600, UTC), before=before[key], after=after[key])
            for key in differing[:HOURS_MAX]
        ]


class Farthest:
    """The clocks that would move farthest, kept in a heap. Of equal ones the first is kept."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Example]] = []
        self._numbers = count()

    def add(self, complaint: UUID, team: str, clock: str, old: datetime, new: datetime) -> None:
        """Keep the clock, with its old and its new due time, if it is among the farthest."""
        moved = int((new - old).total_seconds())
        is_full = len(self._heap) == EXAMPLES
        if is_full and abs(moved) <= self._heap[0][0]:
            return
        example = Example(
            complaint_id=complaint, team=team, clock=clock, old_due_at=old, new_due_at=new, moved_seconds=moved
        )
        (heappushpop if is_full else heappush)(self._heap, (abs(moved), next(self._numbers), example))

    @property
    def examples(self) -> list[Example]:
        """Kept clocks, the farthest first."""
        return [example for _, _, example in nlargest(EXAMPLES, self._heap)]

"""Counters that dry run and back-test share: load by team and hour, failed complaints, and the farthest moves."""

from collections import Counter
from datetime import UTC, datetime
from heapq import heappushpop, nlargest
from itertools import count
from typing import NamedTuple
from uuid import UUID

from services.sla.rulebook.reports import FAILED_NAMED, Example, Hour

EXAMPLES = 20
HOURS_MAX = 5000  # in a report: the working days of two hundred teams
NO_TEAM = "nobody yet"


class Load:
    """Number of due times in each hour of each team, before and after the change."""

    def __init__(self) -> None:
        self._before: Counter[tuple[str, int]] = Counter()
        self._after: Counter[tuple[str, int]] = Counter()

    def add(self, team: str, before: datetime | None, after: datetime | None) -> None:
        """Count a time before the change and one after it; None: there is no such time."""
        if before is not None:
            self._before[team, _hour(before)] += 1
        if after is not None:
            self._after[team, _hour(after)] += 1

    def hours(self) -> list[Hour]:
        """Return the hours that differ, the earliest first."""
        keys = sorted((hour, team) for team, hour in {*self._before, *self._after})
        differing = [(hour, team) for hour, team in keys if self._before[team, hour] != self._after[team, hour]]
        return [
            Hour(
                team=team,
                hour=datetime.fromtimestamp(hour * 3600, UTC),
                before=self._before[team, hour],
                after=self._after[team, hour],
            )
            for hour, team in differing[:HOURS_MAX]
        ]


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


class Failures:
    """Complaints that could not be computed: their number, and the ids of the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.such_as: list[UUID] = []

    def add(self, complaint: UUID) -> None:
        """Count a complaint that could not be computed."""
        self.count += 1
        if len(self.such_as) < FAILED_NAMED:
            self.such_as.append(complaint)


class MovedClock(NamedTuple):
    """Clock whose due time would move."""

    complaint_id: UUID
    team: str
    clock: str
    old_due_at: datetime
    new_due_at: datetime

    @property
    def moved_seconds(self) -> int:
        """Seconds by which the due time would move; negative if it would be earlier."""
        return int((self.new_due_at - self.old_due_at).total_seconds())


class Farthest:
    """The clocks that would move farthest, kept in a heap. Of equal ones the first is kept."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, MovedClock]] = []
        self._numbers = count()

    def add(self, clock: MovedClock) -> None:
        """Keep the clock if it is among the farthest."""
        distance = abs(clock.moved_seconds)
        if len(self._heap) < EXAMPLES:
            self._heap.append((distance, next(self._numbers), clock))
            self._heap.sort()  # a sorted list is a heap
        elif distance > self._heap[0][0]:
            heappushpop(self._heap, (distance, next(self._numbers), clock))

    @property
    def examples(self) -> list[Example]:
        """Kept clocks, the farthest first."""
        return [
            Example(**clock._asdict(), moved_seconds=clock.moved_seconds)
            for _, _, clock in nlargest(EXAMPLES, self._heap)
        ]

"""Counting by team and hour, and keeping the few examples that moved most."""

from collections import Counter
from datetime import UTC, datetime
from heapq import heappushpop, nlargest
from itertools import count
from typing import NamedTuple
from uuid import UUID

from services.sla.rulebook.reports import FAILED_NAMED, Example, Hour

EXAMPLES = 20
HOURS_MAX = 5000  # of a report: two hundred teams' working day
NO_TEAM = "nobody yet"


class Load:
    """How much falls into each hour of each team, as it is and as it would be."""

    def __init__(self) -> None:
        self._before: Counter[tuple[str, int]] = Counter()
        self._after: Counter[tuple[str, int]] = Counter()

    def add(self, team: str, before: datetime | None, after: datetime | None) -> None:
        """One thing that falls due then, and would then; absent: it does not."""
        if before is not None:
            self._before[team, _hour(before)] += 1
        if after is not None:
            self._after[team, _hour(after)] += 1

    def hours(self) -> list[Hour]:
        """Every hour that would differ, the earliest first."""
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


class Failures:
    """Complaints that could not be computed: how many, and the first few of them."""

    def __init__(self) -> None:
        self.count = 0
        self.such_as: list[UUID] = []

    def add(self, complaint: UUID) -> None:
        """One of them."""
        self.count += 1
        if len(self.such_as) < FAILED_NAMED:
            self.such_as.append(complaint)


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


class _Kept(NamedTuple):
    moved: float
    number: int
    example: Example


class Farthest:
    """The examples that moved most, one a complaint."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._numbers = count()

    def add(self, example: Example) -> None:
        """Keep it if it is among the farthest."""
        one = _Kept(abs(example.moved_seconds), next(self._numbers), example)
        if len(self._kept) < EXAMPLES:
            self._kept.append(one)
            self._kept.sort()  # a sorted list is a heap
        else:
            heappushpop(self._kept, one)

    def is_far(self, seconds: float) -> bool:
        """Whether one that moved so much would be kept; saves making the others."""
        return len(self._kept) < EXAMPLES or abs(seconds) > self._kept[0].moved

    @property
    def examples(self) -> list[Example]:
        """The farthest first."""
        return [one.example for one in nlargest(EXAMPLES, self._kept)]

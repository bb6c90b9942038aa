"""The cycles of a complaint: from the receipt, or a reopening, to its answer or its withdrawal."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from services.sla.domain.history import ENDINGS, SOURCES, HistoryEntry, What, happened


class Cycle(NamedTuple):
    """One of them; open while `ended_at` is absent. `told_at`: when the customer first had an answer in it."""

    started_at: datetime
    ended_at: datetime | None = None
    ending: What | None = None
    told_at: datetime | None = None

    @property
    def answered_at(self) -> datetime | None:
        """When the customer had the answer that ended it; by clocks of two machines it may seem told before that."""
        if self.ending != "resolved" or self.ended_at is None or self.told_at is None:
            return None
        return max(self.told_at, self.ended_at)


@lru_cache(maxsize=8192)
def cycles(moments: tuple[HistoryEntry, ...]) -> tuple[Cycle, ...]:
    """All cycles, the oldest first; none before the receipt."""
    found: list[Cycle] = []
    for one in happened(moments):
        last = found[-1] if found else None
        if one.what == "received" and last is None:
            found.append(Cycle(one.at))
        elif last is not None and last.ended_at is None and one.what in ENDINGS:
            found[-1] = last._replace(ended_at=one.at, ending=one.what)
        elif last is not None and last.ended_at is not None and one.what == "reopened":
            found.append(Cycle(one.at))
        elif last is not None and last.told_at is None and one.what == "answer_told":
            found[-1] = last._replace(told_at=one.at)
    return tuple(found)


def floor(moments: Sequence[HistoryEntry], what: What) -> datetime | None:
    """The earliest that intake's next word can have happened: not before a reopening, nor that before its ending."""
    barriers: frozenset[What] = ENDINGS if what == "reopened" else frozenset({"reopened"})
    return max((one.at for one in moments if one.source == SOURCES["intake"] and one.what in barriers), default=None)


def team(moments: Sequence[HistoryEntry]) -> str | None:
    """Whose it is, as triage last said."""
    owned = [one.item for one in moments if one.source == SOURCES["triage"]]
    return owned[-1].partition("/")[0] if owned else None

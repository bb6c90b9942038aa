"""History of a complaint: the entries that clocks and promises depend on, and the cycles that follow from them.

An entry has two times: when it happened (`at`) and when it was recorded (`recorded_at`). They differ for facts that
were reported late, so a question about the past can be answered twice: with everything known today, or with what was
known then.

The entries are stored as the events reported them. Some of them count differently: a message that bounced never reached
anybody, and a handler's message after a resolution is the answer itself. `read_history` applies these rules once per
evaluation; every later stage reads its result.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from shared.contracts.events import Milestone

What = Literal[
    # intake
    "received",
    "customer_wrote",
    "handler_wrote",
    "investigating",
    "awaiting_customer",
    "awaiting_third_party",
    "resolved",
    "reopened",
    "withdrawn",
    "merged",
    Milestone,
    # triage: a team is responsible, a handler is responsible
    "queued",
    "assigned",
    # notify: accepted by a provider, or returned by it later
    "acknowledged",
    "told",
    "answer_told",
    "returned",
]
SOURCES: dict[str, int] = {"intake": 0, "triage": 1, "notify": 2}
ENDINGS: frozenset[What] = frozenset({"resolved", "withdrawn", "merged"})
ANSWERS: frozenset[What] = frozenset({"handler_wrote", "answer_told"})
# The customer received something from the organisation.
PUBLIC: frozenset[What] = frozenset({"acknowledged", "told", "answer_told", "handler_wrote"})


class HistoryEntry(NamedTuple):
    """Entry of the history. `item` separates entries of one kind: the agreed action, the handler, the message.

    `source` and `sequence` are those of the event; they order entries of the same instant. `about` is the event id of a
    resolution: of the entry itself, or of the one that an answer was written for.
    """

    at: datetime
    source: int
    sequence: int
    what: What
    item: str
    recorded_at: datetime
    about: str = ""


class Cycle(NamedTuple):
    """Time from the receipt, or a reopening, to the ending. `told_at`: when the customer first had an answer in it."""

    started_at: datetime
    ended_at: datetime | None = None
    ending: What | None = None
    told_at: datetime | None = None

    @property
    def answered_at(self) -> datetime | None:
        """Time at which the customer had the answer that ended the cycle; not before the end (clocks may differ)."""
        if self.ending != "resolved" or self.ended_at is None or self.told_at is None:
            return None
        return max(self.told_at, self.ended_at)


class History(NamedTuple):
    """History as it counts: the effective entries in order, and the cycles, the oldest first; `stored` as reported."""

    stored: tuple[HistoryEntry, ...]
    entries: tuple[HistoryEntry, ...]
    cycles: tuple[Cycle, ...]


def read_history(stored: tuple[HistoryEntry, ...]) -> History:
    """Return the effective entries and the cycles of a stored history; both are empty before the receipt."""
    entries = effective_entries(stored)
    return History(stored, entries, _cycles_of(entries))


def cycles(stored: Iterable[HistoryEntry]) -> tuple[Cycle, ...]:
    """Return the cycles of a stored history, the oldest first."""
    return _cycles_of(effective_entries(stored))


def insert_entry(stored: tuple[HistoryEntry, ...], entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """Return the entries with this one in its place; the same object if its event is in there already."""
    if any(other.source == entry.source and other.sequence == entry.sequence for other in stored):
        return stored
    place = bisect_right(stored, entry[:3], key=lambda other: other[:3])
    return (*stored[:place], entry, *stored[place:])


def effective_entries(stored: Iterable[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """Return the entries that count: no returned messages, and a handler's message after a resolution is an answer.

    An answer that was accepted after a reopening, but written for the resolution before it, is an ordinary message.
    Nothing happens before the receipt: clocks of two machines differ, so earlier entries are moved to it.
    """
    stored = tuple(stored)
    receipt = next((entry for entry in stored if entry.what == "received"), None)
    if receipt is None:
        return ()
    returned = {entry.item for entry in stored if entry.what == "returned"}
    counted = [receipt]
    answered, superseded = False, set[str]()
    for entry in stored:
        if entry is receipt or entry.what == "returned" or (returned and _is_returned(entry, returned)):
            continue
        if entry.at < receipt.at:
            entry = entry._replace(at=receipt.at)  # noqa: PLW2901
        if entry.what in ENDINGS:
            answered = entry.what == "resolved"
        elif entry.what == "reopened":
            answered = False
            superseded.update(other.about for other in counted if other.about)
        elif entry.what in ANSWERS:
            entry = _classified(entry, answered=answered, superseded=superseded)  # noqa: PLW2901
        counted.append(entry)
    return tuple(counted)


def _is_returned(entry: HistoryEntry, returned: Collection[str]) -> bool:
    return entry.source == SOURCES["notify"] and entry.item in returned


def _classified(entry: HistoryEntry, *, answered: bool, superseded: Collection[str]) -> HistoryEntry:
    if entry.what == "handler_wrote":
        return entry._replace(what="answer_told") if answered else entry
    return entry._replace(what="told") if entry.about in superseded else entry


def _cycles_of(entries: Iterable[HistoryEntry]) -> tuple[Cycle, ...]:
    result: list[Cycle] = []
    for entry in entries:
        last = result[-1] if result else None
        if entry.what == "received" and last is None:
            result.append(Cycle(entry.at))
        elif last is not None and last.ended_at is None and entry.what in ENDINGS:
            result[-1] = last._replace(ended_at=entry.at, ending=entry.what)
        elif last is not None and last.ended_at is not None and entry.what == "reopened":
            result.append(Cycle(entry.at))
        elif last is not None and last.told_at is None and entry.what == "answer_told":
            result[-1] = last._replace(told_at=entry.at)
    return tuple(result)


def earliest_time(stored: Sequence[HistoryEntry], what: What) -> datetime | None:
    """Return the lower bound for the time of intake's next event, None if there is none.

    Intake publishes in order, but dates some facts back to when they happened. An event that intake publishes after a
    reopening belongs to the reopened complaint, so it cannot lie before the last reopening; and a reopening cannot lie
    before the last ending. Without this bound a backdated resolution would end the cycle before the reopening.
    """
    barriers: frozenset[What] = ENDINGS if what == "reopened" else frozenset({"reopened"})
    times = (entry.at for entry in stored if entry.source == SOURCES["intake"] and entry.what in barriers)
    return max(times, default=None)


def current_team(stored: Sequence[HistoryEntry]) -> str | None:
    """Return the team that triage assigned last."""
    assigned = [entry.item for entry in stored if entry.source == SOURCES["triage"]]
    return assigned[-1].partition("/")[0] if assigned else None

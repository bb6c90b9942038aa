"""What happened to a complaint, as far as clocks and promises can see it: moments, in the order in which they happened.

A moment carries when it happened and when it was recorded. The two differ for what was told late, so that a question
can be asked twice: what is true, and what did we believe then.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple

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
    "stage2_requested",
    "stage2_answered",
    "action_agreed",
    "action_completed",
    "handed_over",
    "handed_back",
    "ombudsman_asked",
    "ombudsman_answered",
    "settled",
    # triage: a team has it, a handler has it
    "queued",
    "assigned",
    # notify: accepted by a provider, and what came back after that
    "acknowledged",
    "told",
    "answer_told",
    "returned",
]
Source = Literal["intake", "triage", "notify"]
SOURCES: dict[str, int] = {"intake": 0, "triage": 1, "notify": 2}
ENDINGS: frozenset[What] = frozenset({"resolved", "withdrawn", "merged"})
ANSWERS: frozenset[What] = frozenset({"handler_wrote", "answer_told"})
PUBLIC: frozenset[What] = frozenset(
    {"acknowledged", "told", "answer_told", "handler_wrote"}
)  # the customer heard of us


class HistoryEntry(NamedTuple):
    """One of them. `item` tells several of a kind apart: the action agreed, the handler, the message.

    `source` and `sequence` are those of the event, so that what happened at one instant has one order. `about` is the
    event of the resolution: its own, or the one that an answer was written for.
    """

    at: datetime
    source: int
    sequence: int
    what: What
    item: str
    recorded_at: datetime
    about: str = ""


def put(moments: tuple[HistoryEntry, ...], moment: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """The moments with this one in its place; the same object where it is there already."""
    if any(one.source == moment.source and one.sequence == moment.sequence for one in moments):
        return moments
    place = bisect_right(moments, moment[:3], key=lambda one: one[:3])
    return (*moments[:place], moment, *moments[place:])


def happened(moments: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """What counts: without messages that came back, and with a handler's answer told in person as an answer told.

    An answer that was accepted after a reopening, but written for the resolution before it, is a word like others.
    """
    moments = tuple(moments)
    receipt = next((one for one in moments if one.what == "received"), None)
    if receipt is None:
        return []  # what is not received yet has no clocks
    returned = {one.item for one in moments if one.what == "returned"}
    counted = [receipt]
    answered, superseded = False, set[str]()
    for one in moments:
        if one is receipt or one.what == "returned" or (returned and _came_back(one, returned)):
            continue
        if one.at < receipt.at:  # clocks of two machines differ; nothing happened before the complaint was there
            one = one._replace(at=receipt.at)  # noqa: PLW2901
        if one.what in ENDINGS:
            answered = one.what == "resolved"
        elif one.what == "reopened":
            answered = False
            superseded.update(other.about for other in counted if other.about)
        elif one.what in ANSWERS:
            one = _named(one, answered=answered, superseded=superseded)  # noqa: PLW2901
        counted.append(one)
    return counted


def _came_back(one: HistoryEntry, returned: Collection[str]) -> bool:
    return one.source == SOURCES["notify"] and one.item in returned


def _named(one: HistoryEntry, *, answered: bool, superseded: Collection[str]) -> HistoryEntry:
    """The same moment by its proper name."""
    if one.what == "handler_wrote":
        return one._replace(what="answer_told") if answered else one
    return one._replace(what="told") if one.about in superseded else one

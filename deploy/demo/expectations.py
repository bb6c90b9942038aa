"""Did a complaint get what it should? Compared in words that a person can act on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.demo.samples import Expected
from services.intake.domain.timeline_text import MESSAGES

TOLD = "message.accepted"
# Consequences of clocks and teams that a script does not foresee: welcome, never required.
ALSO_FINE = frozenset({"promise_moved", "handler_changed"})
KIND_OF = {f"The customer was told: {words}.": kind for kind, words in MESSAGES.items()}


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a complaint: its status, the messages in its timeline, and its mails (None: no mailbox to ask)."""

    status: str
    messages: tuple[str, ...]
    mails: int | None = None
    doubled: int = 0


def messages_of(timeline: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The kinds of message that the timeline says the customer got, in order."""
    return tuple(KIND_OF.get(line["sentence"], "unknown") for line in timeline if line["kind"] == TOLD)


def missing_messages(wanted: Sequence[str], got: Sequence[str]) -> list[str]:
    """Kinds that are still to come, as often as they are."""
    return sorted((Counter(wanted) - Counter(got)).elements())


def differences(expected: Expected, seen: Seen) -> list[str]:
    """A sentence for each difference; empty when all is as it should be."""
    found = []
    if seen.status != expected.state:
        found.append(f"it is {seen.status} and should be {expected.state}")
    found += [f"the customer was not told: {kind}" for kind in missing_messages(expected.messages, seen.messages)]
    more = Counter(seen.messages) - Counter(expected.messages)
    found += [f"the customer was told more than expected: {kind}" for kind in sorted(more - _fine(more))]
    if seen.mails is not None and seen.mails != len(seen.messages):
        found.append(f"the mailbox has {seen.mails} mails about it and should have {len(seen.messages)}")
    if seen.doubled:
        found.append(f"{seen.doubled} mails arrived more than once")
    return found


def _fine(more: Counter[str]) -> Counter[str]:
    return Counter({kind: times for kind, times in more.items() if kind in ALSO_FINE})

"""Comparison of a complaint with its expected result, as sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.demo.samples import ExpectedOutcome
from services.intake.domain.timeline_text import MESSAGES

MESSAGE_ACCEPTED = "message.accepted"
# Messages that depend on clocks and teams, which the samples do not define: allowed, never required.
OPTIONAL_MESSAGES = frozenset({"promise_moved", "handler_changed"})
KIND_BY_SENTENCE = {f"The customer was told: {words}.": kind for kind, words in MESSAGES.items()}


@dataclass(frozen=True, slots=True)
class ObservedComplaint:
    """Observed result: status, messages in the timeline, and mails (None without a mailbox)."""

    status: str
    messages: tuple[str, ...]
    mails: int | None = None
    doubled: int = 0


def parse_messages(timeline: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the kinds of the messages in the timeline, in order."""
    return tuple(
        KIND_BY_SENTENCE.get(line["sentence"], "unknown") for line in timeline if line["kind"] == MESSAGE_ACCEPTED
    )


def find_missing(expected: Sequence[str], received: Sequence[str]) -> list[str]:
    """Return the kinds that are missing, repeated as often as they are missing."""
    return sorted((Counter(expected) - Counter(received)).elements())


def find_differences(expected: ExpectedOutcome, observed: ObservedComplaint) -> list[str]:
    """Return a sentence for each difference; empty if the result is as expected."""
    sentences = []
    if observed.status != expected.state:
        sentences.append(f"it is {observed.status} and should be {expected.state}")
    sentences += [f"the customer was not told: {kind}" for kind in find_missing(expected.messages, observed.messages)]
    unexpected = Counter(observed.messages) - Counter(expected.messages)
    sentences += [
        f"the customer was told more than expected: {kind}" for kind in sorted(unexpected - _optional(unexpected))
    ]
    if observed.mails is not None and observed.mails != len(observed.messages):
        sentences.append(f"the mailbox has {observed.mails} mails about it and should have {len(observed.messages)}")
    if observed.doubled:
        sentences.append(f"{observed.doubled} mails arrived more than once")
    return sentences


def _optional(unexpected: Counter[str]) -> Counter[str]:
    return Counter({kind: times for kind, times in unexpected.items() if kind in OPTIONAL_MESSAGES})

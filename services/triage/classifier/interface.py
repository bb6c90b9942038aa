"""Interface of a classifier: its input, its result, and the protocol that every classifier implements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.contracts.events import Signal

TEXT_MAX = 4000  # characters that a classifier reads; the cause of a complaint is named before that


@dataclass(frozen=True, slots=True)
class ComplaintText:
    """Text of a customer. `locale` is the BCP 47 tag that the customer stated. `repr` hides the text, also in logs."""

    subject: str = field(default="", repr=False)
    body: str = field(default="", repr=False)
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """Result of a classification. `why` quotes terms of the rulebook, never the text of the customer."""

    category: str
    confidence: float  # 0 to 1
    language: str  # BCP 47, one of the configured languages
    candidates: tuple[str, ...]  # the most likely categories, best first
    signals: tuple[Signal, ...] = ()
    large_amount: bool = False
    why: tuple[str, ...] = ()
    decided_by: str = "rules"
    version: str = ""


class Classifier(Protocol):
    """Classifier of a batch of texts. Runs before the transaction, because it may take long."""

    def classify(self, texts: Sequence[ComplaintText]) -> list[Classification]:
        """Return one classification per text, in the same order. Must not raise, whatever the text."""

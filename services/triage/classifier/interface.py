"""What goes into a classifier and what comes out; whoever learns to do better replaces what is behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.contracts.events import Signal

TEXT_MAX = 4000  # characters that a classifier reads; what a complaint is about stands before that


@dataclass(frozen=True, slots=True)
class ComplaintText:
    """What a customer wrote. `locale` is BCP 47 as the customer stated it. Never logged: no part of it in `repr`."""

    subject: str = field(default="", repr=False)
    body: str = field(default="", repr=False)
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """What a classifier thinks. `why` quotes the rulebook, never the customer."""

    category: str
    confidence: float  # 0 to 1
    language: str  # BCP 47, one of the configured languages
    candidates: tuple[str, ...]  # the likeliest categories, best first
    signals: tuple[Signal, ...] = ()
    large_amount: bool = False
    why: tuple[str, ...] = ()
    decided_by: str = "rules"
    version: str = ""


class Classifier(Protocol):
    """Works on a whole batch, before any transaction; gives one answer per text, in order. Must never raise."""

    def classify(self, texts: Sequence[ComplaintText]) -> list[Classification]: ...

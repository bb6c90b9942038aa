"""The sample complaints, a file per sector. A line says what is filed, what happens later, and what must come of it.

Nobody in them exists: customers are numbered, their addresses end in example.com or example.org.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.events import MessageKind

FOLDER = Path(__file__).parent
SECTORS = ("retail", "bank", "telecom", "hotel", "city")
Language = Literal["en", "id", "vi", "zh-Hans", "zh-Hant", "sr-Cyrl", "sr-Latn", "nb"]
Trait = Literal[
    "abuse",
    "angry",
    "duplicate",
    "legal_threat",
    "on_behalf",
    "repeat",
    "retried",
    "safety",
    "tiny",
    "very_long",
    "vulnerable",
]
Deed = Literal["progress", "message", "resolution", "reopen", "withdraw"]


class Expected(BaseModel):
    """Where the complaint must end, and every message that its customer must have got."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["open", "awaiting_customer", "awaiting_third_party", "resolved", "withdrawn"]
    messages: tuple[MessageKind, ...]


class SampleStep(BaseModel):
    """A fact that is stated later; what is not named here is the body as intake takes it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    do: Deed
    expected_in_days: int | None = Field(default=None, ge=1)

    def body(self, now: datetime) -> dict[str, Any]:
        """The request's body; a date is counted from `now`."""
        body = dict(self.model_extra or {})
        if self.expected_in_days is not None:
            body["expected_at"] = (now + timedelta(days=self.expected_in_days)).isoformat(timespec="seconds")
        return body

    def brings(self) -> tuple[MessageKind, ...]:
        """The messages that this fact must lead to."""
        match self.do:
            case "progress":
                told: tuple[MessageKind, ...] = ("progress",) if "note" in (self.model_extra or {}) else ()
                return (*told, "promise_moved") if self.expected_in_days is not None else told
            case "resolution":
                return ("resolution",)
            case "reopen":
                return ("reopened",)
            case "withdraw":
                return ("withdrawn",)
        return ()


class Sample(BaseModel):
    """One line. `repeat_of` sends another sample a second time, under the same key: nothing new may come of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    lang: Language
    traits: tuple[Trait, ...] = ()
    complaint: dict[str, Any] = Field(default_factory=dict)
    paragraphs: tuple[str, ...] = ()
    repeat: int = Field(default=1, ge=1)
    received_days_ago: int | None = Field(default=None, ge=1)
    repeat_of: str | None = None
    script: tuple[SampleStep, ...] = ()
    expect: Expected | None = None

    @property
    def sector(self) -> str:
        """Which file it is from."""
        return self.id.partition("-")[0]

    @property
    def email(self) -> str:
        """Where its customer gets mail."""
        return str(self.complaint["customer"]["email"])

    def body(self, now: datetime) -> dict[str, Any]:
        """The complaint as intake takes it."""
        body = dict(self.complaint)
        if self.paragraphs:
            body["narrative"] = "\n\n".join(grown(self.paragraphs, self.repeat))
        if self.received_days_ago is not None:
            received = now - timedelta(days=self.received_days_ago)
            body["received_at"] = received.isoformat(timespec="seconds")
        return body


def grown(paragraphs: Sequence[str], times: int) -> list[str]:
    """A long story: the paragraphs that count with {n} are told `times` over, together, the others once."""
    counted = [text for text in paragraphs if "{n}" in text]
    first = next((place for place, text in enumerate(paragraphs) if "{n}" in text), len(paragraphs))
    before = [text for text in paragraphs[:first] if "{n}" not in text]
    after = [text for text in paragraphs[first:] if "{n}" not in text]
    told = [text.replace("{n}", str(n)) for n in range(1, times + 1) for text in counted]
    return [*before, *told, *after]


def load() -> list[Sample]:
    """All of them, sector by sector."""
    return [
        Sample.model_validate_json(line)
        for sector in SECTORS
        for line in (FOLDER / f"{sector}.jsonl").read_text("utf-8").splitlines()
        if line.strip()
    ]

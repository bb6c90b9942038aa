"""Sample complaints, one file per sector. A line defines a complaint, its later steps, and the expected result.

The persons are not real: customers have numbers, and their addresses end in example.com or example.org.
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
Action = Literal["progress", "message", "resolution", "reopen", "withdraw"]


class ExpectedOutcome(BaseModel):
    """Expected final state of the complaint, and all messages that its customer must have received."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["open", "awaiting_customer", "awaiting_third_party", "resolved", "withdrawn"]
    messages: tuple[MessageKind, ...]


class SampleStep(BaseModel):
    """Later step of a sample; fields not declared here are the request body of intake."""

    model_config = ConfigDict(extra="allow", frozen=True)

    do: Action
    expected_in_days: int | None = Field(default=None, ge=1)

    def body(self, now: datetime) -> dict[str, Any]:
        """Return the request body; dates are computed from `now`."""
        body = dict(self.model_extra or {})
        if self.expected_in_days is not None:
            body["expected_at"] = (now + timedelta(days=self.expected_in_days)).isoformat(timespec="seconds")
        return body

    def expected_messages(self) -> tuple[MessageKind, ...]:
        """Return the messages that this step must cause."""
        match self.do:
            case "progress":
                messages: tuple[MessageKind, ...] = ("progress",) if "note" in (self.model_extra or {}) else ()
                return (*messages, "promise_moved") if self.expected_in_days is not None else messages
            case "resolution":
                return ("resolution",)
            case "reopen":
                return ("reopened",)
            case "withdraw":
                return ("withdrawn",)
        return ()


class Sample(BaseModel):
    """Sample complaint. `repeat_of` sends another sample again with the same key, which must not file a new one."""

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
    expect: ExpectedOutcome | None = None

    @property
    def sector(self) -> str:
        """Sector, which names the file."""
        return self.id.partition("-")[0]

    @property
    def email(self) -> str:
        """Address of the customer."""
        return str(self.complaint["customer"]["email"])

    def body(self, now: datetime) -> dict[str, Any]:
        """Return the request body of the complaint."""
        body = dict(self.complaint)
        if self.paragraphs:
            body["narrative"] = "\n\n".join(expand_paragraphs(self.paragraphs, self.repeat))
        if self.received_days_ago is not None:
            received = now - timedelta(days=self.received_days_ago)
            body["received_at"] = received.isoformat(timespec="seconds")
        return body


def expand_paragraphs(paragraphs: Sequence[str], times: int) -> list[str]:
    """Build a long text: the paragraphs with {n} are repeated `times` times as a group, the others occur once."""
    numbered = [text for text in paragraphs if "{n}" in text]
    first = next((index for index, text in enumerate(paragraphs) if "{n}" in text), len(paragraphs))
    before = [text for text in paragraphs[:first] if "{n}" not in text]
    after = [text for text in paragraphs[first:] if "{n}" not in text]
    repeated = [text.replace("{n}", str(n)) for n in range(1, times + 1) for text in numbered]
    return [*before, *repeated, *after]


def load_samples() -> list[Sample]:
    """Load all samples, sector by sector."""
    return [
        Sample.model_validate_json(line)
        for sector in SECTORS
        for line in (FOLDER / f"{sector}.jsonl").read_text("utf-8").splitlines()
        if line.strip()
    ]

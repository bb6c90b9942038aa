"""The rulebook as values. Nothing here reads a file; `load` does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.events import Severity, Signal

SEVERITIES: tuple[Severity, ...] = ("low", "normal", "high", "critical")
SIGNALS: tuple[Signal, ...] = ("vulnerable", "legal_threat", "safety", "abuse", "repeat")
OTHER = "other"

Reason = Signal | Literal["large_amount"]

Words = Annotated[tuple[str, ...], Field(default=())]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_-]*$")]


class RulebookEntry(BaseModel):
    """A part of a data file. An unknown key is an error: it is a misspelt known one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(RulebookEntry):
    """What a complaint can be about, who owns such complaints, and how grave they are before any signal."""

    team: Name
    severity: Severity
    titles: dict[str, str] = Field(min_length=1)


class Handler(RulebookEntry):
    """Somebody who works on cases; `capacity` is the number of open cases they can do justice to."""

    id: Name
    name: str = Field(min_length=1)
    email: str = Field(pattern="^[^@ ]+@[^@ ]+$")
    capacity: int = Field(ge=1, le=10_000)


class Lead(RulebookEntry):
    """Who takes a team's escalations."""

    id: Name
    name: str = Field(min_length=1)
    email: str = Field(pattern="^[^@ ]+@[^@ ]+$")


class Team(RulebookEntry):
    """Some handlers and their lead."""

    title: str = Field(min_length=1)
    lead: Lead
    handlers: tuple[Handler, ...] = Field(min_length=1)


class SeverityRules(RulebookEntry):
    """What raises severity; nothing lowers it. Amounts are in the currency's main unit."""

    most_steps: int = Field(ge=0, le=3)
    steps: dict[Reason, Annotated[int, Field(ge=0, le=3)]]
    floors: dict[Signal, Severity]
    large_amounts: dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], Annotated[int, Field(gt=0)]]
    currencies: dict[str, tuple[str, ...]]
    multipliers: dict[str, Annotated[int, Field(gt=1)]]

    def severity(self, start: Severity, signals: Collection[Signal], *, large_amount: bool) -> Severity:
        """Steps first, together at most `most_steps`; then the highest floor."""
        if not signals and not large_amount:
            return start
        noticed: list[Reason] = [*signals, "large_amount"] if large_amount else [*signals]
        steps = min(sum(self.steps.get(one, 0) for one in noticed), self.most_steps)
        level = min(SEVERITIES.index(start) + steps, len(SEVERITIES) - 1)
        floors = [SEVERITIES.index(self.floors[one]) for one in signals if one in self.floors]
        return SEVERITIES[max([level, *floors])]


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of one language group (`sr` for both scripts). A trailing `*` stands for any ending.

    `target` is a category or a signal; a strong term says by itself what a complaint is about.
    """

    text: str
    group: str
    target: str
    strong: bool
    is_signal: bool


@dataclass(frozen=True, slots=True)
class TriageRulebook:
    """Everything triage knows before it reads a complaint. `version` changes with every byte of the data."""

    version: str
    categories: Mapping[str, Category]
    teams: Mapping[str, Team]
    screening: str
    severity: SeverityRules
    terms: tuple[Term, ...]
    negations: Mapping[str, frozenset[str]]

    def team_of(self, category: str) -> str:
        """The team that owns complaints of this category."""
        return self.categories[category].team

    def severity_of(self, category: str, signals: Collection[Signal], *, large_amount: bool) -> Severity:
        """How grave a complaint of this category is, given what was noticed in it."""
        return self.severity.severity(self.categories[category].severity, signals, large_amount=large_amount)

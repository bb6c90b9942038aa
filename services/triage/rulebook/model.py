"""Values of a rulebook. `loader` reads them from files."""

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
    """Part of a data file. An unknown key is an error, because it is most often a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(RulebookEntry):
    """Category of complaints: the team that owns them, and their severity before any signal."""

    team: Name
    severity: Severity
    titles: dict[str, str] = Field(min_length=1)


class Handler(RulebookEntry):
    """Person who works on cases. `capacity` is the number of open cases they can handle well."""

    id: Name
    name: str = Field(min_length=1)
    email: str = Field(pattern="^[^@ ]+@[^@ ]+$")
    capacity: int = Field(ge=1, le=10_000)


class Lead(RulebookEntry):
    """Person who receives the escalations of a team."""

    id: Name
    name: str = Field(min_length=1)
    email: str = Field(pattern="^[^@ ]+@[^@ ]+$")


class Team(RulebookEntry):
    """Team of handlers with its lead."""

    title: str = Field(min_length=1)
    lead: Lead
    handlers: tuple[Handler, ...] = Field(min_length=1)


class SeverityRules(RulebookEntry):
    """Rules that raise the severity; nothing lowers it. Amounts are in the main unit of the currency."""

    most_steps: int = Field(ge=0, le=3)
    steps: dict[Reason, Annotated[int, Field(ge=0, le=3)]]
    floors: dict[Signal, Severity]
    large_amounts: dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], Annotated[int, Field(gt=0)]]
    currencies: dict[str, tuple[str, ...]]
    multipliers: dict[str, Annotated[int, Field(gt=1)]]

    def severity(self, start: Severity, signals: Collection[Signal], *, large_amount: bool) -> Severity:
        """Return `start`, raised by at most `most_steps` steps, then to the highest floor of the signals."""
        if not signals and not large_amount:
            return start
        reasons: list[Reason] = [*signals, "large_amount"] if large_amount else [*signals]
        steps = min(sum(self.steps.get(reason, 0) for reason in reasons), self.most_steps)
        level = min(SEVERITIES.index(start) + steps, len(SEVERITIES) - 1)
        floors = [SEVERITIES.index(self.floors[signal]) for signal in signals if signal in self.floors]
        return SEVERITIES[max([level, *floors])]


@dataclass(frozen=True, slots=True)
class Term:
    """Word or phrase of one language group (`sr` for both scripts). A trailing `*` matches any ending.

    `target` is a category or a signal. A strong term is enough evidence by itself; weak terms only add up.
    """

    text: str
    group: str
    target: str
    strong: bool
    is_signal: bool


@dataclass(frozen=True, slots=True)
class TriageRulebook:
    """Loaded rulebook. `version` changes with every byte of the data files."""

    version: str
    categories: Mapping[str, Category]
    teams: Mapping[str, Team]
    screening: str
    severity: SeverityRules
    terms: tuple[Term, ...]
    negations: Mapping[str, frozenset[str]]

    def team_of(self, category: str) -> str:
        """Return the team that owns complaints of the category."""
        return self.categories[category].team

    def severity_of(self, category: str, signals: Collection[Signal], *, large_amount: bool) -> Severity:
        """Return the severity of a complaint from its category, its signals and a large amount of money."""
        return self.severity.severity(self.categories[category].severity, signals, large_amount=large_amount)

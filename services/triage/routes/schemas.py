"""Request and response bodies of triage."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.triage.domain import TriageState
from services.triage.rulebook import TriageRulebook
from shared.contracts.events import Severity, Signal
from shared.text import LINE_PATTERN

Name = Annotated[str, StringConstraints(max_length=60, pattern=LINE_PATTERN)]


class CaseView(BaseModel):
    """Case for handlers. Data of the customer is in intake."""

    complaint_id: UUID
    status: str = Field(description="open or closed")
    category: tuple[str, ...]
    severity: Severity | None
    language: str | None
    signals: tuple[Signal, ...]
    confidence: float | None
    decided_by: str | None
    decider_version: str | None
    why: tuple[str, ...]
    screening: bool = Field(description="a person still has to decide the category")
    candidates: tuple[str, ...]
    team: str | None
    handler: str | None
    level: int = Field(description="0 for the handler, 1 for the lead of the team, and so on")
    grounds: tuple[str, ...] = Field(description="reasons of the escalations, one level each")
    noted: tuple[str, ...] = Field(
        description="clocks that ran out without an escalation, such as breach:supplier::maker:1"
    )

    @classmethod
    def of(cls, case: TriageState) -> "CaseView":
        """Build the view from the state."""
        fields: dict[str, Any] = {name: getattr(case, name) for name in cls.model_fields if name != "status"}
        return cls(status="open" if case.is_open else "closed", **fields)


class TriageDecisionForm(BaseModel):
    """Decision of a person. An absent field keeps its value, or follows from the rulebook."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"category": "delivery", "severity": "high"}]}
    )

    category: Name | None = Field(default=None, description="a category from GET /v1/taxonomy")
    severity: Severity | None = None
    handler: Name | None = Field(default=None, description="a handler of the team that owns the category")


class QueueView(BaseModel):
    """Page of a team's open cases: highest severity first, then oldest."""

    team: str
    cases: list[CaseView]


class CategoryView(BaseModel):
    """Category with its titles by language."""

    id: str
    team: str
    severity: Severity
    titles: dict[str, str]


class TeamView(BaseModel):
    """Team with the ids of its lead and its handlers."""

    id: str
    title: str
    lead: str
    handlers: list[str]


class TaxonomyView(BaseModel):
    """Part of the rulebook that clients need."""

    version: str
    screening: str = Field(description="the team for complaints of which the classifier is not sure")
    categories: list[CategoryView]
    teams: list[TeamView]

    @classmethod
    def of(cls, rulebook: TriageRulebook) -> "TaxonomyView":
        """Build the view from the rulebook."""
        return cls(
            version=rulebook.version,
            screening=rulebook.screening,
            categories=[
                CategoryView(id=name, team=category.team, severity=category.severity, titles=category.titles)
                for name, category in rulebook.categories.items()
            ],
            teams=[
                TeamView(
                    id=name, title=team.title, lead=team.lead.id, handlers=[handler.id for handler in team.handlers]
                )
                for name, team in rulebook.teams.items()
            ],
        )

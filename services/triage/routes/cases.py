"""The doors of triage: look at a case, a queue, the taxonomy; decide a case. Everything else comes over Kafka."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.triage.domain import DecideCase, TriageState
from services.triage.rulebook import TriageRulebook
from services.triage.store.states import find_case, find_queue
from shared.auth import Client, require_scope
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import Severity, Signal
from shared.errors import NotFound, Rejected
from shared.runtime import Runtime
from shared.text import LINE_PATTERN

T = TypeVar("T")
Name = Annotated[str, StringConstraints(max_length=60, pattern=LINE_PATTERN)]


class CaseView(BaseModel):
    """A case as handlers see it; who the customer is stays with intake."""

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
    screening: bool = Field(description="a person still has to look")
    candidates: tuple[str, ...]
    team: str | None
    handler: str | None
    level: int = Field(description="0 the handler, 1 the team's lead, and so on")
    grounds: tuple[str, ...] = Field(description="why it went up, one level each")
    noted: tuple[str, ...] = Field(description="what ran late without going up, such as breach:supplier::maker:1")

    @classmethod
    def of(cls, case: TriageState) -> "CaseView":
        """What of the state is shown."""
        shown: dict[str, Any] = {name: getattr(case, name) for name in cls.model_fields if name != "status"}
        return cls(status="open" if case.is_open else "closed", **shown)


class TriageDecisionForm(BaseModel):
    """What a person decided; what is left out stays, or follows from the rulebook."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"category": "delivery", "severity": "high"}]}
    )

    category: Name | None = Field(default=None, description="one of GET /v1/taxonomy")
    severity: Severity | None = None
    handler: Name | None = Field(default=None, description="a handler of the team that owns the category")


class QueueView(BaseModel):
    """Part of a team's open cases, gravest first, then oldest."""

    team: str
    cases: list[CaseView]


class CategoryView(BaseModel):
    """A category and what it is called, by language."""

    id: str
    team: str
    severity: Severity
    titles: dict[str, str]


class TeamView(BaseModel):
    """A team and the ids of those who work in it."""

    id: str
    title: str
    lead: str
    handlers: list[str]


class TaxonomyView(BaseModel):
    """The rulebook as far as clients need it."""

    version: str
    screening: str = Field(description="the team that looks at what the classifier is not sure of")
    categories: list[CategoryView]
    teams: list[TeamView]


def routes(runtime: Runtime, rulebook: TriageRulebook) -> APIRouter:
    """All routes of triage."""
    router = APIRouter(prefix="/v1", tags=["triage"])
    reader = Depends(require_scope("complaints:read"))
    taxonomy_view = _taxonomy(rulebook)

    @router.get("/cases/{complaint_id}", dependencies=[reader])
    async def case(complaint_id: UUID) -> CaseView:
        """What a complaint is, whose it is, and why."""
        found = await find_case(runtime.pool, complaint_id)
        if found is None or not found.received:
            raise NotFound
        return CaseView.of(found)

    @router.get("/queue", dependencies=[reader])
    async def queue(
        team: Annotated[str, Query(max_length=60)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> QueueView:
        """A team's open cases, gravest first, then oldest."""
        if team not in rulebook.teams:
            raise Rejected(f"team: expected one of {', '.join(rulebook.teams)}")
        cases = await find_queue(runtime.pool, team, limit=limit, offset=offset)
        return QueueView(team=team, cases=[CaseView.of(one) for one in cases])

    @router.get("/taxonomy", dependencies=[reader])
    async def taxonomy() -> TaxonomyView:
        """Categories, teams and the version of the rulebook."""
        return taxonomy_view

    @router.post("/cases/{complaint_id}/decision")
    async def decision(
        complaint_id: UUID,
        form: TriageDecisionForm,
        client: Annotated[Client, Depends(require_scope("cases:decide"))],
    ) -> CaseView:
        """Say what a complaint is; it goes to the team that owns that."""
        command = DecideCase(
            ComplaintId(complaint_id),
            by=client.name,
            category=form.category,
            severity=form.severity,
            handler=form.handler,
        )
        decided = await runtime.submit(command)
        return CaseView.of(_there(decided.state))

    return router


def _there(found: T | None) -> T:
    if found is None:
        raise NotFound
    return found


def _taxonomy(rulebook: TriageRulebook) -> TaxonomyView:
    return TaxonomyView(
        version=rulebook.version,
        screening=rulebook.screening,
        categories=[
            CategoryView(id=name, team=one.team, severity=one.severity, titles=one.titles)
            for name, one in rulebook.categories.items()
        ],
        teams=[
            TeamView(id=name, title=team.title, lead=team.lead.id, handlers=[one.id for one in team.handlers])
            for name, team in rulebook.teams.items()
        ],
    )

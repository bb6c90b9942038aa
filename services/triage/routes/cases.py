"""Routes of triage: read a case, a queue or the taxonomy, and decide a case."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.triage.domain import DecideCase
from services.triage.routes.schemas import CaseView, QueueView, TaxonomyView, TriageDecisionForm
from services.triage.rulebook import TriageRulebook
from services.triage.store.cases import select_case, select_queue
from shared.auth import Client, require_scope
from shared.contracts.envelope import ComplaintId
from shared.errors import NotFound, Rejected
from shared.runtime import Runtime


def routes(runtime: Runtime, rulebook: TriageRulebook) -> APIRouter:
    """Build the router. Reading needs `complaints:read`, deciding a case needs `cases:decide`."""
    router = APIRouter(prefix="/v1", tags=["triage"])
    reader = Depends(require_scope("complaints:read"))
    taxonomy_view = TaxonomyView.of(rulebook)

    @router.get("/cases/{complaint_id}", dependencies=[reader])
    async def case(complaint_id: UUID) -> CaseView:
        """Return the category, severity, handler and level of a complaint, with the reasons."""
        state = await select_case(runtime.pool, complaint_id)
        if state is None or not state.received:
            raise NotFound
        return CaseView.of(state)

    @router.get("/queue", dependencies=[reader])
    async def queue(
        team: Annotated[str, Query(max_length=60)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> QueueView:
        """Return open cases of a team: highest severity first, then oldest."""
        if team not in rulebook.teams:
            raise Rejected(f"team: expected one of {', '.join(rulebook.teams)}")
        states = await select_queue(runtime.pool, team, limit=limit, offset=offset)
        return QueueView(team=team, cases=[CaseView.of(state) for state in states])

    @router.get("/taxonomy", dependencies=[reader])
    async def taxonomy() -> TaxonomyView:
        """Return categories, teams and the version of the rulebook."""
        return taxonomy_view

    @router.post("/cases/{complaint_id}/decision")
    async def decision(
        complaint_id: UUID,
        form: TriageDecisionForm,
        client: Annotated[Client, Depends(require_scope("cases:decide"))],
    ) -> CaseView:
        """Decide category, severity or handler of a case; it moves to the team that owns the category."""
        command = DecideCase(
            ComplaintId(complaint_id),
            by=client.name,
            category=form.category,
            severity=form.severity,
            handler=form.handler,
        )
        state = (await runtime.submit(command)).state
        if state is None:
            raise NotFound
        return CaseView.of(state)

    return router

"""Endpoints for reading: one complaint by id or by reference, and its timeline."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer

from services.intake import store
from services.intake.domain import IntakeState
from services.intake.domain.reference import InvalidReference, parse_reference
from services.intake.forms import field_error
from services.intake.routes import responses
from shared.auth import require_scope
from shared.errors import NotFound
from shared.runtime import Runtime

READ = "complaints:read"
Internal = Annotated[bool, Query(description="Include entries not shown to the customer, such as notes of handlers.")]


def query_routes(runtime: Runtime) -> APIRouter:
    """Return the routes for reading. They require the scope complaints:read."""
    dependencies = [Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))]
    router = APIRouter(prefix="/v1/complaints", tags=["read complaints"], dependencies=dependencies)

    @router.get("/by-reference/{reference}", summary="Get a complaint by the reference that the customer has")
    async def by_reference(reference: str) -> responses.ComplaintView:
        try:
            canonical = parse_reference(reference)
        except InvalidReference as error:
            raise field_error("reference", error.expected, "not_a_reference") from None
        return responses.to_view(_required(await store.find_by_reference(runtime.pool, canonical)))

    @router.get("/{complaint_id}", summary="Get a complaint")
    async def by_id(complaint_id: UUID) -> responses.ComplaintView:
        return responses.to_view(_required(await store.find_by_id(runtime.pool, complaint_id)))

    @router.get("/{complaint_id}/timeline", summary="Get the timeline of a complaint in plain sentences, oldest first")
    async def timeline(complaint_id: UUID, *, internal: Internal = False) -> responses.Timeline:
        state = _required(await store.find_by_id(runtime.pool, complaint_id))
        entries = await store.load_timeline(runtime.pool, complaint_id, internal=internal)
        view = responses.to_view(state)
        return responses.Timeline(
            id=view.id,
            reference=view.reference,
            status=view.status,
            entries=[responses.to_timeline_line(entry, state.customer.timezone) for entry in entries],
        )

    return router


def _required(state: IntakeState | None) -> IntakeState:
    if state is None:
        raise NotFound
    return state

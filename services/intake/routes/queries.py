"""The doors for readers: one complaint by id or by reference, and its story."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer

from services.intake import store
from services.intake.domain import IntakeState
from services.intake.domain.reference import NotAReference, parse
from services.intake.forms import invalid
from services.intake.routes import responses
from shared.auth import require_scope
from shared.errors import NotFound
from shared.runtime import Runtime

READ = "complaints:read"
Internal = Annotated[bool, Query(description="Also what the customer is not shown, such as notes of handlers.")]


def reading(runtime: Runtime) -> APIRouter:
    """All of them need the scope complaints:read."""
    known = [Depends(require_scope(READ)), Depends(HTTPBearer(auto_error=False))]
    router = APIRouter(prefix="/v1/complaints", tags=["read"], dependencies=known)

    @router.get("/by-reference/{reference}", summary="A complaint by the reference that the customer was told")
    async def by_reference(reference: str) -> responses.ComplaintView:
        try:
            canonical = parse(reference)
        except NotAReference as error:
            raise invalid("reference", error.expected, "not_a_reference") from None
        return responses.record(await _found(runtime.pool, store.SELECT_BY_REFERENCE, canonical))

    @router.get("/{complaint_id}", summary="A complaint as it stands")
    async def by_id(complaint_id: UUID) -> responses.ComplaintView:
        return responses.record(await _found(runtime.pool, store.SELECT_BY_ID, complaint_id))

    @router.get("/{complaint_id}/timeline", summary="Its story in plain sentences, from the beginning")
    async def timeline(complaint_id: UUID, *, internal: Internal = False) -> responses.Timeline:
        state = await _found(runtime.pool, store.SELECT_BY_ID, complaint_id)
        entries = await store.load_timeline(runtime.pool, complaint_id, internal=internal)
        record = responses.record(state)
        return responses.Timeline(
            id=record.id,
            reference=record.reference,
            status=record.status,
            entries=[responses.line(entry, state.customer.timezone) for entry in entries],
        )

    return router


async def _found(pool: asyncpg.Pool, sql: str, what: UUID | str) -> IntakeState:
    state = await store.find(pool, sql, what)
    if state is None:
        raise NotFound
    return state

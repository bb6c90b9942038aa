"""Routes of notify: list the messages of a complaint, and preview a message."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic_core import from_json

from services.notify.routes.sample import build_sample
from services.notify.routes.schemas import MessageView, PreviewRequest
from services.notify.store.messages import select_messages
from services.notify.templates import Renderer
from shared.auth import Client, require_scope
from shared.errors import NotFound
from shared.runtime import Runtime


def routes(runtime: Runtime, renderer: Renderer) -> APIRouter:
    """Build the router. The list of messages needs `complaints:read`, a preview needs `operate`."""
    router = APIRouter(prefix="/v1", tags=["messages"])
    reader = Annotated[Client, Depends(require_scope("complaints:read"))]
    operator = Annotated[Client, Depends(require_scope("operate"))]

    @router.get(
        "/complaints/{complaint_id}/messages",
        summary="List the messages to the customer, with all attempts",
        response_model=list[MessageView],
    )
    async def messages(client: reader, complaint_id: UUID) -> list[dict[str, Any]]:
        del client
        rows = await select_messages(runtime.pool, complaint_id)
        if rows is None:
            raise NotFound
        return [{**row, "attempts": from_json(row["attempts"])} for row in rows]

    @router.post("/preview", summary="Preview a message with sample data, as HTML", response_class=HTMLResponse)
    async def preview(client: operator, request: PreviewRequest) -> HTMLResponse:
        del client
        message = renderer.render(request.kind, build_sample(request.timezone), request.locale)
        return HTMLResponse(message.html, headers={"content-language": message.locale, "x-template": message.template})

    return router

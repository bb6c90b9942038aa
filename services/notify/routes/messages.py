"""The doors of notify: what was told to a customer and how, and how a message would look."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import from_json

from services.notify.domain import Content
from services.notify.store import states
from services.notify.templates import Renderer
from shared.auth import Client, require_scope
from shared.contracts.events import MessageKind, Redress
from shared.errors import NotFound
from shared.runtime import Runtime
from shared.text import LINE_PATTERN

SHOWN = datetime(2031, 5, 5, 9, 30, tzinfo=UTC)  # any Monday; samples are always the same


class AttemptView(BaseModel):
    """One try to hand a message over. `code` is the provider's number, or our word for a broken line."""

    number: int
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    outcome: str | None = Field(description="sent, failed_transient, failed_permanent, uncertain; null while running.")
    code: str | None
    after_uncertain: bool = Field(description="Sent again because nobody knew whether the one before arrived.")


class MessageView(BaseModel):
    """One message to one person; never its address or words."""

    message_id: UUID
    kind: str
    channel: str
    recipient: str
    status: str
    reason: str | None
    locale: str
    written_in: str | None
    template: str | None
    states_promise: int | None
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    attempts: list[AttemptView]


class PreviewRequest(BaseModel):
    """Which message to show, in which language and for which time zone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "acknowledgement", "locale": "id", "timezone": "Asia/Jakarta"}]},
    )

    kind: MessageKind
    locale: str = Field(default="en", max_length=35, pattern=LINE_PATTERN, description="BCP 47, e.g. zh-Hant.")
    timezone: str | None = Field(default=None, max_length=64, pattern=LINE_PATTERN, description="IANA zone.")


def routes(runtime: Runtime, printer: Renderer) -> APIRouter:
    """Reading needs complaints:read; previews are for operators."""
    router = APIRouter(prefix="/v1", tags=["messages"])
    reader = Annotated[Client, Depends(require_scope("complaints:read"))]
    operator = Annotated[Client, Depends(require_scope("operate"))]

    @router.get(
        "/complaints/{complaint_id}/messages",
        summary="What was told to the customer, with every attempt",
        response_model=list[MessageView],
    )
    async def messages(client: reader, complaint_id: UUID) -> list[dict[str, Any]]:
        del client
        rows = await states.load_messages(runtime.pool, complaint_id)
        if rows is None:
            raise NotFound
        return [{**row, "attempts": from_json(row["attempts"])} for row in rows]

    @router.post("/preview", summary="A message with sample data, as HTML", response_class=HTMLResponse)
    async def preview(client: operator, asked: PreviewRequest) -> HTMLResponse:
        del client
        letter = printer.print(asked.kind, sample(asked.timezone), asked.locale)
        return HTMLResponse(letter.html, headers={"content-language": letter.locale, "x-template": letter.template})

    return router


def sample(timezone: str | None = None) -> Content:
    """Content with every field filled, of no real case."""
    return Content(
        reference="RD-SAMPLE",
        received_at=SHOWN,
        name="Customer 12",
        timezone=timezone,
        subject="The kettle arrived broken",
        expected_outcome="A new kettle before the weekend",
        category=("product_quality",),
        team="products",
        handler="Handler 3",
        due_at=SHOWN + timedelta(days=4, hours=2),
        next_update_at=SHOWN + timedelta(days=3),
        action_at=SHOWN + timedelta(days=9),
        old_due_at=SHOWN + timedelta(days=2),
        reasons=("supplier_delay", "investigation"),
        words="We have spoken to the maker.\nA new lid is on its way to you.",
        progress="awaiting_third_party",
        silent_since=SHOWN - timedelta(days=14),
        letter="sample:delay",
        recourse=True,
        repeats=True,
        outcome="upheld",
        redress=(Redress(kind="replacement"), Redress(kind="goodwill", amount=Decimal("15.50"), currency="EUR")),
    )

"""Request and response bodies of notify."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.events import MessageKind
from shared.text import LINE_PATTERN


class AttemptView(BaseModel):
    """Attempt to send a message. `code` is the number of the provider's reply, or a code for a failed connection."""

    number: int
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    outcome: str | None = Field(description="sent, failed_transient, failed_permanent, uncertain; null while running.")
    code: str | None
    after_uncertain: bool = Field(description="Sent again, because the attempt before was uncertain.")


class MessageView(BaseModel):
    """Message to one person, without address and text."""

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
    """Kind of message to show, with language and time zone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "acknowledgement", "locale": "id", "timezone": "Asia/Jakarta"}]},
    )

    kind: MessageKind
    locale: str = Field(default="en", max_length=35, pattern=LINE_PATTERN, description="BCP 47, e.g. zh-Hant.")
    timezone: str | None = Field(default=None, max_length=64, pattern=LINE_PATTERN, description="IANA zone.")

"""What was told to people, as notify says it."""

from typing import Literal

from pydantic import AwareDatetime

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import MessageKind


class _Message(Fact):
    message: str
    message_kind: MessageKind
    channel: Literal["email"]
    cause: str  # id of the event that made us write
    recipient: str = "customer"  # party id


class MessageAccepted(_Message):
    """The provider took it. Not the same as delivered."""

    kind = "message.accepted"
    accepted_at: AwareDatetime
    locale: str
    template: str
    states_promise: int | None = None
    attempts: int = 1
    letter: str | None = None  # `pack:letter` where the message is one that a regulator's rule asks for


class MessageDelivered(_Message):
    """The provider says it arrived."""

    kind = "message.delivered"


class MessageBounced(_Message):
    """It came back."""

    kind = "message.bounced"
    hard: bool
    code: str


class MessageFailed(_Message):
    """We gave up trying."""

    kind = "message.failed"
    reason: str
    attempts: int


class MessageSuppressed(_Message):
    """We must not, or cannot, write to this address."""

    kind = "message.suppressed"
    reason: str

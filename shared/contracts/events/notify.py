"""Events published by notify: what happened to messages to customers."""

from typing import Literal

from pydantic import AwareDatetime

from shared.contracts.envelope import Fact
from shared.contracts.events.vocabulary import MessageKind


class _Message(Fact):
    message: str
    message_kind: MessageKind
    channel: Literal["email"]
    cause: str  # id of the event that caused the message
    recipient: str = "customer"  # party id


class MessageAccepted(_Message):
    """The provider has accepted the message. It may not be delivered yet."""

    kind = "message.accepted"
    accepted_at: AwareDatetime
    locale: str
    template: str
    states_promise: int | None = None
    attempts: int = 1
    letter: str | None = None  # `pack:letter` if a regulator's rule requires the message


class MessageDelivered(_Message):
    """The provider has reported the delivery of the message. Reserved: no service publishes it yet."""

    kind = "message.delivered"


class MessageBounced(_Message):
    """The message came back after it was accepted. Reserved: no service publishes it yet."""

    kind = "message.bounced"
    hard: bool
    code: str


class MessageFailed(_Message):
    """The message could not be sent and is not tried again."""

    kind = "message.failed"
    reason: str
    attempts: int


class MessageSuppressed(_Message):
    """The message was not sent, because the address must not or cannot be used."""

    kind = "message.suppressed"
    reason: str

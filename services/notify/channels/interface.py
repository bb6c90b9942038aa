"""Interface of a channel, with the types of its input and output."""

from dataclasses import dataclass, field
from typing import Protocol

from services.notify.domain.state import AttemptOutcome


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A rendered message to one address. `message_id` stays the same over all attempts."""

    message_id: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Outcome of one attempt. `code` is the provider's number or a code of notify, never the provider's text.

    The text may contain names or addresses.
    """

    outcome: AttemptOutcome
    code: str


class Channel(Protocol):
    """Connection to a provider. `send` never raises for errors of a provider or of the network; it reports them."""

    async def send(self, message: OutgoingMessage) -> DeliveryReport:
        """Attempt to send one message, within a bounded time."""

    async def close(self) -> None:
        """Close all connections."""

"""What every channel takes and gives, so that the sender and the tests know no other word for it."""

from dataclasses import dataclass, field
from typing import Protocol

from services.notify.domain.state import AttemptOutcome


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One letter for one address. `message_id` stays the same over all attempts."""

    message_id: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one attempt. `code` is the provider's number or our word, never its text: that may name people."""

    outcome: AttemptOutcome
    code: str


class Channel(Protocol):
    """A provider. `send` never raises for what a provider or network does; it reports."""

    async def send(self, letter: OutgoingMessage) -> DeliveryReport:
        """Hand one letter over, within a bounded time."""

    async def close(self) -> None:
        """Let go of all connections."""

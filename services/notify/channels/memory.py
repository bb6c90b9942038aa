"""A channel without a network: remembers what it was given and answers as it was told.

It passes the same conformance suite as the real one, so that a test may use either.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.mime import SenderAddress, seal
from shared.errors import Rejected

TAKEN = DeliveryReport("sent", "250")


class MemoryChannel:
    """Takes everything, except where `answers` says otherwise for an address."""

    def __init__(self, sender: SenderAddress, answers: Mapping[str, DeliveryReport] | None = None) -> None:
        self.taken: list[OutgoingMessage] = []
        self.closed = False
        self._sender = sender
        self._answers = dict(answers or {})

    async def send(self, letter: OutgoingMessage) -> DeliveryReport:
        """The answer for that address; refuses what could not be a mail, as the real one does."""
        try:
            seal(letter, self._sender, datetime.now(UTC))
        except Rejected as refusal:
            return DeliveryReport("failed_permanent", f"rejected {refusal.detail.partition(':')[0]}")
        answer = self._answers.get(letter.to, TAKEN)
        if answer.outcome in ("sent", "uncertain"):
            self.taken.append(letter)
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""
        self.closed = True

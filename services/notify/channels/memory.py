"""A channel without a network: remembers what it was given and answers as it was told.

It passes the same conformance suite as the real one, so that a test may use either.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.notify.channels.interface import Outgoing, Report
from services.notify.channels.mime import Sender, seal
from shared.errors import Rejected

TAKEN = Report("sent", "250")


class MemoryChannel:
    """Takes everything, except where `answers` says otherwise for an address."""

    def __init__(self, sender: Sender, answers: Mapping[str, Report] | None = None) -> None:
        self.taken: list[Outgoing] = []
        self.closed = False
        self._sender = sender
        self._answers = dict(answers or {})

    async def send(self, letter: Outgoing) -> Report:
        """The answer for that address; refuses what could not be a mail, as the real one does."""
        try:
            seal(letter, self._sender, datetime.now(UTC))
        except Rejected as refusal:
            return Report("failed_permanent", f"rejected {refusal.detail.partition(':')[0]}")
        answer = self._answers.get(letter.to, TAKEN)
        if answer.outcome in ("sent", "uncertain"):
            self.taken.append(letter)
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""
        self.closed = True

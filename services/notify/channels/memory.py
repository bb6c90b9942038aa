"""Channel without a network for tests: keeps the messages and returns the reports it was configured with.

It passes the same conformance suite as the SMTP channel, so that a test may use either.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.mime import SenderAddress, build_message
from shared.errors import Rejected

SENT = DeliveryReport("sent", "250")


class MemoryChannel:
    """Channel that accepts every message, except where `reports` has another report for its address."""

    def __init__(self, sender: SenderAddress, reports: Mapping[str, DeliveryReport] | None = None) -> None:
        self.sent: list[OutgoingMessage] = []
        self.closed = False
        self._sender = sender
        self._reports = dict(reports or {})

    async def send(self, message: OutgoingMessage) -> DeliveryReport:
        """Return the report for that address; rejects the same messages as the SMTP channel."""
        try:
            build_message(message, self._sender, datetime.now(UTC))
        except Rejected as rejection:
            return DeliveryReport("failed_permanent", f"rejected {rejection.detail.partition(':')[0]}")
        report = self._reports.get(message.to, SENT)
        if report.outcome in ("sent", "uncertain"):
            self.sent.append(message)
        return report

    async def close(self) -> None:
        """Mark the channel as closed."""
        self.closed = True

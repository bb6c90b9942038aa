"""SMTP channel: sends step by step, because the meaning of a failure depends on the step.

A connection lost before the message's last byte was written means that the message was not accepted
(`failed_transient`). Lost after that, the outcome is unknown (`uncertain`). A reply decides: 2xx accepted, 4xx refused
for now, 5xx refused for good. Source: RFC 5321 sections 4.2 and 6.1.

A recipient whose local part is not ASCII needs a server that offers SMTPUTF8 (RFC 6531). Without that the attempt fails
for good, as `smtputf8_not_offered`: the address is right, this server cannot transport it.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiosmtplib

from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.mime import SenderAddress, SmtpMessage, build_message
from services.notify.channels.smtp_pool import SmtpConnection, SmtpPool, SmtpServer
from services.notify.channels.smtp_session import SmtpReply
from shared.errors import Rejected

SMTPUTF8_NOT_OFFERED: Final = "smtputf8_not_offered"
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_STEPS: Final = ("mail", "rcpt", "data")
_NETWORK: Final = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError)


@dataclass(slots=True)
class _Progress:
    """Step that an attempt has reached; `message_written` once the whole message was written to the connection."""

    step: str = "connect"
    message_written: bool = False

    def report_failure(self, code: str) -> DeliveryReport:
        """Report of a failure without a final reply to the message."""
        return DeliveryReport("uncertain" if self.message_written else "failed_transient", f"{code} {self.step}")


class SmtpChannel:
    """SMTP with pooled connections. `now` returns the time for the Date header."""

    def __init__(
        self, server: SmtpServer, sender: SenderAddress, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._pool = SmtpPool(server)

    async def send(self, message: OutgoingMessage) -> DeliveryReport:
        """Attempt to send one message. Reports errors of server or network and never raises them."""
        try:
            encoded = build_message(message, self._sender, self._now())
        except Rejected as rejection:
            return DeliveryReport("failed_permanent", f"rejected {rejection.detail.partition(':')[0]}")
        report = await self._attempt(encoded, fresh=False)
        if report.code == "disconnected mail":  # a pooled connection was closed unnoticed; the server has got nothing
            return await self._attempt(encoded, fresh=True)
        return report

    async def close(self) -> None:
        """Close all idle connections with QUIT."""
        await self._pool.close()

    async def _attempt(self, message: SmtpMessage, *, fresh: bool) -> DeliveryReport:
        progress = _Progress()
        try:
            async with asyncio.timeout(2 * self._server.timeout), self._pool.acquire(fresh=fresh) as connection:
                return await self._transmit(connection, message, progress)
        except aiosmtplib.SMTPResponseException as error:
            return progress.report_failure(str(error.code))
        except _NETWORK as error:
            return progress.report_failure("timeout" if isinstance(error, TimeoutError) else "disconnected")

    async def _transmit(self, connection: SmtpConnection, message: SmtpMessage, progress: _Progress) -> DeliveryReport:
        """Send MAIL, RCPT, DATA and the message; the first refusal ends it and leaves the connection usable."""
        if message.needs_smtputf8 and not connection.offers_smtputf8:
            return DeliveryReport("failed_permanent", SMTPUTF8_NOT_OFFERED)
        refusal = await self._send_envelope(connection, message, progress)
        if refusal is not None:
            await self._reset(connection, refusal)
            return _report_refusal(refusal)
        progress.step, progress.message_written = "body", connection.is_open
        body = message.body.replace(b"\r\n.", b"\r\n..")  # the first line is a header, so no dot is missed
        (reply,) = await connection.session.request(body + b".\r\n", within=self._server.timeout)
        connection.messages += 1
        if reply.code >= 400:
            connection.broken = reply.code == 421  # the server closes the connection
            return _report_refusal(reply)
        return DeliveryReport("sent", str(reply.code))

    async def _send_envelope(
        self, connection: SmtpConnection, message: SmtpMessage, progress: _Progress
    ) -> SmtpReply | None:
        """Send MAIL, RCPT and DATA, at once if the server allows it; return the first refusal."""
        commands = _envelope_commands(connection, message)
        if connection.offers_pipelining:
            return await self._pipeline(connection, b"".join(commands), progress)
        for progress.step, command in zip(_STEPS, commands, strict=True):
            (reply,) = await connection.session.request(command, within=self._server.timeout)
            if reply.code >= 400:
                return reply
        return None

    async def _pipeline(self, connection: SmtpConnection, commands: bytes, progress: _Progress) -> SmtpReply | None:
        session, timeout = connection.session, self._server.timeout
        try:
            replies = await session.request(commands, replies=len(_STEPS), within=timeout)
        finally:
            progress.step = _STEPS[min(len(session.replies), len(_STEPS) - 1)]  # the first step without a reply
        refusals = [reply for reply in replies if reply.code >= 400]
        # A server may refuse the recipient and still accept DATA. It then waits for a message, so an empty one is
        # sent: RFC 2920 section 3.1. The refusal of the recipient stays valid whatever the reply is.
        if refusals and replies[-1].code < 400:
            try:
                await session.request(b"\r\n.\r\n", within=timeout)
            except _NETWORK:
                connection.broken = True
        return refusals[0] if refusals else None

    async def _reset(self, connection: SmtpConnection, refusal: SmtpReply) -> None:
        connection.broken = connection.broken or refusal.code == 421 or not connection.is_open
        if not connection.broken:
            try:
                await connection.session.request(b"RSET\r\n", within=self._server.timeout)
            except _NETWORK:
                connection.broken = True


def _envelope_commands(connection: SmtpConnection, message: SmtpMessage) -> tuple[bytes, bytes, bytes]:
    """Commands before the message. SMTPUTF8 requires 8BITMIME of a server (RFC 6531 section 3.1), so both are used."""
    parameters = f" SIZE={len(message.body)}" if connection.offers_size else ""
    if message.needs_smtputf8:
        parameters += " BODY=8BITMIME SMTPUTF8"
    mail = f"MAIL FROM:<{message.sender}>{parameters}\r\n"
    return mail.encode("ascii"), f"RCPT TO:<{message.recipient}>\r\n".encode(), b"DATA\r\n"


def _report_refusal(reply: SmtpReply) -> DeliveryReport:
    """Report a refusal: 4xx is transient, 5xx permanent. The code includes RFC 3463's enhanced code if present."""
    enhanced = _ENHANCED.search(reply.message)
    code = f"{reply.code} {enhanced[0]}" if enhanced else str(reply.code)
    return DeliveryReport("failed_permanent" if reply.code >= 500 else "failed_transient", code)

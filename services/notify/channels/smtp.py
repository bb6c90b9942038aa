"""Mail over SMTP, step by step, because what a failure means depends on the step.

Before the message's last byte has left, a broken line means it was not taken (`failed_transient`); after that, silence
means nobody knows (`uncertain`). A reply is a reply: 2xx taken, 4xx later, 5xx never.
Source: RFC 5321 sections 4.2 and 6.1.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiosmtplib

from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.mime import SenderAddress, SmtpMessage, seal
from services.notify.channels.smtp_pool import SmtpConnection, SmtpPool, SmtpServer
from services.notify.channels.smtp_session import SmtpReply
from shared.errors import Rejected

_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_STEPS: Final = ("mail", "rcpt", "data")
_NETWORK: Final = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError)


@dataclass(slots=True)
class _Step:
    """How far a hand-over has come; `handed_over` once the whole message was written."""

    name: str = "connect"
    handed_over: bool = False


class SmtpChannel:
    """SMTP with pooled connections. `now` gives the Date header."""

    def __init__(
        self, server: SmtpServer, sender: SenderAddress, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._pool = SmtpPool(server)

    async def send(self, letter: OutgoingMessage) -> DeliveryReport:
        """Hand one letter over. Reports, and never raises for what server or network do."""
        try:
            envelope = seal(letter, self._sender, self._now())
        except Rejected as refusal:
            return DeliveryReport("failed_permanent", f"rejected {refusal.detail.partition(':')[0]}")
        report = await self._attempt(envelope, fresh=False)
        if report.code == "disconnected mail":  # a pooled connection had died unseen; nothing was handed over
            return await self._attempt(envelope, fresh=True)
        return report

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._pool.close()

    async def _attempt(self, envelope: SmtpMessage, *, fresh: bool) -> DeliveryReport:
        step = _Step()
        try:
            async with asyncio.timeout(2 * self._server.timeout), self._pool.lend(fresh=fresh) as connection:
                return await self._hand_over(connection, envelope, step)
        except aiosmtplib.SMTPResponseException as error:
            return DeliveryReport("uncertain" if step.handed_over else "failed_transient", f"{error.code} {step.name}")
        except _NETWORK as error:
            word = "timeout" if isinstance(error, TimeoutError) else "disconnected"
            return DeliveryReport("uncertain" if step.handed_over else "failed_transient", f"{word} {step.name}")

    async def _hand_over(self, connection: SmtpConnection, envelope: SmtpMessage, step: _Step) -> DeliveryReport:
        """MAIL, RCPT, DATA, message; the first refusal ends it and leaves the connection usable."""
        refusal = await self._announce(connection, envelope, step)
        if refusal is not None:
            return await self._refused(connection, refusal)
        step.name, step.handed_over = "body", connection.is_open
        body = envelope.body.replace(b"\r\n.", b"\r\n..")  # its first line is a header, so none is missed
        (reply,) = await connection.dialogue.ask(body + b".\r\n", within=self._server.timeout)
        connection.sent += 1
        if reply.code >= 400:
            connection.broken = reply.code == 421  # the server said goodbye
            return _refusal(reply)
        return DeliveryReport("sent", str(reply.code))

    async def _announce(self, connection: SmtpConnection, envelope: SmtpMessage, step: _Step) -> SmtpReply | None:
        """Everything before the message, at once where the server allows it; the first refusal, if there is one."""
        size = f" SIZE={len(envelope.body)}" if connection.sized else ""
        commands = (f"MAIL FROM:<{envelope.sender}>{size}\r\n", f"RCPT TO:<{envelope.recipient}>\r\n", "DATA\r\n")
        if connection.pipelines:
            return await self._announce_at_once(connection, "".join(commands).encode("ascii"), step)
        for step.name, command in zip(_STEPS, commands, strict=True):
            (reply,) = await connection.dialogue.ask(command.encode("ascii"), within=self._server.timeout)
            if reply.code >= 400:
                return reply
        return None

    async def _announce_at_once(self, connection: SmtpConnection, octets: bytes, step: _Step) -> SmtpReply | None:
        dialogue, wait = connection.dialogue, self._server.timeout
        try:
            replies = await dialogue.ask(octets, wanted=len(_STEPS), within=wait)
        finally:
            step.name = _STEPS[min(len(dialogue.replies), len(_STEPS) - 1)]  # the one that was not answered
        refusals = [reply for reply in replies if reply.code >= 400]
        if refusals and replies[-1].code < 400:  # it waits for a message that nobody will get: RFC 2920 section 3.1
            try:
                await dialogue.ask(b"\r\n.\r\n", within=wait)
            except _NETWORK:
                connection.broken = True  # what it said of the recipient stands
        return refusals[0] if refusals else None

    async def _refused(self, connection: SmtpConnection, refusal: SmtpReply) -> DeliveryReport:
        connection.broken = connection.broken or refusal.code == 421 or not connection.is_open
        if not connection.broken:
            try:
                await connection.dialogue.ask(b"RSET\r\n", within=self._server.timeout)
            except _NETWORK:
                connection.broken = True
        return _refusal(refusal)


def _refusal(response: SmtpReply) -> DeliveryReport:
    """4xx passes, 5xx does not. The code keeps RFC 3463's three numbers where the server gave them."""
    enhanced = _ENHANCED.search(response.message)
    code = f"{response.code} {enhanced[0]}" if enhanced else str(response.code)
    return DeliveryReport("failed_permanent" if response.code >= 500 else "failed_transient", code)

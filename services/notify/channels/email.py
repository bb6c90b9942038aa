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

from services.notify.channels.mime import Envelope, Sender, seal
from services.notify.channels.pool import Connection, Pool, Server
from services.notify.channels.port import Outgoing, Report
from shared.errors import Rejected

_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_DOT_LINE: Final = re.compile(rb"(?m)^\.")
_NETWORK: Final = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError)


@dataclass(slots=True)
class _Step:
    """How far a hand-over has come; `handed_over` once the whole message was written."""

    name: str = "connect"
    handed_over: bool = False


class EmailChannel:
    """SMTP with pooled connections. `now` gives the Date header."""

    def __init__(
        self, server: Server, sender: Sender, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._pool = Pool(server)

    async def send(self, letter: Outgoing) -> Report:
        """Hand one letter over. Reports, and never raises for what server or network do."""
        try:
            envelope = seal(letter, self._sender, self._now())
        except Rejected as refusal:
            return Report("failed_permanent", f"rejected {refusal.detail.partition(':')[0]}")
        report = await self._attempt(envelope, fresh=False)
        if report.code == "disconnected mail":  # a pooled connection had died unseen; nothing was handed over
            return await self._attempt(envelope, fresh=True)
        return report

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._pool.close()

    async def _attempt(self, envelope: Envelope, *, fresh: bool) -> Report:
        step = _Step()
        try:
            async with asyncio.timeout(2 * self._server.timeout), self._pool.lend(fresh=fresh) as connection:
                return await self._hand_over(connection, envelope, step)
        except aiosmtplib.SMTPResponseException as error:
            return Report("uncertain" if step.handed_over else "failed_transient", f"{error.code} {step.name}")
        except _NETWORK as error:
            word = "timeout" if isinstance(error, TimeoutError) else "disconnected"
            return Report("uncertain" if step.handed_over else "failed_transient", f"{word} {step.name}")

    async def _hand_over(self, connection: Connection, envelope: Envelope, step: _Step) -> Report:
        """MAIL, RCPT, DATA, message; the first refusal ends it and leaves the connection usable."""
        client, wait = connection.client, self._server.timeout
        size = [f"SIZE={len(envelope.body)}".encode()] if client.supports_extension("size") else []
        commands = (
            ("mail", [f"MAIL FROM:<{envelope.sender}>".encode(), *size]),
            ("rcpt", [f"RCPT TO:<{envelope.recipient}>".encode()]),
            ("data", [b"DATA"]),
        )
        for name, words in commands:
            step.name = name
            response = await client.execute_command(*words, timeout=wait)
            if response.code >= 400:
                return await self._refused(connection, response, wait)
        step.name = "body"
        response = await self._write(client, envelope.body, step, wait)
        connection.sent += 1
        if response.code >= 400:
            connection.broken = response.code == 421  # the server said goodbye
            return _refusal(response)
        return Report("sent", str(response.code))

    async def _refused(self, connection: Connection, response: aiosmtplib.SMTPResponse, wait: float) -> Report:
        connection.broken = response.code == 421 or not connection.client.is_connected
        if not connection.broken:
            try:
                await connection.client.rset(timeout=wait)
            except _NETWORK:
                connection.broken = True
        return _refusal(response)

    async def _write(self, client: aiosmtplib.SMTP, body: bytes, step: _Step, wait: float) -> aiosmtplib.SMTPResponse:
        protocol = client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        protocol.write(_DOT_LINE.sub(b"..", body) + b".\r\n")
        step.handed_over = True
        return await protocol.read_response(timeout=wait)


def _refusal(response: aiosmtplib.SMTPResponse) -> Report:
    """4xx passes, 5xx does not. The code keeps RFC 3463's three numbers where the server gave them."""
    enhanced = _ENHANCED.search(response.message)
    code = f"{response.code} {enhanced[0]}" if enhanced else str(response.code)
    return Report("failed_permanent" if response.code >= 500 else "failed_transient", code)

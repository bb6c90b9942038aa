"""Mail servers for tests: aiosmtpd for replies of servers, a scripted one for failing connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from services.notify.channels.smtp_pool import SmtpServer

REPLIES = {
    "later@example.com": ("rcpt", "450 4.2.1 try again"),
    "full@example.com": ("rcpt", "452 4.2.2 mailbox full, says customer@example.com"),
    "never@example.com": ("rcpt", "550 5.1.1 no such user"),
    "policy@example.com": ("data", "554 5.7.1 refused"),
    "greylist@example.com": ("data", "451 4.7.1 come back later"),
}


@dataclass
class Office:
    """Mail that arrived at an aiosmtpd, and the port of that server."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: int = 0
    commands: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    def server(self, **changes: Any) -> SmtpServer:
        return SmtpServer(**({"host": "127.0.0.1", "port": self.port, "timeout": 10.0} | changes))

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"].addresses[0].addr_spec == address]

    # aiosmtpd's hooks

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        step, reply = REPLIES.get(address, ("", ""))
        if step == "rcpt":
            return reply
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        step, reply = REPLIES.get(envelope.rcpt_tos[0], ("", ""))
        if step == "data":
            return reply
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    async def handle_NOOP(self, server, session, envelope, arg):  # noqa: N802
        self.commands.append("NOOP")
        return "250 OK"


@asynccontextmanager
async def post_office() -> AsyncIterator[Office]:
    """Run an aiosmtpd on a free local port."""
    office = Office()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(office, hostname="post.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    office.port = listening.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        listening.close()


@dataclass
class Line:
    """Scripted server: it replies to each step, and fails at the step `at` in the way `how`."""

    at: str
    how: str  # hang, close, half_close
    port: int = 0
    connections: int = 0
    bodies: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    only_first: bool = False
    pipelines: bool = False
    extensions: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    refuses: bytes = b""  # the reply to RCPT, where it is not a welcome

    def server(self, timeout: float = 1.0) -> SmtpServer:
        return SmtpServer(host="127.0.0.1", port=self.port, timeout=timeout)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await self._breaks("connect", writer):
            return
        writer.write(b"220 line\r\n")
        while text := (await reader.readuntil(b"\r\n")).decode().strip():
            self.commands.append(text)
            command = text[:4].lower()
            if await self._breaks(command, writer):
                return
            writer.write(self._reply(command))
            if command == "data":
                await reader.readuntil(b"\r\n.\r\n")
                self.bodies += 1
                if await self._breaks("body", writer):
                    return
                writer.write(b"250 taken\r\n")
            if command == "quit":
                return

    def _reply(self, command: str) -> bytes:
        if command == "ehlo":
            offers = ("line", *self.extensions, *(["PIPELINING"] if self.pipelines else []))
            return "".join(f"250{'-' * (offer is not offers[-1]) or ' '}{offer}\r\n" for offer in offers).encode()
        if command == "rcpt" and self.refuses:
            return self.refuses
        return {"data": b"354 go on\r\n", "quit": b"221 bye\r\n"}.get(command, b"250 ok\r\n")

    async def _breaks(self, step: str, writer: asyncio.StreamWriter) -> bool:
        if step != self.at or (self.only_first and self.connections > 1):
            return False
        if self.how == "hang":
            await self.released.wait()
        elif self.how == "half_close" and writer.can_write_eof():
            writer.write_eof()
            await self.released.wait()
        return True


@asynccontextmanager
async def line(at: str, how: str, **changes: Any) -> AsyncIterator[Line]:
    """Run a server on a free port that fails at a step: connect, ehlo, mail, rcpt, data or body."""
    script = Line(at, how, **changes)
    listening = await asyncio.start_server(script.talk, "127.0.0.1", 0)
    script.port = listening.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        script.released.set()
        listening.close()

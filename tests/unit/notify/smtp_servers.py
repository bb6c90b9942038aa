"""SMTP servers for tests: an aiosmtpd that records mails, and a scripted one that loses connections."""

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
class MailServer:
    """Mails, sessions and commands that an aiosmtpd has received, and the port of that server."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: int = 0
    commands: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    def settings(self, **changes: Any) -> SmtpServer:
        return SmtpServer(**({"host": "127.0.0.1", "port": self.port, "timeout": 10.0} | changes))

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"].addresses[0].addr_spec == address]

    # hooks of aiosmtpd

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
async def run_mail_server() -> AsyncIterator[MailServer]:
    """Run an aiosmtpd on a free local port."""
    mail_server = MailServer()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(mail_server, hostname="post.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    mail_server.port = listener.sockets[0].getsockname()[1]
    try:
        yield mail_server
    finally:
        listener.close()


@dataclass
class ScriptedServer:
    """SMTP server that replies to each command and loses the connection at one step.

    `lost_at` is the step: connect, ehlo, mail, rcpt, data or body; empty: no connection is lost. `how` is the way:
    close (both directions), half_close (the direction to the client) or hang (no reply, the connection stays open).
    """

    lost_at: str = ""
    how: str = "close"
    port: int = 0
    connections: int = 0
    bodies: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    only_first: bool = False  # only the first connection is lost
    pipelines: bool = False
    extensions: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    refusal: bytes = b""  # reply to RCPT, if recipients are refused

    def settings(self, timeout: float = 1.0) -> SmtpServer:
        return SmtpServer(host="127.0.0.1", port=self.port, timeout=timeout)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._reply_to_commands(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _reply_to_commands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await self._lose_connection("connect", writer):
            return
        writer.write(b"220 ready\r\n")
        while text := (await reader.readuntil(b"\r\n")).decode().strip():
            self.commands.append(text)
            command = text[:4].lower()
            if await self._lose_connection(command, writer):
                return
            writer.write(self._reply(command))
            if command == "data":
                await reader.readuntil(b"\r\n.\r\n")
                self.bodies += 1
                if await self._lose_connection("body", writer):
                    return
                writer.write(b"250 accepted\r\n")
            if command == "quit":
                return

    def _reply(self, command: str) -> bytes:
        if command == "ehlo":
            offers = ("scripted", *self.extensions, *(["PIPELINING"] if self.pipelines else []))
            return "".join(f"250{'-' * (offer is not offers[-1]) or ' '}{offer}\r\n" for offer in offers).encode()
        if command == "rcpt" and self.refusal:
            return self.refusal
        return {"data": b"354 go on\r\n", "quit": b"221 bye\r\n"}.get(command, b"250 ok\r\n")

    async def _lose_connection(self, step: str, writer: asyncio.StreamWriter) -> bool:
        """Fail in the scripted way if this is the scripted step. Return True if the connection is lost."""
        if step != self.lost_at or (self.only_first and self.connections > 1):
            return False
        if self.how == "hang":
            await self.released.wait()
        elif self.how == "half_close" and writer.can_write_eof():
            writer.write_eof()
            await self.released.wait()
        return True


@asynccontextmanager
async def run_scripted_server(lost_at: str = "", how: str = "close", **changes: Any) -> AsyncIterator[ScriptedServer]:
    """Run a scripted server on a free local port."""
    server = ScriptedServer(lost_at, how, **changes)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.released.set()
        listener.close()

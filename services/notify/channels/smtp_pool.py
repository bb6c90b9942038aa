"""Connections to one SMTP server, kept while they are young and awake.

aiosmtplib has no pool. Ours is small: at most N connections, each given up after an age or a number of messages,
asked with NOOP before it is used again after a rest, and never waited for beyond a time.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, Self, cast

import aiosmtplib

from services.notify.channels.smtp_session import SmtpSession
from shared.errors import Misconfigured

Security = Literal["auto", "none", "starttls", "tls"]
RESTED = 1.0  # seconds of idleness after which a connection is asked whether it still lives


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over. `auto` means STARTTLS, except on the loopback interface."""

    host: str
    port: int
    security: Security = "auto"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 8
    timeout: float = 30.0  # seconds for one step, and for one whole hand-over at most twice that
    max_age: float = 300.0  # seconds
    max_messages: int = 500

    def __post_init__(self) -> None:
        if self.username and self.starts == "none" and not is_loopback(self.host):
            raise Misconfigured("smtp: expected TLS where a user name is given, got security none")

    @property
    def starts(self) -> Literal["none", "starttls", "tls"]:
        """How a connection is secured."""
        if self.security != "auto":
            return self.security
        return "none" if is_loopback(self.host) else "starttls"


def is_loopback(host: str) -> bool:
    """Whether mail to this host never leaves the machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class SmtpConnection:
    """One session with the server. `born` and `used` are loop times in seconds."""

    client: aiosmtplib.SMTP
    dialogue: SmtpSession
    born: float
    used: float
    sent: int = 0
    broken: bool = False
    pipelines: bool = False  # the server takes commands without being waited for
    sized: bool = False  # the server wants to know how large a mail is

    @classmethod
    def take_over(cls, client: aiosmtplib.SMTP, now: float) -> Self:
        """The line that this client opened; it asks nothing more on it."""
        if client.transport is None or client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        able = client.supports_extension
        return cls(
            client,
            SmtpSession(cast("asyncio.Transport", client.transport), client.protocol),
            born=now,
            used=now,
            pipelines=able("pipelining"),
            sized=able("size"),
        )

    @property
    def is_open(self) -> bool:
        """Whether the line stands, as far as can be seen from here."""
        return self.dialogue.is_open


class SmtpPool:
    """Lend connections; the last one returned is lent first, so that idle ones grow old and go."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._room = asyncio.Semaphore(server.connections)
        self._idle: list[SmtpConnection] = []

    @asynccontextmanager
    async def lend(self, *, fresh: bool = False) -> AsyncIterator[SmtpConnection]:
        """A live connection. Raises what connecting raises; broken or worn ones are closed on return."""
        async with self._room:
            connection = None if fresh else await self._rested()
            connection = connection or await self._open()
            try:
                yield connection
            except BaseException:
                connection.broken = True
                raise
            finally:
                self._take_back(connection)

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_quit(connection) for connection in idle))

    async def _rested(self) -> SmtpConnection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if await self._is_alive(connection, now):
                return connection
            connection.client.close()
        return None

    async def _is_alive(self, connection: SmtpConnection, now: float) -> bool:
        if not connection.is_open or now - connection.born > self._server.max_age:
            return False
        if now - connection.used < RESTED:
            return True
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            (reply,) = await connection.dialogue.ask(b"NOOP\r\n", within=self._server.timeout)
            return reply.code == 250
        return False

    async def _open(self) -> SmtpConnection:
        server, starts = self._server, self._server.starts
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            timeout=server.timeout,
            use_tls=starts == "tls",
            start_tls=starts == "starttls",
            tls_context=ssl.create_default_context() if starts != "none" else None,
        )
        try:
            await client.connect()
            await client.ehlo()
            return SmtpConnection.take_over(client, asyncio.get_running_loop().time())
        except BaseException:
            client.close()
            raise

    def _take_back(self, connection: SmtpConnection) -> None:
        connection.used = asyncio.get_running_loop().time()
        worn = connection.sent >= self._server.max_messages
        if connection.broken or worn or not connection.is_open:
            connection.client.close()
        else:
            self._idle.append(connection)


async def _quit(connection: SmtpConnection) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await connection.dialogue.ask(b"QUIT\r\n", within=1)
    connection.client.close()

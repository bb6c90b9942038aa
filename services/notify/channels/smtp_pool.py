"""Pool of connections to one SMTP server.

aiosmtplib has no pool. This one is small: at most N connections; each is closed after an age or a number of messages,
checked with NOOP before it is used again after an idle time, and waited for within a time limit.
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
CHECK_AFTER = 1.0  # seconds of idleness after which a connection is checked before it is used


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Address and limits of the mail server. `auto` means STARTTLS, except on the loopback interface."""

    host: str
    port: int
    security: Security = "auto"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 8
    timeout: float = 30.0  # seconds for one step, and for one whole attempt at most twice that
    max_age: float = 300.0  # seconds
    max_messages: int = 500

    def __post_init__(self) -> None:
        if self.username and self.encryption == "none" and not is_loopback(self.host):
            raise Misconfigured("smtp: expected TLS where a user name is given, got security none")

    @property
    def encryption(self) -> Literal["none", "starttls", "tls"]:
        """Encryption of a connection, with `auto` resolved."""
        if self.security != "auto":
            return self.security
        return "none" if is_loopback(self.host) else "starttls"


def is_loopback(host: str) -> bool:
    """Return True if mail to this host never leaves the machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class SmtpConnection:
    """Connection of the pool. `opened_at` and `used_at` are times of the event loop in seconds."""

    client: aiosmtplib.SMTP
    session: SmtpSession
    opened_at: float
    used_at: float
    messages: int = 0
    broken: bool = False
    offers_pipelining: bool = False  # the server accepts commands before it has replied to earlier ones
    offers_size: bool = False  # the server accepts the size of a message with MAIL
    offers_smtputf8: bool = False  # the server accepts addresses that are not ASCII

    @classmethod
    def take_over(cls, client: aiosmtplib.SMTP, now: float) -> Self:
        """Use the transport that this client opened; the client itself sends nothing more on it."""
        if client.transport is None or client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        offers = client.supports_extension
        return cls(
            client,
            SmtpSession(cast("asyncio.Transport", client.transport), client.protocol),
            opened_at=now,
            used_at=now,
            offers_pipelining=offers("pipelining"),
            offers_size=offers("size"),
            offers_smtputf8=offers("smtputf8"),
        )

    @property
    def is_open(self) -> bool:
        """True if this side has not noticed a loss of the connection."""
        return self.session.is_open


class SmtpPool:
    """Connections for reuse. The last one released is acquired first, so that the others grow idle and expire."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(server.connections)
        self._idle: list[SmtpConnection] = []

    @asynccontextmanager
    async def acquire(self, *, fresh: bool = False) -> AsyncIterator[SmtpConnection]:
        """Yield an open connection. Raises errors of connecting; broken or worn connections are closed on release."""
        async with self._slots:
            connection = None if fresh else await self._pop_idle()
            connection = connection or await self._open()
            try:
                yield connection
            except BaseException:
                connection.broken = True
                raise
            finally:
                self._release(connection)

    async def close(self) -> None:
        """Close all idle connections with QUIT."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_quit(connection) for connection in idle))

    async def _pop_idle(self) -> SmtpConnection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if await self._is_usable(connection, now):
                return connection
            connection.client.close()
        return None

    async def _is_usable(self, connection: SmtpConnection, now: float) -> bool:
        if not connection.is_open or now - connection.opened_at > self._server.max_age:
            return False
        if now - connection.used_at < CHECK_AFTER:
            return True
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            (reply,) = await connection.session.request(b"NOOP\r\n", within=self._server.timeout)
            return reply.code == 250
        return False

    async def _open(self) -> SmtpConnection:
        server, encryption = self._server, self._server.encryption
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            timeout=server.timeout,
            use_tls=encryption == "tls",
            start_tls=encryption == "starttls",
            tls_context=ssl.create_default_context() if encryption != "none" else None,
        )
        try:
            await client.connect()
            await client.ehlo()
            return SmtpConnection.take_over(client, asyncio.get_running_loop().time())
        except BaseException:
            client.close()
            raise

    def _release(self, connection: SmtpConnection) -> None:
        connection.used_at = asyncio.get_running_loop().time()
        worn = connection.messages >= self._server.max_messages
        if connection.broken or worn or not connection.is_open:
            connection.client.close()
        else:
            self._idle.append(connection)


async def _quit(connection: SmtpConnection) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await connection.session.request(b"QUIT\r\n", within=1)
    connection.client.close()

"""Commands and replies on a connection that aiosmtplib has opened, encrypted and authenticated.

aiosmtplib waits for each reply and drops data that arrives in between, so it cannot pipeline (RFC 2920). This class
therefore replaces aiosmtplib's protocol on the transport. That halves the cost of a mail: MAIL, RCPT and DATA need one
write and one wake-up together where the server allows pipelining. It relies on three details of aiosmtplib 5: the
attributes `transport` and `protocol` of a connected client, a transport whose protocol can be replaced, and a client
that closes when its protocol's `connection_lost` is called (tests/unit/notify/test_pipelining.py).
"""

import asyncio
import re
from typing import Final, NamedTuple

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected

LONGEST: Final = 65_536  # octets of unfinished replies after which the exchange with a server is given up
_LINE: Final = re.compile(rb"(\d{3})(?:([ -])([^\n]*?))?\r?")


class SmtpReply(NamedTuple):
    """Reply of the server: its code and its text, lines joined."""

    code: int
    message: str


class SmtpSession(asyncio.Protocol):
    """Protocol that sends commands and collects their replies in order. It processes one request at a time."""

    def __init__(self, transport: asyncio.Transport, original: asyncio.BaseProtocol) -> None:
        self.replies: list[SmtpReply] = []  # to the request in progress, else to the last one
        self._transport = transport
        self._original = original
        self._rest = b""
        self._texts: list[str] = []  # lines of a reply that is not complete
        self._expected = 0
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """True if a request is possible."""
        return not self._transport.is_closing()

    async def request(self, octets: bytes, *, replies: int = 1, within: float) -> list[SmtpReply]:
        """Write, and wait up to `within` seconds for that many replies.

        Raises `SMTPServerDisconnected`, `SMTPResponseException` for a malformed reply, or `TimeoutError`.
        """
        self.replies = []
        if self._transport.is_closing():
            raise SMTPServerDisconnected("connection lost")
        loop = asyncio.get_running_loop()
        self._expected, self._waiter = replies, loop.create_future()
        timer = loop.call_later(within, self._fail, TimeoutError())
        try:
            self._transport.write(octets)
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        return self.replies

    def data_received(self, data: bytes) -> None:
        """Collect replies, whole or in pieces. Data outside a request is dropped: it must not answer the next one."""
        if self._waiter is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read_line(line)
        if len(self._rest) > LONGEST or len(self._texts) > LONGEST // 80:
            self._fail(SMTPResponseException(500, "reply too long"))
        elif len(self.replies) >= self._expected and not self._waiter.done():
            self._waiter.set_result(None)

    def _read_line(self, line: bytes) -> None:
        match = _LINE.fullmatch(line)
        if match is None:
            self._fail(SMTPResponseException(500, "not a reply"))
            return
        code, separator, text = match.groups()
        self._texts.append((text or b"").decode("utf-8", "replace"))
        if separator != b"-":
            self.replies.append(SmtpReply(int(code), "\n".join(self._texts)))
            self._texts = []

    def eof_received(self) -> bool:
        """Fail the request in progress: the server has closed its side of the connection."""
        self._fail(SMTPServerDisconnected("end of file"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request in progress and pass the event on to aiosmtplib, which opened the connection."""
        self._fail(SMTPServerDisconnected("connection lost"))
        self._original.connection_lost(exc)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

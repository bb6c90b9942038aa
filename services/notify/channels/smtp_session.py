"""The dialogue with a mail server on a line that aiosmtplib has opened, secured and signed in to.

aiosmtplib waits for each reply and drops what arrives meanwhile, so it cannot pipeline (RFC 2920). Taking the line over
halves what a mail costs: one write and one wake-up for MAIL, RCPT and DATA together where the server allows it.
"""

import asyncio
import re
from typing import Final, NamedTuple

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected

LONGEST: Final = 65_536  # octets of unfinished replies after which a server is no longer listened to
_LINE: Final = re.compile(rb"(\d{3})(?:([ -])([^\n]*?))?\r?")


class SmtpReply(NamedTuple):
    """One reply: its code and its words, lines joined."""

    code: int
    message: str


class SmtpSession(asyncio.Protocol):
    """Asks, and gives the replies in the order of the questions. One question at a time."""

    def __init__(self, transport: asyncio.Transport, opener: asyncio.BaseProtocol) -> None:
        self.replies: list[SmtpReply] = []  # to the question that is open, or was last
        self._transport = transport
        self._opener = opener
        self._rest = b""
        self._words: list[str] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether something can be asked."""
        return not self._transport.is_closing()

    async def ask(self, octets: bytes, *, wanted: int = 1, within: float) -> list[SmtpReply]:
        """Write, and wait for that many replies. Raises `SMTPServerDisconnected`, `TimeoutError` (seconds `within`)."""
        self.replies = []
        if self._transport.is_closing():
            raise SMTPServerDisconnected("connection lost")
        loop = asyncio.get_running_loop()
        self._wanted, self._waiter = wanted, loop.create_future()
        timer = loop.call_later(within, self._fail, TimeoutError())
        try:
            self._transport.write(octets)
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        return self.replies

    def data_received(self, data: bytes) -> None:
        """Replies, whole or in pieces. What was not asked for is dropped, lest it answer the next question."""
        if self._waiter is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > LONGEST or len(self._words) > LONGEST // 80:
            self._fail(SMTPResponseException(500, "reply too long"))
        elif len(self.replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def _read(self, line: bytes) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            self._fail(SMTPResponseException(500, "not a reply"))
            return
        code, more, words = found.groups()
        self._words.append((words or b"").decode("utf-8", "replace"))
        if more != b"-":
            self.replies.append(SmtpReply(int(code), "\n".join(self._words)))
            self._words = []

    def eof_received(self) -> bool:
        """The server hung up, if only its side of the line."""
        self._fail(SMTPServerDisconnected("end of file"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The line broke; aiosmtplib must know, since it opened it."""
        self._fail(SMTPServerDisconnected("connection lost"))
        self._opener.connection_lost(exc)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

"""SMTP sink: a mail server that accepts every mail and records the time of the first mail for each recipient.

It supports pipelining and parses only the SMTP commands, so that it is faster than the services under test.
"""

import asyncio
from time import perf_counter
from typing import cast

REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10485760\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"RSET": b"250 OK\r\n",
    b"NOOP": b"250 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
END_OF_DATA = b"\r\n.\r\n"


class SmtpSink:
    """Accepted mails; `taken[recipient]` is the time of the first mail to the recipient (`perf_counter`)."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.mails = 0
        self.octets = 0
        self._prefix = ""
        self._waiter: tuple[int, asyncio.Future[None]] | None = None

    async def listen(self, port: int) -> asyncio.Server:
        """Accept mail on this port of the loopback interface."""
        return await asyncio.get_running_loop().create_server(lambda: SmtpConnection(self), "127.0.0.1", port)

    def accept(self, recipients: list[str], octets: int) -> None:
        """Count a mail to these recipients."""
        now = perf_counter()
        self.mails += 1
        self.octets += octets
        for recipient in recipients:
            if recipient.startswith(self._prefix):
                self.taken.setdefault(recipient, now)
        if self._waiter and len(self.taken) >= self._waiter[0] and not self._waiter[1].done():
            self._waiter[1].set_result(None)

    async def until(self, recipients: int, seconds: float) -> bool:
        """Wait until this number of recipients have a mail; return False after `seconds`."""
        if len(self.taken) >= recipients:
            return True
        self._waiter = (recipients, asyncio.get_running_loop().create_future())
        try:
            await asyncio.wait_for(self._waiter[1], seconds)
        except TimeoutError:
            return False
        finally:
            self._waiter = None
        return True

    def expect(self, prefix: str) -> None:
        """Reset the counters; from now on only recipients with this address prefix are recorded."""
        self._prefix = prefix
        self.taken.clear()
        self.mails = self.octets = 0


class SmtpConnection(asyncio.Protocol):
    """Connection of a mail client."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        self.buffer = b""
        self.recipients: list[str] = []
        self.in_data = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has its own class
        self.transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers: list[bytes] = []
        while self._take_mail(answers) if self.in_data else self._take_line(answers):
            pass
        if answers and self.transport is not None:
            self.transport.write(b"".join(answers))

    def _take_line(self, answers: list[bytes]) -> bool:
        line, line_end, rest = self.buffer.partition(b"\r\n")
        if not line_end:
            return False
        self.buffer = rest
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipients.append(line[line.find(b"<") + 1 : line.find(b">")].decode())
        self.in_data = verb == b"DATA"
        answers.append(REPLIES.get(verb, b"502 unknown\r\n"))
        return True

    def _take_mail(self, answers: list[bytes]) -> bool:
        end = self.buffer.find(END_OF_DATA)
        if end < 0:
            return False
        self.buffer = self.buffer[end + len(END_OF_DATA) :]
        self.sink.accept(self.recipients, end)
        self.recipients, self.in_data = [], False
        answers.append(b"250 OK taken\r\n")
        return True

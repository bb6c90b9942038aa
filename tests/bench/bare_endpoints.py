"""Endpoints of the bare pipeline: HTTP server with group commit, and SMTP client with persistent connections."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import aiosmtplib
import uvicorn

AcceptBatch = Callable[[Sequence[tuple[bytes, bytes]]], Awaitable[None]]
RecordBatch = Callable[[Sequence[bytes]], Awaitable[None]]

CREATED = b'{"id":"00000000-0000-0000-0000-000000000000","reference":"RD-0000-0000-0","status":"received"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CREATED)).encode())]
MAIL_CONNECTIONS = 8
MAIL_BATCH = 100
MAIL_BYTES = 8500  # size of a mail of notify, measured: text and HTML parts with headers


class GroupCommit:
    """Group commit: requests that arrive during a transaction share the next one."""

    def __init__(self, accept: AcceptBatch) -> None:
        self.accept = accept
        self.waiting: list[tuple[tuple[bytes, bytes], asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def submit(self, address: bytes, body: bytes) -> None:
        """Store a complaint; return after the commit."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(((address, body), future))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        await future

    async def _run(self) -> None:
        while self.waiting:
            taken, self.waiting = self.waiting, []
            await self.accept([item for item, _ in taken])
            for _, future in taken:
                future.set_result(None)


async def serve_http(port: int, accept: AcceptBatch) -> None:
    """Serve a plain ASGI application with uvicorn, uvloop and httptools, the fastest combination measured."""
    commits = GroupCommit(accept)

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if body:
            await commits.submit(_parse_address(body), body)
        await send({"type": "http.response.start", "status": 201 if body else 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": CREATED})

    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, http="httptools", access_log=False, log_level="warning", lifespan="off"
    )
    await uvicorn.Server(config).serve()


def _parse_address(body: bytes) -> bytes:
    start = body.index(b'"email": "') + 10
    return body[start : body.index(b'"', start)]


class Mailer:
    """Sender of mails: claims a batch, sends it over a few persistent connections and records the accepted mails."""

    def __init__(self, port: int, claim: RecordBatch, accepted: RecordBatch) -> None:
        self.port = port
        self.claim = claim
        self.accepted = accepted
        self.waiting: list[bytes] = []
        self.wake = asyncio.Event()

    def put(self, addresses: Iterable[bytes]) -> None:
        """Queue a mail to each of these addresses."""
        self.waiting.extend(addresses)
        self.wake.set()

    async def run(self) -> None:
        """Send queued mails until cancelled; connections are opened with the first mail."""
        free: asyncio.Queue[aiosmtplib.SMTP] = asyncio.Queue()
        await self.wake.wait()
        for _ in range(MAIL_CONNECTIONS):
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, use_tls=False, start_tls=False)
            await client.connect()
            free.put_nowait(client)
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.waiting:
                taken, self.waiting = self.waiting[:MAIL_BATCH], self.waiting[MAIL_BATCH:]
                await self.claim(taken)
                await asyncio.gather(*(_send_mail(free, address.decode()) for address in taken))
                await self.accepted(taken)


async def _send_mail(free: asyncio.Queue[aiosmtplib.SMTP], address: str) -> None:
    client = await free.get()
    try:
        await client.sendmail("complaints@example.org", [address], _compose_mail(address))
    finally:
        free.put_nowait(client)


def _compose_mail(address: str) -> bytes:
    head = f"From: complaints@example.org\r\nTo: {address}\r\nSubject: We have your complaint\r\n\r\n".encode()
    line = b"." * 70 + b"\r\n"
    return head + line.replace(b".", b"x") * ((MAIL_BYTES - len(head)) // len(line))

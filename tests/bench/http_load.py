"""Minimal HTTP/1.1 load client on sockets: closed loop (as fast as possible) and open loop (at a fixed rate)."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from tests.bench.request_bodies import Target

CREATED = 201


@dataclass
class LoadResult:
    """Result of a load: responses by status, and latencies in seconds of the responses inside the measured window."""

    answers: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    sent_at: list[float] = field(
        default_factory=list
    )  # by number of the complaint; open loop: the time at which it was due
    seconds: float = 0.0

    def percentile(self, percent: float) -> float:
        """Return the percentile of the latencies in seconds."""
        return percentile(self.latencies, percent)

    def summary(self) -> dict[str, object]:
        """Return the numbers for the report; latencies in milliseconds."""
        return {
            "answers": {str(status): count for status, count in self.answers.items()},
            "seconds": self.seconds,
            "rate": len(self.latencies) / self.seconds if self.seconds else 0.0,
            "p50_ms": self.percentile(50) * 1e3,
            "p99_ms": self.percentile(99) * 1e3,
        }


def percentile(values: list[float], percent: float) -> float:
    """Return the nearest-rank percentile; 0 if there are no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Connection(asyncio.Protocol):
    """Persistent connection with one request at a time; calls `done(connection, status)` for each complete response."""

    def __init__(self, done: Callable[["Connection", int], None]) -> None:
        self.done = done
        self.sent_at = 0.0
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has its own class

    def send(self, request: bytes, at: float | None = None) -> None:
        """Send a request; `at` is the time from which its latency counts (default: now)."""
        assert self.transport is not None
        self.sent_at = perf_counter() if at is None else at
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or len(buffer) < end + 4 + _parse_content_length(buffer[:end]):
            self.buffer = buffer
            return
        self.buffer = b""
        self.done(self, int(buffer[9:12]))

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()


def _parse_content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        raise ValueError("the server under test must send Content-Length")
    return int(head[at + 15 :].split(b"\r\n", 1)[0])


class ClosedLoop:
    """Closed loop: each connection sends its next request when the last response has arrived."""

    def __init__(self, requests: Iterator[bytes], *, count: int | None, warmup: float, seconds: float) -> None:
        self.requests = requests
        self.left = count
        self.opens = perf_counter() + warmup
        self.closes = float("inf") if count else self.opens + seconds
        self.tally = LoadResult()
        self.busy = 0
        self.finished = asyncio.get_running_loop().create_future()

    def start(self, pool: list[Connection]) -> None:
        """Send the first request on each connection."""
        self.busy = len(pool)
        for connection in pool:
            self._next(connection, perf_counter())

    def answered(self, connection: Connection, status: int) -> None:
        """Count a response if it is inside the measured window, and send the next request."""
        now = perf_counter()
        self.tally.answers[status] += 1
        if self.opens <= now <= self.closes:
            self.tally.latencies.append(now - connection.sent_at)
        self._next(connection, now)

    def _next(self, connection: Connection, now: float) -> None:
        if self.left == 0 or now > self.closes:
            self.busy -= 1
            if not self.busy:
                self.finished.set_result(None)
            return
        if self.left is not None:
            self.left -= 1
        self.tally.sent_at.append(now)
        connection.send(next(self.requests))


async def run_closed_loop(
    target: Target,
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float = 0.0,
    warmup: float = 0.0,
    count: int | None = None,
) -> LoadResult:
    """Send requests as fast as possible; ends after `warmup + seconds`, or after `count` requests."""
    loop = ClosedLoop(requests, count=count, warmup=warmup, seconds=seconds)
    pool = await open_connections(target, connections, loop.answered)
    begin = perf_counter()
    loop.start(pool)
    await loop.finished
    loop.tally.seconds = seconds if count is None else perf_counter() - begin
    for connection in pool:
        connection.close()
    return loop.tally


async def run_open_loop(
    target: Target, requests: Iterator[bytes], *, rate: float, seconds: float, connections: int = 32
) -> LoadResult:
    """Send requests at a fixed rate, independent of the responses; waiting for a free connection counts as latency."""
    tally = LoadResult()
    total = int(rate * seconds)
    finished = asyncio.get_running_loop().create_future()
    due: deque[float] = deque()
    free: deque[Connection] = deque()

    def done(connection: Connection, status: int) -> None:
        tally.answers[status] += 1
        tally.latencies.append(perf_counter() - connection.sent_at)
        free.append(connection)
        serve()
        if len(tally.latencies) == total:
            finished.set_result(None)

    def serve() -> None:
        while due and free:
            free.popleft().send(next(requests), due.popleft())

    pool = await open_connections(target, connections, done)
    free.extend(pool)
    begin = perf_counter()
    for number in range(total):
        at = begin + number / rate
        await asyncio.sleep(max(0.0, at - perf_counter()))
        tally.sent_at.append(at)
        due.append(at)
        serve()
    await finished
    tally.seconds = perf_counter() - begin
    for connection in pool:
        connection.close()
    return tally


async def open_connections(
    target: Target, connections: int, done: Callable[[Connection, int], None]
) -> list[Connection]:
    """Open connections to the target on this machine."""
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: Connection(done), "127.0.0.1", target.port) for _ in range(connections)
    ]
    return [protocol for _, protocol in pairs]

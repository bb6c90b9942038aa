"""Send lines to intake in parallel batches. Batches are repeated while intake is unavailable and split if too large."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from deploy.cli.problems import raise_for_problem
from deploy.cli.submit.results import RowResult, SubmitCounts, SubmitLine, read_reply
from shared.errors import Rejected, Unavailable

ROUTE = "/v1/complaints:batch"
TOO_LARGE = 413
REJECTED_MAX = 200  # rows; if all of the first so many are rejected, the mapping is probably wrong


@dataclass(frozen=True, slots=True)
class SendOptions:
    """Limits of the requests, and the time to wait for intake while it does not answer."""

    rows: int = 200  # per request
    size: int = 1024 * 1024  # bytes per request
    at_once: int = 4
    patience: float = 300.0  # seconds
    keep_going: bool = False


class SubmitSender:
    """Send lines through `client`, count their outcomes, and report each row that was not accepted."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        counts: SubmitCounts,
        options: SendOptions,
        *,
        report: Callable[[RowResult], None],
    ) -> None:
        self._client = client
        self._counts = counts
        self._options = options
        self._report = report

    async def send_all(self, lines: Iterator[SubmitLine]) -> None:
        """Send all lines. Raises `Unavailable` if intake does not accept them within `patience`; repeating is safe."""
        try:
            await self._send_in_parallel(lines)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _send_in_parallel(self, lines: Iterator[SubmitLine]) -> None:
        slots = asyncio.Semaphore(self._options.at_once)
        async with asyncio.TaskGroup() as group:
            for batch in split_batches(lines, rows=self._options.rows, size=self._options.size):
                await slots.acquire()
                self._stop_if_all_rejected()
                task = group.create_task(self._send(batch))
                task.add_done_callback(lambda _: slots.release())

    async def _send(self, batch: Sequence[SubmitLine]) -> None:
        """Send one batch until every line has its result. Only lines without a result are sent again."""
        remaining = list(batch)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, Unavailable)),
            wait=wait_exponential_jitter(multiplier=0.2, max=10),
            stop=stop_after_delay(self._options.patience),
        )
        try:
            async for attempt in attempts:
                with attempt:
                    remaining = await self._send_once(remaining)
                    if remaining:
                        raise Unavailable("it is overloaded")
        except RetryError as error:
            cause = error.last_attempt.exception()
            reason = cause.detail if isinstance(cause, Unavailable) else type(cause).__name__
            raise Unavailable(f"Intake did not accept the rows for {self._options.patience:.0f} s: {reason}.") from None

    async def _send_once(self, batch: Sequence[SubmitLine]) -> list[SubmitLine]:
        """Send a batch, count its results, and return the lines to send again."""
        body = b"\n".join(line.body for line in batch) + b"\n"
        response = await self._client.post(ROUTE, content=body, headers={"content-type": "application/x-ndjson"})
        if response.status_code == TOO_LARGE:
            return await self._send_halves(batch)
        raise_for_problem("intake", response)
        reply = read_reply(batch, response.content)
        self._count(reply.results)
        return reply.retry

    async def _send_halves(self, batch: Sequence[SubmitLine]) -> list[SubmitLine]:
        if len(batch) == 1:
            self._count([RowResult(batch[0].number, "rejected", reason="larger than intake accepts")])
            return []
        middle = len(batch) // 2
        return [*await self._send_once(batch[:middle]), *await self._send_once(batch[middle:])]

    def _count(self, results: Sequence[RowResult]) -> None:
        for result in results:
            self._counts.add(result)
            if result.reason:
                self._report(result)

    def _stop_if_all_rejected(self) -> None:
        counts = self._counts
        if self._options.keep_going or counts.good or counts.outcomes["rejected"] < REJECTED_MAX:
            return
        reason = counts.reasons.most_common(1)[0][0]
        raise Rejected(
            f"All of the first {counts.outcomes['rejected']} rows were rejected, most often because: {reason}. "
            "The mapping is probably wrong (--map, --set); --keep-going sends the rest anyway."
        )


def split_batches(lines: Iterator[SubmitLine], *, rows: int, size: int) -> Iterator[list[SubmitLine]]:
    """Group lines into batches of at most `rows` lines and about `size` bytes; a larger line is its own batch."""
    batch: list[SubmitLine] = []
    total = 0
    for line in lines:
        if batch and (len(batch) >= rows or total + len(line.body) > size):
            yield batch
            batch, total = [], 0
        batch.append(line)
        total += len(line.body)
    if batch:
        yield batch

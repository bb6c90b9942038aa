"""Sending: a few batches at a time, tried again while intake is away, halved when one is too large."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from deploy.cli.submit.results import LATER, RowResult, SubmitCounts, SubmitLine, read_reply
from shared.errors import Misconfigured, Rejected, Unavailable

ROUTE = "/v1/complaints:batch"
TOO_LARGE = 413
DENIED = frozenset({401, 403})
HOPELESS_AFTER = 200  # rows; when every one of the first so many is refused, the mapping is wrong


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to push, and how long to wait for intake to come back."""

    rows: int = 200  # per request
    size: int = 1024 * 1024  # bytes per request
    at_once: int = 4
    patience: float = 300.0  # seconds
    keep_going: bool = False


class SubmitSender:
    """Sends lines through `client`, counts in `tally`, and reports every answer that is not good."""

    def __init__(
        self, client: httpx.AsyncClient, tally: SubmitCounts, pace: Pace, *, report: Callable[[RowResult], None]
    ) -> None:
        self._client = client
        self._tally = tally
        self._pace = pace
        self._report = report

    async def send_all(self, lines: Iterator[SubmitLine]) -> None:
        """Everything the iterator gives. Raises `Unavailable` when patience is at its end; repeating is safe."""
        try:
            await self._send_side_by_side(lines)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _send_side_by_side(self, lines: Iterator[SubmitLine]) -> None:
        room = asyncio.Semaphore(self._pace.at_once)
        async with asyncio.TaskGroup() as group:
            for batch in batches(lines, rows=self._pace.rows, size=self._pace.size):
                await room.acquire()
                self._give_up_when_hopeless()
                task = group.create_task(self._send(batch))
                task.add_done_callback(lambda _: room.release())

    async def _send(self, batch: Sequence[SubmitLine]) -> None:
        """One batch until every line of it has its answer. Only what is still open is sent again."""
        left = list(batch)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, Unavailable)),
            wait=wait_exponential_jitter(multiplier=0.2, max=10),
            stop=stop_after_delay(self._pace.patience),
        )
        try:
            async for attempt in attempts:
                with attempt:
                    left = await self._once(left)
                    if left:
                        raise Unavailable("it is too busy")
        except RetryError as error:
            why = error.last_attempt.exception()
            reason = why.detail if isinstance(why, Unavailable) else type(why).__name__
            raise Unavailable(f"Intake did not take the rows for {self._pace.patience:.0f} s: {reason}.") from None

    async def _once(self, batch: Sequence[SubmitLine]) -> list[SubmitLine]:
        """Send, count what was answered, and return the lines to send again."""
        body = b"\n".join(line.body for line in batch) + b"\n"
        response = await self._client.post(ROUTE, content=body, headers={"content-type": "application/x-ndjson"})
        if response.status_code in LATER:
            raise Unavailable(f"it says {response.status_code}")
        if response.status_code == TOO_LARGE:
            return await self._halved(batch)
        if response.status_code in DENIED:
            raise Misconfigured(f"Intake refuses the token: {_detail(response)}")
        if response.is_error:
            raise Rejected(f"Intake refuses the batch: {_detail(response)}")
        reply = read_reply(batch, response.content)
        self._count(reply.answers)
        return reply.again

    async def _halved(self, batch: Sequence[SubmitLine]) -> list[SubmitLine]:
        if len(batch) == 1:
            self._count([RowResult(batch[0].number, "rejected", reason="larger than intake takes")])
            return []
        middle = len(batch) // 2
        return [*await self._once(batch[:middle]), *await self._once(batch[middle:])]

    def _count(self, answers: Sequence[RowResult]) -> None:
        for answer in answers:
            self._tally.add(answer)
            if answer.reason:
                self._report(answer)

    def _give_up_when_hopeless(self) -> None:
        tally = self._tally
        if self._pace.keep_going or tally.good or tally.fates["rejected"] < HOPELESS_AFTER:
            return
        reason = tally.reasons.most_common(1)[0][0]
        raise Rejected(
            f"All of the first {tally.fates['rejected']} rows were refused, most often because: {reason}. "
            "The mapping is probably wrong (--map, --set); --keep-going sends the rest all the same."
        )


def batches(lines: Iterator[SubmitLine], *, rows: int, size: int) -> Iterator[list[SubmitLine]]:
    """Lines in groups of at most `rows` and about `size` bytes; a single larger line goes alone."""
    group: list[SubmitLine] = []
    weight = 0
    for line in lines:
        if group and (len(group) >= rows or weight + len(line.body) > size):
            yield group
            group, weight = [], 0
        group.append(line)
        weight += len(line.body)
    if group:
        yield group


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"

"""Group commit for HTTP requests: while a transaction is in flight, the next group gathers.

A commit waits for the disk, and costs nearly the same for one row as for five hundred. Requests therefore share
transactions. No timer is needed: a single request is committed at once, and under load the groups grow because more
requests arrive during each commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from shared.errors import Unavailable
from shared.retry import is_transient

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommitter(Generic[Item, Result]):
    """Collects items into groups and hands each group to `commit`, which returns a result or exception per item.

    `commit` gets the items in the order of arrival. It commits the whole group, or raises and commits nothing. After an
    error that is not transient the group is halved until the failing item is alone, so that no request fails because
    of another client's request. After a transient error all items of the group fail: they may work later.

    `pace`: least time between two small groups, in seconds; a single request never waits for it.
    `concurrency`: transactions at once. More than one shortens the wait for a commit in flight, but gives up the order
    between groups.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        group_max: int = 500,
        waiting_max: int = 10_000,
        concurrency: int = 1,
        pace: float = 0.0,
    ) -> None:
        self._commit = commit
        self._group_max = group_max
        self._waiting_max = waiting_max
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._concurrency = concurrency
        self._pace = pace
        self._begun_at = -inf
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Return the item's own result after its group is committed. Raises `Unavailable` if too many items wait."""
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable("more requests are waiting than can be answered in time; try again shortly")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running < self._concurrency:
            self._running += 1
            task = asyncio.create_task(self._commit_groups())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def drain(self) -> None:
        """Wait until all submitted items have their results."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _commit_groups(self) -> None:
        try:
            while self._waiting:
                await self._keep_pace()
                group, self._waiting = self._waiting[: self._group_max], self._waiting[self._group_max :]
                await self._commit_group(group)
        finally:
            # No await between the last look at `_waiting` and this line: an item that arrives later starts a new task.
            self._running -= 1

    async def _keep_pace(self) -> None:
        if self._pace and len(self._waiting) * 2 < self._group_max:
            await asyncio.sleep(max(0.0, self._begun_at + self._pace - monotonic()))
            self._begun_at = monotonic()

    async def _commit_group(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        results = await self._commit_or_halve([item for item, _ in group])
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue  # the client has closed the connection; its request is committed all the same
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _commit_or_halve(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._commit(items)
        except Exception as error:  # noqa: BLE001 (each request gets its own error)
            if len(items) == 1 or is_transient(error):
                return [error] * len(items)
        middle = len(items) // 2
        return [*await self._commit_or_halve(items[:middle]), *await self._commit_or_halve(items[middle:])]

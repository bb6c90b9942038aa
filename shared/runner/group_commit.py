"""Group commit for HTTP: while a transaction is in flight the next group gathers.

No timer: alone, a request is committed at once; under load, groups grow by themselves.
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
    """`run` gets a group in order of arrival and gives each item's result, or the exception that is its own.

    It does all of a group or, when it raises, nothing of it. What will never work is then halved until the guilty item
    stands alone, so that no client's request fails for what another one asked.

    `pace` is the least time between two small groups, in seconds: alone, a request never waits for it.
    More than one of `flights` shortens the wait for a commit under way, and gives up the order between groups.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        group_max: int = 500,
        waiting_max: int = 10_000,
        flights: int = 1,
        pace: float = 0.0,
    ) -> None:
        self._run = run
        self._group_max = group_max
        self._waiting_max = waiting_max
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._flights_max = flights
        self._pace = pace
        self._begun = -inf
        self._flying = 0
        self._flights: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """The item's own result, after its group is committed. Raises `Unavailable` when too much is waiting."""
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable("more requests are waiting than can be answered in time; try again shortly")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flying < self._flights_max:
            self._flying += 1
            flight = asyncio.create_task(self._fly())
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)
        return await future

    async def drain(self) -> None:
        """Wait until everything submitted so far has its answer."""
        while self._flights:
            await asyncio.wait(self._flights)

    async def _fly(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                group, self._waiting = self._waiting[: self._group_max], self._waiting[self._group_max :]
                await self._commit(group)
        finally:
            self._flying -= 1  # before anybody else runs, so that no request is left without a flight

    async def _gather(self) -> None:
        if self._pace and len(self._waiting) * 2 < self._group_max:
            await asyncio.sleep(max(0.0, self._begun + self._pace - monotonic()))
            self._begun = monotonic()

    async def _commit(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        results = await self._results([item for item, _ in group])
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue  # the client went away; what it asked for is committed all the same
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._run(items)
        except Exception as error:  # noqa: BLE001 (each request answers for itself)
            if len(items) == 1 or is_transient(error):
                return [error] * len(items)
        middle = len(items) // 2
        return [*await self._results(items[:middle]), *await self._results(items[middle:])]

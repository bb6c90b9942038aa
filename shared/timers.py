"""Timers: `run_once` gives ticks to what is due by the database's clock; the loop only waits."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared.errors import Unavailable
from shared.retry import is_transient

BATCH = 500


class Timers:
    """Drives a runner's `ticks`; `wake` when something due earlier may have been committed."""

    def __init__(self, ticks: Callable[[int], Awaitable[int]], *, every_ms: int) -> None:
        self._ticks = ticks
        self._every = every_ms / 1000
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again now."""
        self._woken.set()

    async def run_once(self) -> int:
        """Handle everything that is due now. Returns how many complaints got a tick."""
        handled = 0
        while count := await self._ticks(BATCH):
            handled += count
            if count < BATCH:
                break
        return handled

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; waits out what passes by itself, raises the rest to the supervisor."""
        while not stopping.is_set():
            try:
                await self.run_once()
            except Exception as error:
                if not is_transient(error):
                    raise
                raise Unavailable("timers: the database is away") from error
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._every)

"""Waiting of background loops: for a wake-up, for a stop, or for a timeout, whichever comes first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wakeup:
    """Wake-up call for a loop that otherwise looks for work again after a timeout.

    `wait` clears the flag before it returns, so before the loop looks for work. A `wake` that arrives while the loop
    works sets the flag again and ends the next `wait` at once. No wake-up is lost; at most the loop looks one time too
    many.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the current `wait`, or the next one if the loop is at work."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a wake-up, `seconds` at most. Return True if there was one."""
        woken = await wait_for_event(self._event, seconds)
        self._event.clear()
        return woken

    @asynccontextmanager
    async def woken_by(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Wake the loop when `stopping` is set, as long as the context is open."""

        async def wake_on_stop() -> None:
            await stopping.wait()
            self.wake()

        task = asyncio.create_task(wake_on_stop())
        try:
            yield
        finally:
            task.cancel()


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, `seconds` at most. Return True if it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()

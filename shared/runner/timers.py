"""Timers: sleep until the next timer is due by the database's clock, then fire it."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from shared.errors import Unavailable
from shared.retry import is_transient
from shared.settings import ServiceSettings
from shared.wakeup import Wakeup


class TimerRunner(Protocol):
    """Runner with timers."""

    async def seconds_until_due(self) -> float | None:
        """Return the seconds until the earliest timer, 0 or less if it is due now; None if there is no timer."""

    async def fire_timers(self, limit: int, on_full_batch: Callable[[], None]) -> int:
        """Fire up to `limit` due timers in one transaction and return how many were fired.

        Calls `on_full_batch` as soon as `limit` timers are claimed, so that another batch can begin.
        """


class Timers:
    """Loop that fires timers; `wake` it after a commit, because the commit may have stored an earlier timer.

    It sleeps for `tick_ms` at most. Every process wakes its own loop for the timers it writes, so only a timer of a
    process that crashed waits that long. Rounds begin at least `pace_ms` apart: under load more timers gather for one
    round, and a single timer is still fired on time.
    """

    def __init__(self, runner: TimerRunner, settings: ServiceSettings) -> None:
        self._runner = runner
        self._batch_size = settings.tick_batch
        self._concurrency = settings.tick_flights
        self._sleep_max = settings.tick_ms / 1000
        self._pace = min(settings.pace_ms, settings.tick_ms) / 1000
        self._wakeup = Wakeup()

    def wake(self) -> None:
        """Look for due timers again soon."""
        self._wakeup.wake()

    async def run_once(self) -> int:
        """Fire all timers that are due now, and return how many were fired.

        As soon as one batch is full, another one starts beside it: PostgreSQL works on one while Python decides the
        next. Two batches never get the same complaint, because claims use SKIP LOCKED: each transaction locks the rows
        it claims, and the others pass over locked rows instead of waiting for them.
        """
        batches: list[asyncio.Task[int]] = []

        def start_batch() -> None:
            if len(batches) < self._concurrency:
                batches.append(asyncio.create_task(self._fire_batches(start_batch)))

        start_batch()
        for batch in batches:  # the list grows during this loop
            await asyncio.wait([batch])
        for error in [batch.exception() for batch in batches]:
            if error is not None:
                raise error
        return sum(batch.result() for batch in batches)

    async def _fire_batches(self, on_full_batch: Callable[[], None]) -> int:
        total, count = 0, self._batch_size
        while count >= self._batch_size:
            count = await self._runner.fire_timers(self._batch_size, on_full_batch)
            total += count
        return total

    async def run(self, stopping: asyncio.Event) -> None:
        """Fire timers until `stopping` is set. Raises `Unavailable` if the database is away."""
        try:
            async with self._wakeup.woken_by(stopping):
                while not stopping.is_set():
                    begun = monotonic()
                    await self._wait(begun, await self._run_round())
        except Exception as error:
            if not is_transient(error):
                raise
            raise Unavailable("timers: the database is not available") from error

    async def _run_round(self) -> float:
        """Fire due timers if there are any, and return the seconds to sleep until the next look."""
        seconds = await self._runner.seconds_until_due()
        if seconds is None or seconds > 0:
            return self._sleep_max if seconds is None else min(seconds, self._sleep_max)
        await self.run_once()
        return 0.0

    async def _wait(self, begun: float, seconds: float) -> None:
        until = monotonic() + seconds + 0.001  # the event loop counts milliseconds; too early would cost another round
        await asyncio.sleep(begun + self._pace - monotonic())
        # Also with 0 seconds: the commits of this round have set the wake-up, and the next round looks in any case.
        await self._wakeup.wait(max(0.0, until - monotonic()) if seconds else 0.0)

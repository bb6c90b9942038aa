"""Timers: sleep until the next one is due, by the database's clock, and fire it; `run_once` fires what is due now."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

from shared.errors import Unavailable
from shared.retry import is_transient
from shared.settings import ServiceSettings


class TimerRunner(Protocol):
    """What has timers: a runner."""

    async def next_due(self) -> float | None:
        """Seconds until the next timer is due; 0 or less: now. None: there is none."""

    async def ticks(self, limit: int, more: Callable[[], None]) -> int:
        """Fire up to `limit` due timers in one transaction. Returns how many; calls `more` when it has got so many."""


class Timers:
    """`run` for ever; `wake` after a commit, which may have put something before what is being slept for.

    It sleeps for `tick_ms` at most: whoever writes a timer wakes itself for it, so only a timer whose writer died waits
    that long. Rounds begin `pace_ms` apart at least, so that under load timers gather: alone, one is fired on time.
    """

    def __init__(self, runner: TimerRunner, settings: ServiceSettings) -> None:
        self._runner = runner
        self._batch = settings.tick_batch
        self._flights = settings.tick_flights
        self._longest = settings.tick_ms / 1000
        self._pace = min(settings.pace_ms, settings.tick_ms) / 1000
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again soon."""
        self._woken.set()

    async def run_once(self) -> int:
        """Fire everything that is due now. Returns how many complaints got a tick.

        As soon as one batch is not enough another is under way: PostgreSQL works on one while Python decides the next.
        No two can have the same complaint, because each skips what the others hold.
        """
        flights: list[asyncio.Task[int]] = []

        def fly() -> None:
            if len(flights) < self._flights:
                flights.append(asyncio.create_task(self._drain(fly)))

        fly()
        for flight in flights:  # it grows while we wait
            await asyncio.wait([flight])
        for error in [flight.exception() for flight in flights]:
            if error is not None:
                raise error
        return sum(flight.result() for flight in flights)

    async def _drain(self, more: Callable[[], None]) -> int:
        fired, count = 0, self._batch
        while count >= self._batch:
            count = await self._runner.ticks(self._batch, more)
            fired += count
        return fired

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; waits out what passes by itself, raises the rest to the supervisor."""
        watch = asyncio.create_task(stopping.wait())
        watch.add_done_callback(lambda _: self.wake())
        try:
            while not stopping.is_set():
                begun = monotonic()
                self._woken.clear()
                await self._rest(begun, await self._round())
        except Exception as error:
            if not is_transient(error):
                raise
            raise Unavailable("timers: the database is away") from error
        finally:
            watch.cancel()

    async def _round(self) -> float:
        """Fire what is due, if anything is. Returns the seconds until something will be, or may be."""
        wait = await self._runner.next_due()
        if wait is None or wait > 0:
            return self._longest if wait is None else min(wait, self._longest)
        await self.run_once()
        return 0.0

    async def _rest(self, begun: float, seconds: float) -> None:
        until = monotonic() + seconds + 0.001  # the loop counts milliseconds; too early would cost another round
        await asyncio.sleep(begun + self._pace - monotonic())
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.0, until - monotonic()))

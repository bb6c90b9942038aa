"""Timer loop: it sleeps until a timer is due, lets timers gather, and fires several batches at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.runner.timers import Timers
from tests.factories import settings


class Clocks:
    """Fake runner with `due` timers, the next one `next_due` seconds away; records the calls."""

    def __init__(self, due: int = 0, *, next_due: float | None = None) -> None:
        self.due = due
        self.next = next_due
        self.claims: list[int] = []
        self.looks = 0
        self.running = self.most = 0
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    async def seconds_until_due(self) -> float | None:
        async with self._changed:
            self.looks += 1
            self._changed.notify_all()
        return 0.0 if self.due else self.next

    async def fire_timers(self, limit: int, on_full_batch: Callable[[], None]) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        count, self.due = min(limit, self.due), max(0, self.due - limit)
        if count == limit:
            on_full_batch()
        await asyncio.sleep(0)
        self.running -= 1
        async with self._changed:
            self.claims.append(count)
            self._changed.notify_all()
        if self.failure is not None:
            raise self.failure
        return count

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(reached)


def timers(clocks: Clocks, **changes: int) -> Timers:
    changes = {"tick_batch": 10, "tick_flights": 2, "tick_ms": 600_000, "pace_ms": 0} | changes
    return Timers(clocks, settings("postgresql://unused", Path("unused"), **changes))


@asynccontextmanager
async def running(timer_loop: Timers) -> AsyncIterator[None]:
    """Run the loop and stop it at the end; it must stop at once, however long it would sleep."""
    stopping = asyncio.Event()
    task = asyncio.create_task(timer_loop.run(stopping))
    yield
    stopping.set()
    await asyncio.wait_for(task, 5)


async def test_timers_that_fit_into_one_batch_are_fired_in_one_call() -> None:
    clocks = Clocks(7)
    assert await timers(clocks).run_once() == 7
    assert clocks.claims == [7]


async def test_more_timers_than_one_batch_are_fired_by_concurrent_batches_up_to_the_limit() -> None:
    clocks = Clocks(95)
    assert await timers(clocks).run_once() == 95
    assert sum(clocks.claims) == 95
    assert clocks.most == 2
    assert await timers(Clocks()).run_once() == 0


async def test_a_failing_batch_is_raised_after_the_other_batches_have_ended() -> None:
    clocks = Clocks(35)
    timer_loop = timers(clocks)
    clocks.failure = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await timer_loop.run_once()
    assert clocks.running == 0
    assert len(clocks.claims) == 2


async def test_the_loop_sleeps_until_the_next_timer_is_due() -> None:
    clocks = Clocks(next_due=0.05)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with running(timers(clocks)):
        await clocks.until(lambda: clocks.looks == 1)
        clocks.due = 1
        await clocks.until(lambda: clocks.claims == [1])
    assert loop.time() - begun >= 0.05
    assert clocks.looks >= 2


@pytest.mark.parametrize("next_due", [None, 3600.0])
async def test_a_wake_up_fires_new_timers_before_the_planned_sleep_has_ended(next_due: float | None) -> None:
    clocks = Clocks(next_due=next_due)
    timer_loop = timers(clocks)
    async with running(timer_loop):
        await clocks.until(lambda: clocks.looks == 1)
        clocks.due = 3
        timer_loop.wake()
        await clocks.until(lambda: clocks.claims == [3])


async def test_the_loop_checks_again_after_the_maximum_sleep() -> None:
    clocks = Clocks(next_due=3600.0)
    async with running(timers(clocks, tick_ms=10)):
        await clocks.until(lambda: clocks.looks == 3)
    assert clocks.claims == []


async def test_timers_that_become_due_within_the_pace_are_fired_in_one_batch() -> None:
    clocks = Clocks(1)
    timer_loop = timers(clocks, pace_ms=50)
    loop = asyncio.get_running_loop()
    async with running(timer_loop):
        await clocks.until(lambda: clocks.claims == [1])
        first = loop.time()
        clocks.due = 4
        timer_loop.wake()
        await clocks.until(lambda: clocks.claims == [1, 4])
    assert loop.time() - first >= 0.04


@pytest.mark.parametrize(
    ("failure", "raised"), [(OSError("away"), Unavailable), (ZeroDivisionError(), ZeroDivisionError)]
)
async def test_only_a_transient_failure_is_raised_as_unavailable(failure: Exception, raised: type[Exception]) -> None:
    clocks = Clocks(1)
    clocks.failure = failure
    with pytest.raises(raised):
        await timers(clocks).run(asyncio.Event())

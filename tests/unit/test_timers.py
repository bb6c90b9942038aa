"""Timer loop: sleep until a timer is due, batches of timers, and concurrent batches."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.runner.timers import Timers
from tests.factories import settings


class FakeRunner:
    """Fake runner with `due` timers, the next one `next_due` seconds away; records the calls."""

    def __init__(self, due: int = 0, *, next_due: float | None = None) -> None:
        self.due = due
        self.next = next_due
        self.claims: list[int] = []
        self.polls = 0
        self.running = self.max_running = 0
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    async def seconds_until_due(self) -> float | None:
        async with self._changed:
            self.polls += 1
            self._changed.notify_all()
        return 0.0 if self.due else self.next

    async def fire_timers(self, limit: int, on_full_batch: Callable[[], None]) -> int:
        self.running += 1
        self.max_running = max(self.max_running, self.running)
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

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)


def timers(runner: FakeRunner, **changes: int) -> Timers:
    changes = {"tick_batch": 10, "tick_flights": 2, "tick_ms": 600_000, "pace_ms": 0} | changes
    return Timers(runner, settings("postgresql://unused", Path("unused"), **changes))


@asynccontextmanager
async def running(timer_loop: Timers) -> AsyncIterator[None]:
    """Run the loop and stop it at the end; it must stop at once, however long it would sleep."""
    stopping = asyncio.Event()
    task = asyncio.create_task(timer_loop.run(stopping))
    yield
    stopping.set()
    await asyncio.wait_for(task, 5)


async def test_timers_that_fit_into_one_batch_are_fired_in_one_call() -> None:
    runner = FakeRunner(7)
    assert await timers(runner).run_once() == 7
    assert runner.claims == [7]


async def test_more_timers_than_one_batch_are_fired_by_concurrent_batches_up_to_the_limit() -> None:
    runner = FakeRunner(95)
    assert await timers(runner).run_once() == 95
    assert sum(runner.claims) == 95
    assert runner.max_running == 2
    assert await timers(FakeRunner()).run_once() == 0


async def test_a_failing_batch_is_raised_after_the_other_batches_have_ended() -> None:
    runner = FakeRunner(35)
    timer_loop = timers(runner)
    runner.failure = OSError("connection lost")
    with pytest.raises(OSError, match="connection lost"):
        await timer_loop.run_once()
    assert runner.running == 0
    assert len(runner.claims) == 2


async def test_the_loop_sleeps_until_the_next_timer_is_due() -> None:
    runner = FakeRunner(next_due=0.05)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with running(timers(runner)):
        await runner.wait_until(lambda: runner.polls == 1)
        runner.due = 1
        await runner.wait_until(lambda: runner.claims == [1])
    assert loop.time() - started >= 0.05
    assert runner.polls >= 2


@pytest.mark.parametrize("next_due", [None, 3600.0])
async def test_a_wake_up_fires_new_timers_before_the_planned_sleep_has_ended(next_due: float | None) -> None:
    runner = FakeRunner(next_due=next_due)
    timer_loop = timers(runner)
    async with running(timer_loop):
        await runner.wait_until(lambda: runner.polls == 1)
        runner.due = 3
        timer_loop.wake()
        await runner.wait_until(lambda: runner.claims == [3])


async def test_the_loop_checks_again_after_the_maximum_sleep() -> None:
    runner = FakeRunner(next_due=3600.0)
    async with running(timers(runner, tick_ms=10)):
        await runner.wait_until(lambda: runner.polls == 3)
    assert runner.claims == []


async def test_timers_that_become_due_within_the_pace_are_fired_in_one_batch() -> None:
    runner = FakeRunner(1)
    timer_loop = timers(runner, pace_ms=50)
    loop = asyncio.get_running_loop()
    async with running(timer_loop):
        await runner.wait_until(lambda: runner.claims == [1])
        first = loop.time()
        runner.due = 4
        timer_loop.wake()
        await runner.wait_until(lambda: runner.claims == [1, 4])
    assert loop.time() - first >= 0.04


@pytest.mark.parametrize(
    ("failure", "raised"), [(OSError("connection lost"), Unavailable), (ZeroDivisionError(), ZeroDivisionError)]
)
async def test_only_a_transient_failure_is_raised_as_unavailable(failure: Exception, raised: type[Exception]) -> None:
    runner = FakeRunner(1)
    runner.failure = failure
    with pytest.raises(raised):
        await timers(runner).run(asyncio.Event())

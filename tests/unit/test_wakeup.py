"""Wake-ups: none is lost, and a stop event ends a wait."""

import asyncio

from shared.wakeup import Wakeup, wait_for_event

LONG = 60.0  # seconds; a test that waits this long has failed


async def test_a_wait_without_a_wake_up_ends_after_its_timeout() -> None:
    assert not await Wakeup().wait(0.001)


async def test_a_wake_up_during_the_work_ends_the_next_wait() -> None:
    wakeup = Wakeup()
    wakeup.wake()
    assert await asyncio.wait_for(wakeup.wait(LONG), 5)
    assert not await wakeup.wait(0.001), "one wake-up ends one wait"


async def test_a_wake_up_ends_the_current_wait() -> None:
    wakeup = Wakeup()
    waiting = asyncio.create_task(wakeup.wait(LONG))
    await asyncio.sleep(0)
    wakeup.wake()
    assert await asyncio.wait_for(waiting, 5)


async def test_a_stop_event_ends_the_wait_of_a_wakeup_connected_to_it() -> None:
    wakeup, stopping = Wakeup(), asyncio.Event()
    async with wakeup.woken_by(stopping):
        waiting = asyncio.create_task(wakeup.wait(LONG))
        await asyncio.sleep(0)
        stopping.set()
        assert await asyncio.wait_for(waiting, 5)


async def test_waiting_for_an_event_reports_whether_it_is_set() -> None:
    event = asyncio.Event()
    assert not await wait_for_event(event, 0.001)
    event.set()
    assert await wait_for_event(event, LONG)

"""Group commit: requests are grouped while a transaction runs, and each request gets its own result."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.errors import Rejected, Unavailable
from shared.runner.group_commit import GroupCommitter


class Database:
    """Fake that commits a group only after a release."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.releases = asyncio.Semaphore(0)

    async def run(self, group):
        self.groups.append(list(group))
        await self.releases.acquire()
        if 13 in group:
            raise OSError
        return [Rejected("odd") if number % 2 else number * 10 for number in group]


async def run_pending_tasks() -> None:
    """Give all tasks several turns of the event loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_items_submitted_during_a_commit_form_the_next_group() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    requests = [asyncio.create_task(committer.submit(n)) for n in (2, 4, 6)]
    await run_pending_tasks()
    assert database.groups == [[2, 4, 6]]
    later = [asyncio.create_task(committer.submit(n)) for n in (8, 10)]
    await run_pending_tasks()
    assert len(database.groups) == 1
    database.releases.release()
    assert await asyncio.gather(*requests) == [20, 40, 60]
    database.releases.release()
    assert await asyncio.gather(*later) == [80, 100]
    assert database.groups == [[2, 4, 6], [8, 10]]


async def test_with_concurrency_two_a_second_group_does_not_wait_for_the_first() -> None:
    database = Database()
    committer = GroupCommitter(database.run, concurrency=2)
    for number in (2, 4, 6):
        asyncio.create_task(committer.submit(number))  # noqa: RUF006
        await run_pending_tasks()
    assert database.groups == [[2], [4]], "the third group waits until one of the two commits has ended"
    for _ in range(3):
        database.releases.release()
    await committer.drain()
    assert database.groups == [[2], [4], [6]]


async def test_each_request_gets_its_own_result_and_a_failed_commit_fails_the_whole_group() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    for _ in range(2):
        database.releases.release()
    good, bad = await asyncio.gather(committer.submit(2), committer.submit(3), return_exceptions=True)
    assert good == 20
    assert isinstance(bad, Rejected)
    results = await asyncio.gather(committer.submit(13), committer.submit(2), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]


async def test_a_bad_item_fails_alone_and_the_rest_of_its_group_is_committed_in_order() -> None:
    committed: list[int] = []

    async def run(group: Sequence[int]) -> Sequence[int | Exception]:
        if 13 in group:
            raise ValueError
        committed.extend(group)
        return list(group)

    committer = GroupCommitter(run)
    numbers = [*range(8, 20)]
    results = await asyncio.gather(*(committer.submit(n) for n in numbers), return_exceptions=True)
    assert [n for n, result in zip(numbers, results, strict=True) if isinstance(result, ValueError)] == [13]
    assert committed == [result for result in results if not isinstance(result, Exception)]


async def test_a_transient_failure_does_not_split_the_group() -> None:
    groups: list[int] = []

    async def run(group: Sequence[int]) -> Sequence[int | Exception]:
        groups.append(len(group))
        raise OSError

    committer = GroupCommitter(run)
    results = await asyncio.gather(*(committer.submit(n) for n in range(8)), return_exceptions=True)
    assert all(isinstance(result, OSError) for result in results)
    assert groups == [8]


async def test_a_full_queue_refuses_a_request_at_once() -> None:
    database = Database()
    committer = GroupCommitter(database.run, group_max=1, waiting_max=2)
    requests = [asyncio.create_task(committer.submit(2))]
    await run_pending_tasks()
    requests += [asyncio.create_task(committer.submit(n)) for n in (4, 6)]
    await run_pending_tasks()
    with pytest.raises(Unavailable):
        await committer.submit(8)
    for _ in range(3):
        database.releases.release()
    assert await asyncio.gather(*requests) == [20, 40, 60]


async def test_a_cancelled_request_does_not_affect_the_others() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    cancelled, waiting = asyncio.create_task(committer.submit(2)), asyncio.create_task(committer.submit(4))
    await run_pending_tasks()
    cancelled.cancel()
    database.releases.release()
    assert await waiting == 40


async def test_sequential_requests_all_get_their_results() -> None:
    committer = GroupCommitter(commit_at_once)
    assert [await committer.submit(n) for n in range(50)] == list(range(50))


async def commit_at_once(group):
    return list(group)


async def test_a_paced_committer_commits_the_first_request_at_once_and_groups_the_next_ones() -> None:
    database = Database()
    for _ in range(10):
        database.releases.release()
    committer = GroupCommitter(database.run, pace=0.05)
    await committer.submit(2)
    assert database.groups == [[2]]
    await asyncio.gather(*(committer.submit(n) for n in (4, 6)), submit_later(committer, 8))
    assert database.groups == [[2], [4, 6, 8]]


async def submit_later(committer, item):
    await run_pending_tasks()
    return await committer.submit(item)

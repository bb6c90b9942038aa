"""Groups grow while a transaction is in flight, each request gets its own answer, and none is left behind."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.errors import Rejected, Unavailable
from shared.runner.group_commit import GroupCommitter


class Database:
    """Commits a group only when it is let."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.let = asyncio.Semaphore(0)

    async def run(self, group):
        self.groups.append(list(group))
        await self.let.acquire()
        if 13 in group:
            raise OSError
        return [Rejected("odd") if one % 2 else one * 10 for one in group]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_flight_is_the_next_group() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    asked = [asyncio.create_task(committer.submit(n)) for n in (2, 4, 6)]
    await settle()
    assert database.groups == [[2, 4, 6]]
    later = [asyncio.create_task(committer.submit(n)) for n in (8, 10)]
    await settle()
    assert len(database.groups) == 1
    database.let.release()
    assert await asyncio.gather(*asked) == [20, 40, 60]
    database.let.release()
    assert await asyncio.gather(*later) == [80, 100]
    assert database.groups == [[2, 4, 6], [8, 10]]


async def test_a_second_flight_does_not_wait_for_the_first() -> None:
    database = Database()
    committer = GroupCommitter(database.run, concurrency=2)
    for number in (2, 4, 6):
        asyncio.create_task(committer.submit(number))  # noqa: RUF006
        await settle()
    assert database.groups == [[2], [4]], "the third waits: both flights are out"
    for _ in range(3):
        database.let.release()
    await committer.drain()
    assert database.groups == [[2], [4], [6]]


async def test_each_answer_is_its_own_and_a_failed_group_fails_all_of_it() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    for _ in range(2):
        database.let.release()
    good, bad = await asyncio.gather(committer.submit(2), committer.submit(3), return_exceptions=True)
    assert good == 20
    assert isinstance(bad, Rejected)
    results = await asyncio.gather(committer.submit(13), committer.submit(2), return_exceptions=True)
    assert [type(one) for one in results] == [OSError, OSError]


async def test_one_that_can_never_be_stored_fails_alone_and_its_group_is_committed_in_order() -> None:
    committed: list[int] = []

    async def run(group: Sequence[int]) -> Sequence[int | Exception]:
        if 13 in group:
            raise ValueError
        committed.extend(group)
        return list(group)

    committer = GroupCommitter(run)
    numbers = [*range(8, 20)]
    answers = await asyncio.gather(*(committer.submit(n) for n in numbers), return_exceptions=True)
    assert [n for n, answer in zip(numbers, answers, strict=True) if isinstance(answer, ValueError)] == [13]
    assert committed == [answer for answer in answers if not isinstance(answer, Exception)]


async def test_what_passes_by_itself_is_not_tried_piece_by_piece() -> None:
    groups: list[int] = []

    async def run(group: Sequence[int]) -> Sequence[int | Exception]:
        groups.append(len(group))
        raise OSError

    committer = GroupCommitter(run)
    answers = await asyncio.gather(*(committer.submit(n) for n in range(8)), return_exceptions=True)
    assert all(isinstance(one, OSError) for one in answers)
    assert groups == [8]


async def test_too_much_waiting_is_refused_at_once() -> None:
    database = Database()
    committer = GroupCommitter(database.run, group_max=1, waiting_max=2)
    asked = [asyncio.create_task(committer.submit(2))]
    await settle()
    asked += [asyncio.create_task(committer.submit(n)) for n in (4, 6)]
    await settle()
    with pytest.raises(Unavailable):
        await committer.submit(8)
    for _ in range(3):
        database.let.release()
    assert await asyncio.gather(*asked) == [20, 40, 60]


async def test_a_client_that_went_away_spoils_nothing() -> None:
    database = Database()
    committer = GroupCommitter(database.run)
    gone, stays = asyncio.create_task(committer.submit(2)), asyncio.create_task(committer.submit(4))
    await settle()
    gone.cancel()
    database.let.release()
    assert await stays == 40


async def test_requests_that_arrive_one_by_one_all_get_their_answer() -> None:
    committer = GroupCommitter(_at_once)
    assert [await committer.submit(n) for n in range(50)] == list(range(50))


async def _at_once(group):
    return list(group)


async def test_a_paced_committer_answers_the_first_at_once_and_groups_what_follows() -> None:
    database = Database()
    for _ in range(10):
        database.let.release()
    committer = GroupCommitter(database.run, pace=0.05)
    await committer.submit(2)
    assert database.groups == [[2]]
    await asyncio.gather(*(committer.submit(n) for n in (4, 6)), _later(committer, 8))
    assert database.groups == [[2], [4, 6, 8]]


async def _later(committer, item):
    await settle()
    return await committer.submit(item)

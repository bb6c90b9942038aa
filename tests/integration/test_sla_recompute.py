"""Recomputation of open complaints after a publication, on real PostgreSQL."""

import asyncio
import sys
from pathlib import Path

from services.sla.workers.recompute import RecomputeCount, RecomputeWorker
from shared.contracts.events import (
    ClockRebased,
)
from shared.storage.postgres import transaction
from tests.integration.sla_client import (
    SlaClient,
    storm_rulebook,
)


async def test_new_only_moves_no_date_and_does_not_skip_an_earlier_revision(sla: SlaClient) -> None:
    old = await sla.triaged()
    await sla.publish(storm_rulebook(), "rebase_open")
    later = storm_rulebook()
    later["calendar"].append({**later["calendar"][-1], "version": 3, "holidays": []})
    assert await sla.publish(later, "new_only") == 3
    new = await sla.triaged()
    assert await sla.revisions() == {old: 1, new: 3}
    assert await RecomputeWorker().run_once(sla.runtime) == RecomputeCount(done=1)
    assert await sla.revisions() == {old: 2, new: 3}
    assert await RecomputeWorker().run_once(sla.runtime) == RecomputeCount()


async def test_two_replicas_and_a_stopped_worker_recompute_each_complaint_once(sla: SlaClient) -> None:
    subjects = [await sla.triaged() for _ in range(12)]
    await sla.publish(storm_rulebook(), "rebase_open")
    stopped = asyncio.Event()
    stopped.set()
    assert await RecomputeWorker(batch=2).run_once(sla.runtime, stopped) == RecomputeCount()
    both = await asyncio.gather(*(RecomputeWorker(batch=2, flights=2).run_once(sla.runtime) for _ in range(2)))
    assert sum(count.done for count in both) == 12
    assert all(count.done for count in both)
    assert set((await sla.revisions()).values()) == {2}
    for subject in subjects:
        moved = await sla.published(subject, ClockRebased)
        assert len(moved) == len({(fact.clock, fact.cycle) for fact in moved}) > 0


# A transaction that updates this complaint waits for a lock that the test holds.
CREATE_BLOCKING_TRIGGER = """
create function held() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(7); return new; end $$;
create trigger held before update on complaint for each row when (new.complaint_id = '{subject}') execute function held()
"""


async def test_the_complaints_that_a_killed_worker_left_are_recomputed_by_the_next(
    sla: SlaClient, dsns: dict[str, str], keys: tuple[Path, Path]
) -> None:
    subjects = [await sla.triaged() for _ in range(20)]
    await sla.publish(storm_rulebook(), "rebase_open")
    pool = sla.runtime.pool
    await pool.execute(CREATE_BLOCKING_TRIGGER.format(subject=subjects[7]))
    async with transaction(pool) as held:  # the worker waits in its transaction of this complaint and is killed there
        await held.execute("select pg_advisory_xact_lock(7)")
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.killable_recompute", dsns["sla"], str(keys[1]), cwd=Path(__file__).parents[2]
        )
        async with asyncio.timeout(60):
            while not await pool.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.02)
        worker.kill()
        await worker.wait()
    half = [*(await sla.revisions()).values()]
    assert 0 < half.count(1) < len(subjects)
    async with asyncio.timeout(60):
        while set((await sla.revisions()).values()) != {2}:
            await RecomputeWorker().run_once(sla.runtime)
    for subject in subjects:
        moved = await sla.published(subject, ClockRebased)
        assert len(moved) == len({(fact.clock, fact.cycle) for fact in moved}) > 0


async def test_the_worker_starts_on_a_publication_and_stops_with_the_service(sla: SlaClient) -> None:
    await sla.triaged()
    worker, stopping, moved = RecomputeWorker(seconds=3600), asyncio.Event(), asyncio.Event()
    sla.runtime.on_commit(moved.set)
    running = asyncio.create_task(worker.run(sla.runtime, stopping))
    await sla.publish(storm_rulebook(), "rebase_open")
    worker.wake()
    await asyncio.wait_for(moved.wait(), 20)
    stopping.set()
    await asyncio.wait_for(running, 20)
    assert set((await sla.revisions()).values()) == {2}

"""Recompute open complaints under a newly published revision, in batches, while the service goes on with its work.

Progress is stored in the rows: a recomputed complaint is under the newer revision. So the next start continues after a
crash, and replicas share the work, because each claims only rows that no other transaction has locked. Closed
complaints stay under their revision; one that is reopened later is found by a later round.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import Recompute, SlaState
from services.sla.store.revisions import newest_recomputing_revision
from services.sla.store.states import claim_outdated, has_outdated
from shared.runner.runner import ClaimStates
from shared.runtime import Runtime
from shared.wakeup import Wakeup

log = logging.getLogger(__name__)
FIRST = (0, UUID(int=0))
PASSES = 3  # rows that were locked during one pass are left to the next; the rest waits for the next round


class RecomputeCount(NamedTuple):
    """Result of a round: complaints that are under the new revision now, and complaints whose decision failed."""

    done: int = 0
    failed: int = 0


class RecomputeWorker:
    """Background worker: `run` loops, `wake` starts a round after a publication, `run_once` is one round.

    `batch`: complaints of one transaction. `flights`: transactions at once, so that PostgreSQL writes one while Python
    decides the next. `seconds`: longest time between two rounds; they find what another replica has published.
    """

    def __init__(self, *, batch: int = 100, flights: int = 3, seconds: float = 30.0) -> None:
        self._batch = batch
        self._flights = flights
        self._seconds = seconds
        self._wakeup = Wakeup()
        self.wake = self._wakeup.wake

    async def run(self, runtime: Runtime, stopping: asyncio.Event) -> None:
        """Run a round after each publication, and after `seconds`, until `stopping` is set."""
        async with self._wakeup.woken_by(stopping):
            while not stopping.is_set():
                await self.run_once(runtime, stopping)
                await self._wakeup.wait(self._seconds)

    async def run_once(self, runtime: Runtime, stopping: asyncio.Event | None = None) -> RecomputeCount:
        """Recompute every outdated open complaint, except those that stay locked or whose decision fails."""
        total, revision = RecomputeCount(), await newest_recomputing_revision(runtime.pool)
        for _ in range(PASSES):
            if revision is None or not await has_outdated(runtime.pool, revision):
                break
            count = await self._pass(runtime, revision, stopping or runtime.stopping)
            total = RecomputeCount(total.done + count.done, count.failed)
            if not count.done:
                break
        if any(total):
            log.info("recomputed open complaints", extra={"complaints": total.done, "failed": total.failed})
        return total

    async def _pass(self, runtime: Runtime, revision: int, stopping: asyncio.Event) -> RecomputeCount:
        last = FIRST

        async def claim(conn: asyncpg.Connection) -> Sequence[SlaState]:
            """Claim the next batch, behind all that were claimed in this pass; an empty one ends the pass."""
            nonlocal last
            states = await claim_outdated(conn, revision, last, self._batch)
            if states:
                last = max(last, (states[-1].terms[-1].terms.revision, states[-1].complaint_id))
            return states

        flights = [asyncio.create_task(_recompute(runtime, claim, stopping)) for _ in range(self._flights)]
        results = await asyncio.gather(*flights, return_exceptions=True)
        done = failed = 0
        for result in results:
            if isinstance(result, BaseException):
                raise result
            done, failed = done + result.done, failed + result.failed
        return RecomputeCount(done, failed)


async def _recompute(runtime: Runtime, claim: ClaimStates[SlaState], stopping: asyncio.Event) -> RecomputeCount:
    done = failed = 0
    while not stopping.is_set() and (results := await runtime.runner.handle_claimed(claim, Recompute)):
        errors = [result for result in results if isinstance(result, Exception)]
        if errors:
            log.error("complaints could not be recomputed", extra={"complaints": len(errors)}, exc_info=errors[0])
        done, failed = done + len(results) - len(errors), failed + len(errors)
    return RecomputeCount(done, failed)

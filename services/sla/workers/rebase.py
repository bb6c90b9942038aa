"""Moves what is open to what was published, a batch of complaints at a time, while the service goes on with its work.

Progress is in the rows: whoever was moved is under a newer revision, so after a kill the next start goes on with the
rest. Replicas share the work, because each claims what no other holds. What is closed stays; if it is reopened later,
the next look finds it.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.sla.domain import Recompute, SlaContext, SlaState
from shared.runner.state_store import StateStore, build_claim_query
from shared.runtime import Runtime

log = logging.getLogger(__name__)
# The last publication that moves what is open; what only speaks of new complaints hides none before it.
MOVING = "select max(revision) from rulebook where mode <> 'new_only'"
# Whether anybody is under an older revision at all.
ANY = "select exists (select from complaint where is_open and revision < $1)"
# Open complaints that are under an older revision, behind the last one that was claimed.
BEHIND = build_claim_query(
    "is_open and revision < $2 and (revision, complaint_id) > ($3, $4::uuid)", "revision, complaint_id"
)
FIRST = (0, UUID(int=0))
PASSES = 3  # the later ones are for what others held during the one before; what is left then, the next look finds

_documents: StateStore[SlaState, SlaContext] = StateStore(SlaState)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a round came to: complaints that are under the new revision, and those whose decision failed."""

    done: int = 0
    failed: int = 0

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.done + other.done, self.failed + other.failed)


class RecomputeWorker:
    """`rebase` for ever; `wake` after a publication of this process, `run_once` moves everything that is behind."""

    def __init__(self, *, batch: int = 100, flights: int = 3, seconds: float = 30.0) -> None:
        self._batch = batch
        self._flights = flights
        self._seconds = seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def rebase(self, runtime: Runtime, stopping: asyncio.Event) -> None:
        """Until `stopping`: move what is behind, then wait for a publication; another replica's is found at a look."""
        watch = asyncio.create_task(stopping.wait())
        watch.add_done_callback(lambda _: self.wake())
        try:
            while not stopping.is_set():
                self._woken.clear()
                await self.run_once(runtime, stopping)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._seconds)
        finally:
            watch.cancel()

    async def run_once(self, runtime: Runtime, stopping: asyncio.Event | None = None) -> Moved:
        """Move every open complaint that is behind, but for what others hold and what cannot be moved."""
        moved, newest = Moved(), await runtime.pool.fetchval(MOVING)
        for _ in range(PASSES):
            if newest is None or not await runtime.pool.fetchval(ANY, newest):
                break
            once = await self._pass(runtime, _Front(newest, self._batch), stopping or runtime.stopping)
            moved = Moved(moved.done + once.done, once.failed)
            if not once.done:
                break
        if moved != Moved():
            log.info("moved to a published rulebook", extra={"complaints": moved.done, "failed": moved.failed})
        return moved

    async def _pass(self, runtime: Runtime, front: "_Front", stopping: asyncio.Event) -> Moved:
        """Several transactions under way: PostgreSQL writes one while Python decides the next."""
        flights = [asyncio.create_task(_fly(runtime, front, stopping)) for _ in range(self._flights)]
        counts = await asyncio.gather(*flights, return_exceptions=True)
        for one in counts:
            if isinstance(one, BaseException):
                raise one
        return sum((one for one in counts if isinstance(one, Moved)), Moved())


async def _fly(runtime: Runtime, front: "_Front", stopping: asyncio.Event) -> Moved:
    done = failed = 0
    while not stopping.is_set() and (results := await runtime.runner.sweep(front.claim, Recompute)):
        refused = [one for one in results if isinstance(one, Exception)]
        if refused:
            log.error("complaints could not be moved", extra={"complaints": len(refused)}, exc_info=refused[0])
        done, failed = done + len(results) - len(refused), failed + len(refused)
    return Moved(done, failed)


class _Front:
    """How far a pass has come: each complaint that is behind is claimed by one of its flights, once at most."""

    def __init__(self, newest: int, size: int) -> None:
        self._newest = newest
        self._size = size
        self._last = FIRST

    async def claim(self, conn: asyncpg.Connection) -> Sequence[SlaState]:
        """The next of them; none at the end."""
        found = await _documents.claim(conn, BEHIND, self._size, self._newest, *self._last)
        if found:
            last = found[-1]
            self._last = max(self._last, (last.terms[-1].terms.revision, last.complaint_id))
        return found

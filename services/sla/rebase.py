"""Moves what is open to what was published, a batch of complaints at a time, while the service goes on with its work.

Progress is in the rows: whoever was moved is under a newer revision, so after a kill the next start goes on with the
rest. Replicas share the work by parts, each part moved by one at a time, because two would wait for each other's rows;
should two do it all the same, the second finds nothing to change. What is closed stays; if it is reopened later, the
next look finds it.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import sample
from typing import Any, cast
from uuid import UUID

import asyncpg

from services.sla.domain import Rebase
from shared.contracts.envelope import ComplaintId
from shared.kernel import Kernel

log = logging.getLogger(__name__)
LOCK = 7_391_100  # advisory lock key of the first part, per schema by adding the schema's oid
PARTS = 8  # shares of all complaints, by the last byte of their ids; as many replicas can move at a time
# The last publication that moves what is open; what only speaks of new complaints hides none before it.
MOVING = "select max(revision) from rulebook where mode <> 'new_only'"
CLAIM = "select pg_try_advisory_lock($1, (select oid::int4 from pg_namespace where nspname = current_schema()))"
RELEASE = "select pg_advisory_unlock($1, (select oid::int4 from pg_namespace where nspname = current_schema()))"
# Whether anybody is under an older revision at all.
ANY = "select exists (select from complaint where is_open and revision < $1)"
# Open complaints of one part that are under an older revision, behind the last one that was handed out.
BEHIND = """
    select revision, complaint_id from complaint
    where is_open and revision < $1 and (revision, complaint_id) > ($2, $3)
      and get_byte(uuid_send(complaint_id), 15) % $4 = $5
    order by revision, complaint_id limit $6
"""
FIRST = (0, UUID(int=0))


@dataclass(frozen=True, slots=True)
class Moved:
    """What a round came to: complaints that are under the new revision, and those whose decision failed."""

    done: int = 0
    failed: int = 0

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.done + other.done, self.failed + other.failed)


class Rebaser:
    """`rebase` for ever; `wake` after a publication of this process, `run_once` moves everything that is behind."""

    def __init__(self, *, batch: int = 100, flights: int = 2, seconds: float = 30.0) -> None:
        self._batch = batch
        self._flights = flights
        self._seconds = seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def rebase(self, kernel: Kernel[Any, Any], stopping: asyncio.Event) -> None:
        """Until `stopping`: move what is behind, then wait for a publication; another replica's is found at a look."""
        watch = asyncio.create_task(stopping.wait())
        watch.add_done_callback(lambda _: self.wake())
        try:
            while not stopping.is_set():
                self._woken.clear()
                await self.run_once(kernel, stopping)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._seconds)
        finally:
            watch.cancel()

    async def run_once(self, kernel: Kernel[Any, Any], stopping: asyncio.Event | None = None) -> Moved:
        """Move every open complaint that is behind, each at most once, but for the parts that other replicas are at."""
        moved = Moved()
        async with kernel.pool.acquire() as held:
            conn = cast("asyncpg.Connection", held)
            newest = await conn.fetchval(MOVING)
            if newest is None or not await conn.fetchval(ANY, newest):
                return moved
            for part in sample(range(PARTS), PARTS):  # replicas that wake together begin with different ones
                moved += await self._part(kernel, _Pages(conn, newest, part, self._batch), stopping or kernel.stopping)
        if moved != Moved():
            log.info("moved to a published rulebook", extra={"complaints": moved.done, "failed": moved.failed})
        return moved

    async def _part(self, kernel: Kernel[Any, Any], pages: "_Pages", stopping: asyncio.Event) -> Moved:
        if not await pages.begin():
            return Moved()
        try:
            return await self._together(kernel, pages, stopping)
        finally:
            await pages.end()

    async def _together(self, kernel: Kernel[Any, Any], pages: "_Pages", stopping: asyncio.Event) -> Moved:
        """Several transactions under way: PostgreSQL writes one while Python decides the next."""
        flights = [asyncio.create_task(_fly(kernel, pages, stopping)) for _ in range(self._flights)]
        counts = await asyncio.gather(*flights, return_exceptions=True)
        for one in counts:
            if isinstance(one, BaseException):
                raise one
        return sum((one for one in counts if isinstance(one, Moved)), Moved())


async def _fly(kernel: Kernel[Any, Any], pages: "_Pages", stopping: asyncio.Event) -> Moved:
    done = failed = 0
    while not stopping.is_set() and (page := await pages.next()):
        results = await kernel.runner.commands([Rebase(one) for one in page])
        refused = [one for one in results if isinstance(one, Exception)]
        if refused:
            log.error("complaints could not be moved", extra={"complaints": len(refused)}, exc_info=refused[0])
        done, failed = done + len(page) - len(refused), failed + len(refused)
    return Moved(done, failed)


class _Pages:
    """Hands each complaint of a part that is behind to one flight, while this connection holds the part's lock."""

    def __init__(self, conn: asyncpg.Connection, newest: int, part: int, size: int) -> None:
        self._conn = conn
        self._newest = newest
        self._part = part
        self._size = size
        self._turn = asyncio.Lock()
        self._last: tuple[int, UUID] | None = FIRST

    async def begin(self) -> bool:
        """Whether nobody else is at this part."""
        return bool(await self._conn.fetchval(CLAIM, LOCK + self._part))

    async def next(self) -> Sequence[ComplaintId]:
        """The next of them; none at the end."""
        async with self._turn:
            if self._last is None:
                return ()
            rows = await self._conn.fetch(BEHIND, self._newest, *self._last, PARTS, self._part, self._size)
            self._last = (rows[-1][0], rows[-1][1]) if rows else None
            return [ComplaintId(row[1]) for row in rows]

    async def end(self) -> None:
        """Let another replica have a turn; a connection that broke has let go already."""
        if not self._conn.is_closed():
            await self._conn.fetchval(RELEASE, LOCK + self._part)

"""Rehearsals of this process, one at a time beside its other work; what they find is kept with the draft."""

import asyncio
import logging
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.sla.domain import SlaState
from services.sla.policies import Mode
from services.sla.rulebook.back_test import BackTestCounter
from services.sla.rulebook.dry_run import DryRunCounter
from services.sla.rulebook.reports import BackTest, DryRun
from services.sla.store import drafts
from services.sla.store.drafts import Rehearsed, RulebookDraft
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.scan import ComplaintScan, open_ones, recent_ones
from shared.errors import RedressError, Unavailable
from shared.runtime import Runtime
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
PATIENCE = 1.5  # seconds for which whoever asks waits: on a small house's data all is done by then
NOTE_EVERY = 1.0  # seconds between two notes of how far it is
WAITING_MAX = 8  # rehearsals asked for and not finished
NOW = "select now(), (select max(revision) from rulebook)"


class ComplaintCounter(Protocol):
    """What counts complaint by complaint."""

    def add(self, state: SlaState) -> None:
        """One of them."""

    def fail(self, complaint: UUID) -> None:
        """One that could not be computed."""

    def report(self) -> DryRun | BackTest:
        """The figures so far."""


class RehearsalJobs:
    """Begins rehearsals and sees them through. A draft that is replaced or published ends its own."""

    def __init__(self, runtime: Runtime, shelf: RulebookRepository) -> None:
        self._runtime = runtime
        self._shelf = shelf
        self._turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def dry_run(self, draft: UUID, version: int, mode: Mode, actor: str) -> None:
        """Begin one, and give it a moment. Raises `NotFound`, `Stale`, or `Rejected` where the draft fits no more."""
        async with transaction(self._runtime.pool) as conn:
            found = await drafts.seen(conn, draft, version)
            ((now, base),) = await conn.fetch(NOW)
            before = await self._shelf.current(conn, base)
            after = await self._shelf.candidate(conn, found.document, mode, "", actor)
            note = _begun(found, base=base, mode=mode)
            await self._begin(conn, found, "dry_run", note)
        await self._see_through(found, "dry_run", note, DryRunCounter(before, after, now))

    async def back_test(self, draft: UUID, version: int, days: int) -> None:
        """Begin one, and give it a moment. Raises as `dry_run` does."""
        async with transaction(self._runtime.pool) as conn:
            found = await drafts.seen(conn, draft, version)
            ((now, base),) = await conn.fetch(NOW)
            really = await self._shelf.current(conn, base)
            note = _begun(found, base=base, days=days)
            tally = BackTestCounter(really, self._shelf.alone(found.document), now, days)
            await self._begin(conn, found, "back_test", note)
        await self._see_through(found, "back_test", note, tally)

    async def _begin(
        self, conn: asyncpg.Connection, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any]
    ) -> None:
        if len(self._tasks) >= WAITING_MAX:
            raise Unavailable("too many rehearsals are waiting already; try again when one is done")
        await drafts.begin(conn, draft, what, note)

    async def _see_through(
        self, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any], tally: ComplaintCounter
    ) -> None:
        task = asyncio.create_task(self._run(draft, what, note, tally))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=PATIENCE)

    async def _run(self, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any], tally: ComplaintCounter) -> None:
        try:
            async with self._turn:
                if not await self._walk(draft, what, note, tally):
                    return
            report = tally.report()
            found = {"status": "done", "report": report.model_dump(mode="json"), "sentences": report.sentences}
        except Exception as error:
            log.exception("a rehearsal failed")
            reason = error.detail if isinstance(error, RedressError) else "something went wrong on our side"
            found = {"status": "failed", "reason": reason}
        await self._note(draft, what, note | found)

    async def _walk(self, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any], tally: ComplaintCounter) -> bool:
        """False: nobody waits for it any more."""
        pages = await self._pages(note)
        note["of"], last = pages.size, monotonic() - NOTE_EVERY
        async for states in pages.walk():
            if self._runtime.stopping.is_set():
                await self._note(draft, what, note | {"status": "interrupted"})
                return False
            if monotonic() - last >= NOTE_EVERY:
                last = monotonic()
                if not await self._note(draft, what, note):
                    return False
            _add(tally, states)
            note["done"] += len(states)
        return True

    async def _pages(self, note: dict[str, Any]) -> ComplaintScan:
        pool = self._runtime.pool
        if "days" not in note:
            return await open_ones(pool)
        return await recent_ones(pool, await pool.fetchval("select now()"), note["days"])

    async def _note(self, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any]) -> bool:
        async with transaction(self._runtime.pool) as conn:
            return await drafts.note(conn, draft, what, note)


def _begun(draft: RulebookDraft, **asked: Any) -> dict[str, Any]:
    return {"run": str(uuid7()), "status": "running", "version": draft.version, "done": 0, "of": None, **asked}


def _add(tally: ComplaintCounter, states: Any) -> None:
    for state in states:
        try:
            tally.add(state)
        except Exception:
            tally.fail(state.complaint_id)
            log.exception("a complaint could not be rehearsed", extra={"complaint": str(state.complaint_id)})

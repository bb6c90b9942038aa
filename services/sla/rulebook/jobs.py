"""Run dry runs and back-tests as background jobs of this process.

A job scans thousands of complaints, so it may take minutes. One job runs at a time, and its scan lets the event loop
go on after every few complaints. Progress and result are stored with the draft, about once per second. So any replica
can answer for the job, and a job whose process crashed is recognised by its age (see store/drafts.py). Each job has a
run id: if the draft is replaced or published, or a newer job of the same kind begins, the next save fails and the job
ends.
"""

import asyncio
import logging
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.sla.domain import SlaState
from services.sla.policies import Mode
from services.sla.rulebook.back_test import BackTestCounter
from services.sla.rulebook.counters import ComplaintCounter
from services.sla.rulebook.dry_run import DryRunCounter
from services.sla.store import drafts
from services.sla.store.drafts import RehearsalKind, RulebookDraft
from services.sla.store.revisions import newest_revision
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.scan import scan_open, scan_recent
from services.sla.store.states import database_now
from shared.errors import RedressError, Unavailable
from shared.runtime import Runtime
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
FIRST_WAIT = 1.5  # seconds that a request waits for the result: enough where there are few complaints
SAVE_EVERY = 1.0  # seconds between two saves of the progress
JOBS_MAX = 8  # jobs that run or wait


class RehearsalJobs:
    """Start rehearsals of drafts and keep their tasks."""

    def __init__(self, runtime: Runtime, rulebooks: RulebookRepository) -> None:
        self._runtime = runtime
        self._rulebooks = rulebooks
        self._running = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start_dry_run(self, draft: UUID, version: int, mode: Mode, actor: str) -> None:
        """Start a dry run and wait a moment for its result.

        Raises `NotFound`, `PreconditionFailed`, `Unavailable` for too many jobs, and `Rejected` if the draft does not
        fit the published rulebook any more.
        """
        async with transaction(self._runtime.pool) as conn:
            locked = await drafts.lock_draft(conn, draft, version)
            base = await newest_revision(conn)
            before = await self._rulebooks.current(conn, base)
            after = await self._rulebooks.candidate(conn, locked.document, mode, "", actor)
            counter = DryRunCounter(before, after, await database_now(conn))
            progress = await self._begin(conn, locked, "dry_run", base=base, mode=mode)
        await self._start(locked, "dry_run", progress, counter)

    async def start_back_test(self, draft: UUID, version: int, days: int) -> None:
        """Start a back-test and wait a moment for its result. Raises as `start_dry_run` does."""
        async with transaction(self._runtime.pool) as conn:
            locked = await drafts.lock_draft(conn, draft, version)
            base = await newest_revision(conn)
            actual = await self._rulebooks.current(conn, base)
            replacing = self._rulebooks.compile_alone(locked.document)
            counter = BackTestCounter(actual, replacing, await database_now(conn), days)
            progress = await self._begin(conn, locked, "back_test", base=base, days=days)
        await self._start(locked, "back_test", progress, counter)

    async def _begin(
        self, conn: asyncpg.Connection, draft: RulebookDraft, kind: RehearsalKind, **parameters: Any
    ) -> dict[str, Any]:
        if len(self._tasks) >= JOBS_MAX:
            raise Unavailable("too many rehearsals are waiting already; try again when one is done")
        progress = {"run": str(uuid7()), "status": "running", "version": draft.version, "done": 0, "of": None}
        await drafts.begin_rehearsal(conn, draft, kind, progress | parameters)
        return progress | parameters

    async def _start(
        self, draft: RulebookDraft, kind: RehearsalKind, progress: dict[str, Any], counter: ComplaintCounter
    ) -> None:
        task = asyncio.create_task(self._run(draft, kind, progress, counter))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=FIRST_WAIT)

    async def _run(
        self, draft: RulebookDraft, kind: RehearsalKind, progress: dict[str, Any], counter: ComplaintCounter
    ) -> None:
        try:
            async with self._running:
                if not await self._scan(draft, kind, progress, counter):
                    return
            report = counter.report()
            document = report.model_dump(mode="json", by_alias=True)
            result = {"status": "done", "report": document, "sentences": report.sentences}
        except Exception as error:
            log.exception("a rehearsal failed")
            reason = error.detail if isinstance(error, RedressError) else "internal error; the log has the cause"
            result = {"status": "failed", "reason": reason}
        await drafts.save_rehearsal(self._runtime.pool, draft, kind, progress | result)

    async def _scan(
        self, draft: RulebookDraft, kind: RehearsalKind, progress: dict[str, Any], counter: ComplaintCounter
    ) -> bool:
        """Add every complaint. Return False if the job was interrupted or replaced."""
        pool = self._runtime.pool
        scan = await (scan_recent(pool, progress["days"]) if "days" in progress else scan_open(pool))
        progress["of"], saved_at = scan.size, monotonic() - SAVE_EVERY
        async for states in scan.chunks():
            if self._runtime.stopping.is_set():
                await drafts.save_rehearsal(pool, draft, kind, progress | {"status": "interrupted"})
                return False
            if monotonic() - saved_at >= SAVE_EVERY:
                saved_at = monotonic()
                if not await drafts.save_rehearsal(pool, draft, kind, progress):
                    return False
            for state in states:
                _add(counter, state)
            progress["done"] += len(states)
        return True


def _add(counter: ComplaintCounter, state: SlaState) -> None:
    try:
        counter.add(state)
    except Exception:
        counter.fail(state.complaint_id)
        log.exception("a complaint could not be computed", extra={"complaint": str(state.complaint_id)})

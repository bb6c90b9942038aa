"""Detect outages of this system and record them, so that a breach can name its cause and customers are warned in time.

Three causes are detected:

- `downtime`: no sla process was running. Each process renews one heartbeat row that expires after `downtime_seconds`.
  The next process that finds it expired records the time between as a downtime.
- `lag`: the oldest unread event on Kafka is older than `lag_outage_seconds`.
- `provider`: of the complaints of one hour, at least `untold_count` and half of all have a date that no accepted
  message states after `untold_minutes`; the mail provider is taken as failing.

An outage that is seen again is renewed; one that was not seen for `downtime_seconds` ends at the time it was last seen.
Replicas need no coordination for this, because all of it is in the database, by the database's clock.

While an outage lasts, promises that fall due within `risk_hours` are marked at risk, once per promise and cause, so
that notify can write to the customer before the due time. A downtime is different: no process could mark anything while
it lasted. So after it, the promises whose business hours overlapped it are marked.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import MarkAtRisk
from services.sla.settings import Settings
from services.sla.store import outages
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import BreachCause
from shared.errors import Rejected
from shared.runtime import Runtime
from shared.storage.postgres import transaction
from shared.wakeup import wait_for_event

log = logging.getLogger(__name__)
MARKED_MAX = 500  # complaints marked in one round
DUE_SOON_MAX = 20_000  # complaints read in one round
REMEMBERED_MAX = 100_000  # submitted commands remembered; at more the set is cleared, and they are submitted again


class DetectedOutage(NamedTuple):
    """Outage that lasts, or a recent downtime. Promises due before `risk_until` are at risk by it."""

    cause: BreachCause
    since: datetime
    until: datetime | None
    risk_until: datetime

    def command(self, complaint: UUID) -> MarkAtRisk:
        """Return the command that marks the promises of one complaint."""
        lost = None if self.until is None else (self.since, self.until)
        return MarkAtRisk(ComplaintId(complaint), cause=self.cause, until=self.risk_until, lost=lost)


class _Submitted(NamedTuple):
    """Key of a command that was submitted: the outage, and the complaint at that version with its next due time."""

    cause: BreachCause
    since: datetime
    complaint: UUID
    version: int
    due_at: datetime


class OutageMonitor:
    """Background worker: `run` loops, `run_once` is one check."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gap = timedelta(seconds=settings.downtime_seconds)
        self._handled: set[_Submitted] = set()

    async def renew_heartbeat(self, conn: asyncpg.Connection) -> None:
        """Renew the heartbeat, and record a downtime if it had expired.

        Called at the start before any timer fires, so that clocks that fell due meanwhile are breached by `downtime`.
        """
        since = await outages.renew_heartbeat(conn, self._gap)
        if since is not None:
            await outages.insert_downtime(conn, since)
            log.warning("no sla process was running", extra={"since": since.isoformat()})

    async def run(self, runtime: Runtime, stopping: asyncio.Event) -> None:
        """Check every `watch_seconds` until `stopping` is set."""
        while not stopping.is_set():
            await self.run_once(runtime)
            await wait_for_event(stopping, self._settings.watch_seconds)

    async def run_once(self, runtime: Runtime) -> int:
        """Record outages and mark the promises at risk. Return the number of complaints with a newly marked promise."""
        async with transaction(runtime.pool) as conn:
            await self.renew_heartbeat(conn)
            await self._record(conn, timedelta(seconds=runtime.metrics.value("redress_lag_seconds")))
            horizon = timedelta(hours=self._settings.risk_hours)
            detected = [DetectedOutage(*row) for row in await outages.select_risk_periods(conn, horizon)]
        lasting = [outage for outage in detected if outage.until is None]
        for cause in ("provider", "lag"):
            is_down = any(outage.cause == cause for outage in lasting)
            runtime.metrics.gauge("redress_outage", float(is_down), label=cause)
        # Outages that last overlap and often have one reason. Only the oldest marks, so that customers get one message;
        # when it ends, the next one marks what is still at risk.
        ended = detected[len(lasting) :]
        return sum([await self._mark_at_risk(runtime, outage) for outage in (*lasting[:1], *ended)])

    async def _record(self, conn: asyncpg.Connection, lag: timedelta) -> None:
        if lag > timedelta(seconds=self._settings.lag_outage_seconds):
            await outages.upsert_outage(conn, "lag", lag)
        untold, received, age = await outages.count_untold(conn, timedelta(minutes=self._settings.untold_minutes))
        # A few untold dates may have their own reasons; at least half of all are the provider's.
        if age and untold >= self._settings.untold_count and untold * 2 >= received:
            await outages.upsert_outage(conn, "provider", age)
        for cause in await outages.end_outages(conn, self._gap):
            log.warning("an outage has ended", extra={"cause": cause})

    async def _mark_at_risk(self, runtime: Runtime, outage: DetectedOutage) -> int:
        """Submit a command for each complaint with a promise due soon; return how many published an event.

        The decision itself marks a promise once per cause. `_handled` only saves the command: a complaint is submitted
        again if it was written meanwhile, or if another of its due times comes within reach.
        """
        if len(self._handled) > REMEMBERED_MAX:
            self._handled.clear()
        rows = await outages.select_due_soon(runtime.pool, outage.risk_until, DUE_SOON_MAX)
        new = [row for row in rows if _Submitted(outage.cause, outage.since, *row) not in self._handled][:MARKED_MAX]
        submissions = [runtime.submit(outage.command(complaint)) for complaint, _, _ in new]
        results = await asyncio.gather(*submissions, return_exceptions=True)
        for row, result in zip(new, results, strict=True):
            if not isinstance(result, BaseException) or isinstance(result, Rejected):
                self._handled.add(_Submitted(outage.cause, outage.since, *row))
        return sum(bool(result.events) for result in results if not isinstance(result, BaseException))

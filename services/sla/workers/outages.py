"""What of ours is down, written down while it lasts: so that a miss says whose fault it was, and nobody waits in vain.

Three things are noticed. Nobody of sla lived for a while (`downtime`), by a heartbeat in the database. Events wait on
Kafka (`lag`), by the age of the oldest one. Dates were made and nobody was told (`provider`), by promises that stay
untold. While one of them lasts, promises that fall due soon are named once, so that a word reaches the customer before;
and after a downtime those that lost working time by it, because nobody could name them while it lasted.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import MarkAtRisk
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import BreachCause
from shared.errors import Rejected
from shared.runtime import Runtime
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
NAMED_MAX = 500  # promises named in one round
SOON_MAX = 20_000  # looked at in one round
REMEMBERED_MAX = 100_000

# Somebody lives. Gives when the one before did, where that was longer ago than it had promised to be back.
BEAT = """
    with before as (select at, expires_at from heartbeat for update),
    beat as (
        insert into heartbeat (at, expires_at) values (now(), now() + $1)
        on conflict (one) do update set at = excluded.at, expires_at = excluded.expires_at
    )
    select at from before where expires_at < now()
"""
# A time without anybody, once it is over.
WAS_DOWN = "insert into outage (cause, since, until) values ('downtime', $1, now())"
# Something is seen to be down: a new outage, or the one that lasts already.
SEEN = """
    insert into outage (cause, since) values ($1, now() - $2::interval)
    on conflict (cause) where until is null do update set seen_at = now()
"""
# An outage is over once nobody has seen it for a while.
OVER = "update outage set until = seen_at where until is null and seen_at < now() - $1::interval returning cause"
# What lasts, the oldest first; then downtimes that were over less than so long ago. With each, until when promises are
# at risk by it: so long from now, or from its end.
DANGERS = """
    select cause, since, until, coalesce(until, now()) + $1::interval from outage
    where until is null or (cause = 'downtime' and until > now() - $1::interval)
    order by until desc nulls first, since
"""
# Of the complaints received in the hour before the limit: how many were made a promise nobody was told, since when.
UNTOLD = """
    select count(untold_since), count(*), now() - min(untold_since) from complaint
    where received_at between now() - $1::interval - interval '1 hour' and now() - $1::interval
"""
# Complaints with a date told that waits, and with some date that falls due until then. The one that waits may have been
# missed weeks ago and still be owed; which of the others were told and are open, the decision knows.
SOON = """
    select complaint_id, version, soon.due_at from complaint cross join lateral (
        select max((one->>'due_at')::timestamptz) as due_at from jsonb_array_elements(state->'promises') as one
        where (one->>'due_at')::timestamptz > now() and (one->>'due_at')::timestamptz <= $1
    ) as soon
    where promised_at > now() - interval '60 days' and promised_at <= $1 and soon.due_at is not null
    order by soon.due_at limit $2
"""


@dataclass(frozen=True, slots=True)
class OutageLimits:
    """From when on something counts as down, and how far ahead promises are at risk then."""

    every: timedelta
    gap: timedelta
    lag: timedelta
    untold: timedelta
    untold_count: int
    horizon: timedelta


class DetectedOutage(NamedTuple):
    """Something of ours that is down, or was until just now, and until when promises are at risk by it."""

    cause: BreachCause
    since: datetime
    until: datetime | None
    bound: datetime

    def command(self, complaint: UUID) -> MarkAtRisk:
        """To name what it puts at risk."""
        lost = None if self.until is None else (self.since, self.until)
        return MarkAtRisk(ComplaintId(complaint), cause=self.cause, until=self.bound, lost=lost)


class OutageMonitor:
    """`watch` for ever; `run_once` looks once."""

    def __init__(self, limits: OutageLimits) -> None:
        self._limits = limits
        self._looked: set[tuple[Any, ...]] = set()

    async def beat(self, conn: asyncpg.Connection) -> datetime | None:
        """A sign of life; writes down since when nobody of us had lived, if that was long, and gives it back.

        Called before anything falls due after a start, so that what fell due meanwhile knows why it was missed.
        """
        since: datetime | None = await conn.fetchval(BEAT, self._limits.gap)
        if since is not None:
            await conn.execute(WAS_DOWN, since)
            log.warning("nobody of us lived for a while", extra={"since": since.isoformat()})
        return since

    async def watch(self, runtime: Runtime, stopping: asyncio.Event) -> None:
        """Until `stopping`."""
        while not stopping.is_set():
            await self.run_once(runtime)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._limits.every.total_seconds())

    async def run_once(self, runtime: Runtime) -> int:
        """Write down what is down, and name the promises that it puts at risk. Returns how many were named."""
        limits = self._limits
        async with transaction(runtime.pool) as conn:
            await self.beat(conn)
            lag = timedelta(seconds=runtime.metrics.value("redress_lag_seconds"))
            if lag > limits.lag:
                await conn.execute(SEEN, "lag", lag)
            if since := await self._untold(conn):
                await conn.execute(SEEN, "provider", since)
            for (cause,) in await conn.fetch(OVER, limits.gap):
                log.warning("an outage is over", extra={"cause": cause})
            dangers = [DetectedOutage(*row) for row in await conn.fetch(DANGERS, limits.horizon)]
        lasting = [one for one in dangers if one.until is None]
        for cause in ("provider", "lag"):
            runtime.metrics.gauge("redress_outage", float(any(cause == one.cause for one in lasting)), label=cause)
        over = dangers[len(lasting) :]
        return sum([await self._name(runtime, one) for one in (*lasting[:1], *over)])

    async def _untold(self, conn: asyncpg.Connection) -> timedelta | None:
        """For how long customers have not been told their dates, where it is too many of them to be chance."""
        ((untold, received, age),) = await conn.fetch(UNTOLD, self._limits.untold)
        return age if untold >= self._limits.untold_count and untold * 2 >= received else None

    async def _name(self, runtime: Runtime, danger: DetectedOutage) -> int:
        """Each promise once for each cause; the decision remembers it, we only spare it being asked again.

        It is asked again where the complaint was written meanwhile, or where another of its dates has come near.
        """
        if len(self._looked) > REMEMBERED_MAX:
            self._looked.clear()
        rows = await runtime.pool.fetch(SOON, danger.bound, SOON_MAX)
        found = {(danger.cause, danger.since, *row): row[0] for row in rows}
        fresh = [(key, complaint) for key, complaint in found.items() if key not in self._looked][:NAMED_MAX]
        commands = (danger.command(complaint) for _, complaint in fresh)
        done = await asyncio.gather(*(runtime.submit(one) for one in commands), return_exceptions=True)
        for (key, _), result in zip(fresh, done, strict=True):
            if not isinstance(result, BaseException) or isinstance(result, Rejected):
                self._looked.add(key)
        return sum(bool(result.events) for result in done if not isinstance(result, BaseException))

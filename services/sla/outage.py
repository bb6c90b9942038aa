"""What of ours is down, written down while it lasts: so that a miss says whose fault it was, and nobody waits in vain.

Three things are noticed. Nobody of sla lived for a while (`downtime`), by a heartbeat in the database. Events wait on
Kafka (`lag`), by the age of the oldest one. Dates were made and nobody was told (`provider`), by promises that stay
untold. While one of them lasts, promises that fall due soon are named once, so that a word reaches the customer before.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.sla.domain import Endanger
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import BreachCause
from shared.errors import Rejected
from shared.kernel import Kernel
from shared.postgres import transaction

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
LASTING = "select cause from outage where until is null order by since"
# Of the complaints received in the hour before the limit: how many were made a promise nobody was told, since when.
UNTOLD = """
    select count(untold_since), count(*), now() - min(untold_since) from complaint
    where received_at between now() - $1::interval - interval '1 hour' and now() - $1::interval
"""
# Complaints with a date told that falls due soon, or that was missed and may hide one that does.
SOON = """
    select complaint_id, promised_at, now() from complaint
    where promised_at > now() - interval '1 day' and promised_at <= now() + $1::interval order by promised_at limit $2
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something counts as down, and how far ahead promises are at risk then."""

    every: timedelta
    gap: timedelta
    lag: timedelta
    untold: timedelta
    untold_count: int
    horizon: timedelta


class Watch:
    """`watch` for ever; `run_once` looks once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._named: set[tuple[UUID, datetime, BreachCause]] = set()

    async def beat(self, conn: asyncpg.Connection) -> datetime | None:
        """A sign of life; writes down since when nobody of us had lived, if that was long, and gives it back.

        Called before anything falls due after a start, so that what fell due meanwhile knows why it was missed.
        """
        since: datetime | None = await conn.fetchval(BEAT, self._limits.gap)
        if since is not None:
            await conn.execute(WAS_DOWN, since)
            log.warning("nobody of us lived for a while", extra={"since": since.isoformat()})
        return since

    async def watch(self, kernel: Kernel[Any, Any], stopping: asyncio.Event) -> None:
        """Until `stopping`."""
        while not stopping.is_set():
            await self.run_once(kernel)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._limits.every.total_seconds())

    async def run_once(self, kernel: Kernel[Any, Any]) -> int:
        """Write down what is down, and name the promises that it puts at risk. Returns how many were named."""
        limits = self._limits
        async with transaction(kernel.pool) as conn:
            await self.beat(conn)
            lag = timedelta(seconds=kernel.metrics.value("redress_lag_seconds"))
            if lag > limits.lag:
                await conn.execute(SEEN, "lag", lag)
            if since := await self._untold(conn):
                await conn.execute(SEEN, "provider", since)
            for (cause,) in await conn.fetch(OVER, limits.gap):
                log.warning("an outage is over", extra={"cause": cause})
            lasting: list[BreachCause] = [row[0] for row in await conn.fetch(LASTING)]
        for cause in ("provider", "lag"):
            kernel.metrics.gauge("redress_outage", float(cause in lasting), label=cause)
        return await self._name(kernel, lasting[0]) if lasting else 0

    async def _untold(self, conn: asyncpg.Connection) -> timedelta | None:
        """For how long customers have not been told their dates, where it is too many of them to be chance."""
        ((untold, received, age),) = await conn.fetch(UNTOLD, self._limits.untold)
        return age if untold >= self._limits.untold_count and untold * 2 >= received else None

    async def _name(self, kernel: Kernel[Any, Any], cause: BreachCause) -> int:
        """Each promise once for each cause; the decision remembers it, we only spare it being asked again."""
        if len(self._named) > REMEMBERED_MAX:
            self._named.clear()
        rows = await kernel.pool.fetch(SOON, self._limits.horizon, SOON_MAX)
        fresh = [row for row in rows if (row[0], row[1], cause) not in self._named][:NAMED_MAX]
        commands = [Endanger(ComplaintId(row[0]), cause=cause, until=row[2] + self._limits.horizon) for row in fresh]
        done = await asyncio.gather(*(kernel.submit(one) for one in commands), return_exceptions=True)
        for row, result in zip(fresh, done, strict=True):
            if not isinstance(result, BaseException) or isinstance(result, Rejected):
                self._named.add((row[0], row[1], cause))
        return sum(bool(result.says) for result in done if not isinstance(result, BaseException))

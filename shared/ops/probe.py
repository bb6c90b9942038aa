"""Probe: reads ages and counts from the database at each scrape.

It has a connection of its own, so that a stuck worker or an exhausted pool cannot hide them.
"""

import asyncio
import logging
from contextlib import suppress

import asyncpg

from shared.ops.metrics import Metrics
from shared.settings import ServiceSettings
from shared.storage import dead_letters, outbox, postgres

log = logging.getLogger(__name__)
SELECT_OLDEST_TIMER = """
select coalesce(extract(epoch from clock_timestamp() - (
    select due_at from complaint where due_at <= now() order by due_at limit 1)), 0)::float8
"""
SELECT_HAS_TIMERS = """
select exists (select from information_schema.columns
               where table_schema = current_schema() and table_name = 'complaint' and column_name = 'due_at')
"""
UNKNOWN = float("nan")  # fires the alert on absent data; an old number would not
PROBE_SECONDS = 3.0


class Probe:
    """Refreshes the gauges that come from the database, in `PROBE_SECONDS` at most."""

    def __init__(self, name: str, settings: ServiceSettings, metrics: Metrics) -> None:
        self._name = name
        self._settings = settings
        self._metrics = metrics
        self._conn: asyncpg.Connection | None = None
        self._has_timers = False
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read all values. Those that cannot be read become NaN."""
        async with self._lock:
            try:
                await asyncio.wait_for(self._read(), PROBE_SECONDS)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._disconnect()

    async def _read(self) -> None:
        if self._conn is None or self._conn.is_closed():
            self._conn = await postgres.connect_alone(self._settings, f"{self._name}-probe")
            self._has_timers = bool(await self._conn.fetchval(SELECT_HAS_TIMERS))
        conn, gauge = self._conn, self._metrics.gauge
        gauge("redress_oldest_unpublished_seconds", await outbox.select_oldest_age(conn))
        gauge("redress_oldest_dead_letter_seconds", await dead_letters.select_oldest_age(conn))
        for status, count in (await dead_letters.count_open(conn)).items():
            gauge("redress_dead_letters", count, label=status)
        if self._has_timers:
            gauge("redress_oldest_timer_seconds", float(await conn.fetchval(SELECT_OLDEST_TIMER)))

    async def _disconnect(self) -> None:
        for name in ("unpublished", "dead_letter", "timer"):
            self._metrics.gauge(f"redress_oldest_{name}_seconds", UNKNOWN)
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(Exception):
                conn.terminate()

    async def close(self) -> None:
        """Close the connection of the probe."""
        if self._conn is not None:
            with suppress(Exception):
                await self._conn.close(timeout=2)

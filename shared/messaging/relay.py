"""Outbox to Kafka. One active relay per service: an advisory lock says who, an epoch fences who does not know yet."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from shared.contracts.envelope import CONTENT_TYPE
from shared.errors import Unavailable
from shared.messaging import kafka
from shared.ops.metrics import Metrics
from shared.settings import ServiceSettings
from shared.storage import outbox, postgres
from shared.storage.outbox import OutboxCursor

log = logging.getLogger(__name__)
LOCK = 7_391_001  # advisory lock key, per schema by adding the schema's oid
TRY_LOCK = "select pg_try_advisory_lock($1, (select oid::int4 from pg_namespace where nspname = current_schema()))"
SEND_SECONDS = 20.0
IDLE_FROM, IDLE_TO = 0.005, 0.05  # seconds between looks, growing while there is nothing
HEADERS = [("content-type", CONTENT_TYPE)]


class LeadershipLost(Unavailable):
    """Another relay has taken over."""


@dataclass(slots=True)
class _Leadership:
    """What an active relay holds, and gives back together."""

    conn: asyncpg.Connection
    producer: AIOKafkaProducer
    cursor: OutboxCursor
    rotated_at: float = 0.0


class Relay:
    """`run` for ever; `wake` after a commit so that nobody waits for a poll."""

    def __init__(self, name: str, settings: ServiceSettings, metrics: Metrics) -> None:
        self._name = name
        self._settings = settings
        self._metrics = metrics
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to publish."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Hold the lock and publish until `stopping`; raises when a connection or the producer fails."""
        conn = await postgres.connect_alone(self._settings, f"{self._name}-relay")
        try:
            while not await conn.fetchval(TRY_LOCK, LOCK):
                if await _waits(stopping, 1.0):
                    return
            await self._lead(conn, stopping)
        finally:
            self._metrics.gauge("redress_relay_active", 0)
            with suppress(Exception):
                await conn.close(timeout=2)

    async def _lead(self, conn: asyncpg.Connection, stopping: asyncio.Event) -> None:
        producer = kafka.producer(self._settings, self._name)
        try:
            await asyncio.wait_for(producer.start(), SEND_SECONDS)
            held = _Leadership(conn, producer, await outbox.take_over(conn), monotonic())
            self._metrics.gauge("redress_relay_active", 1)
            log.info("relay is active", extra={"epoch": held.cursor.epoch})
            await self._publish_for_ever(held, stopping)
        finally:
            with suppress(Exception):  # flush() inside stop() has no timeout of its own
                await asyncio.wait_for(producer.stop(), 3.0)

    async def _publish_for_ever(self, held: _Leadership, stopping: asyncio.Event) -> None:
        idle = IDLE_FROM
        while True:
            self._woken.clear()
            begun = monotonic()
            published = await self.run_once(held)
            if stopping.is_set() and not published:
                return
            if published:
                idle = IDLE_FROM
                if published < self._settings.relay_batch // 2:  # small rounds cost Kafka as much as large ones
                    await asyncio.sleep(max(0.0, self._settings.pace_ms / 1000 - (monotonic() - begun)))
                continue
            await self._rotate(held)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), idle)
            idle = min(idle * 1.5, IDLE_TO)

    async def run_once(self, held: _Leadership) -> int:
        """One round: read, send, wait for all acknowledgements, move the cursor. Returns how many were published."""
        held.cursor, rows = await outbox.read_pending(held.conn, held.cursor, self._settings.relay_batch)
        if not rows:
            return 0
        try:
            await asyncio.wait_for(_send(held.producer, rows), SEND_SECONDS)
        except Exception:
            self._metrics.count("redress_relay_failures")
            raise
        held.cursor = replace(held.cursor, id=rows[-1]["id"])
        if not await outbox.advance_cursor(held.conn, held.cursor):
            raise LeadershipLost
        self._metrics.count("redress_published", len(rows))
        return len(rows)

    async def _rotate(self, held: _Leadership) -> None:
        if monotonic() - held.rotated_at > self._settings.outbox_truncate_seconds:
            held.rotated_at = monotonic()
            await outbox.truncate_published(held.conn, datetime.now(UTC), held.cursor)


async def _send(producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
    """All rows, in order per partition, and every acknowledgement awaited."""
    buckets: dict[tuple[str, int], list[tuple[bytes, bytes, int]]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for row in rows:
        topic, key = row["topic"], str(row["key"]).encode()
        if topic not in sizes:
            sizes[topic] = await _partitions(producer, topic)
        stamp = int(row["said_at"].timestamp() * 1000)
        buckets[topic, kafka.partition_of(key, sizes[topic])].append((key, row["value"], stamp))
    waits = [wait for place, messages in buckets.items() for wait in await _bucket(producer, place, messages)]
    await asyncio.gather(*waits)


async def _partitions(producer: AIOKafkaProducer, topic: str) -> int:
    found = await producer.partitions_for(topic)
    if not found:
        raise Unavailable(f"topic {topic}: expected it to exist; run `redress topics create`")
    return len(found)


async def _bucket(
    producer: AIOKafkaProducer, place: tuple[str, int], messages: Sequence[tuple[bytes, bytes, int]]
) -> list[asyncio.Future[Any]]:
    topic, partition = place
    waits: list[asyncio.Future[Any]] = []
    batch = producer.create_batch()
    for key, value, stamp in messages:
        if batch.append(key=key, value=value, timestamp=stamp, headers=HEADERS) is None:
            waits.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=stamp, headers=HEADERS)
    waits.append(await producer.send_batch(batch, topic, partition=partition))
    return waits


async def _waits(stopping: asyncio.Event, seconds: float) -> bool:
    """Whether it is time to stop, at the latest after `seconds`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()

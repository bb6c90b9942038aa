"""Relay: publishes the outbox of a service to Kafka, in order, at least once.

Only one relay per service may publish, else the order per complaint is lost. Two mechanisms ensure it together:

- An advisory lock of PostgreSQL elects the active relay. It belongs to the relay's connection. PostgreSQL releases it
  when the process or the connection ends, and a waiting relay gets it within a second.
- The lock alone is not enough: a relay whose connection has been cut on the way does not notice it, and could publish
  while its successor does. So a relay that gets the lock increments the epoch in the row of the cursor, and each update
  of the cursor requires the epoch it got. The epoch is a fencing token: the first update of the former relay fails, and
  it stops with `LeadershipLost`. Until then it can only repeat rows that its successor also publishes; consumers ignore
  an event id they have seen.

The cursor moves only after Kafka has acknowledged all rows of a round. A relay that fails in between publishes these
rows again after the restart.
"""

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
from shared.wakeup import Wakeup, wait_for_event

log = logging.getLogger(__name__)
LOCK_KEY = 7_391_001  # of the advisory lock; the oid of the schema makes it differ per service
TRY_LOCK = "select pg_try_advisory_lock($1, (select oid::int4 from pg_namespace where nspname = current_schema()))"
LOCK_SECONDS = 1.0  # between two attempts to get the lock
SEND_SECONDS = 20.0  # for Kafka to acknowledge a round, and to accept the producer
CLOSE_SECONDS = 3.0  # for the producer to close; its flush has no timeout of its own
IDLE_MIN_SECONDS, IDLE_MAX_SECONDS = 0.005, 0.05  # between two polls of an empty outbox; grows while it stays empty
HEADERS = [("content-type", CONTENT_TYPE)]


class LeadershipLost(Unavailable):
    """Another relay has taken over."""


@dataclass(slots=True)
class _Leadership:
    """Connection with the lock, producer and cursor of the active relay."""

    conn: asyncpg.Connection
    producer: AIOKafkaProducer
    cursor: OutboxCursor
    truncated_at: float = 0.0


class Relay:
    """Relay of one process: active, or waiting to be. `wake` after a commit makes it publish at once."""

    def __init__(self, name: str, settings: ServiceSettings, metrics: Metrics) -> None:
        self._name = name
        self._settings = settings
        self._metrics = metrics
        self._wakeup = Wakeup()

    def wake(self) -> None:
        """Look for new rows now."""
        self._wakeup.wake()

    async def run(self, stopping: asyncio.Event) -> None:
        """Get the lock, then publish until `stopping`. Raises when the connection or the producer fails."""
        conn = await postgres.connect_alone(self._settings, f"{self._name}-relay")
        try:
            while not await conn.fetchval(TRY_LOCK, LOCK_KEY):
                if await wait_for_event(stopping, LOCK_SECONDS):
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
            leadership = _Leadership(conn, producer, await outbox.take_over(conn), monotonic())
            self._metrics.gauge("redress_relay_active", 1)
            log.info("relay is active", extra={"epoch": leadership.cursor.epoch})
            await self._publish_until(stopping, leadership)
        finally:
            with suppress(Exception):
                await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)

    async def _publish_until(self, stopping: asyncio.Event, leadership: _Leadership) -> None:
        """Publish round by round. After `stopping` go on until the outbox is empty."""
        idle = IDLE_MIN_SECONDS
        while True:
            started = monotonic()
            published = await self.run_once(leadership)
            if stopping.is_set() and not published:
                return
            if published:
                idle = IDLE_MIN_SECONDS
                if published < self._settings.relay_batch // 2:  # small rounds cost Kafka as much as large ones
                    await asyncio.sleep(max(0.0, self._settings.pace_ms / 1000 - (monotonic() - started)))
                continue
            await self._truncate(leadership)
            await self._wakeup.wait(idle)
            idle = min(idle * 1.5, IDLE_MAX_SECONDS)

    async def run_once(self, leadership: _Leadership) -> int:
        """Publish one round: read, send, wait for acknowledgements, advance the cursor. Return the number of rows."""
        conn = leadership.conn
        leadership.cursor, rows = await outbox.read_pending(conn, leadership.cursor, self._settings.relay_batch)
        if not rows:
            return 0
        try:
            await asyncio.wait_for(_send(leadership.producer, rows), SEND_SECONDS)
        except Exception:
            self._metrics.count("redress_relay_failures")
            raise
        leadership.cursor = replace(leadership.cursor, id=rows[-1]["id"])
        if not await outbox.advance_cursor(conn, leadership.cursor):
            raise LeadershipLost
        self._metrics.count("redress_published", len(rows))
        return len(rows)

    async def _truncate(self, leadership: _Leadership) -> None:
        if monotonic() - leadership.truncated_at > self._settings.outbox_truncate_seconds:
            leadership.truncated_at = monotonic()
            await outbox.truncate_published(leadership.conn, datetime.now(UTC), leadership.cursor)


async def _send(producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
    """Send the rows, in order per partition, and wait for every acknowledgement."""
    buckets: dict[tuple[str, int], list[tuple[bytes, bytes, int]]] = defaultdict(list)
    counts: dict[str, int] = {}
    for row in rows:
        topic, key = row["topic"], str(row["key"]).encode()
        if topic not in counts:
            counts[topic] = await _partition_count(producer, topic)
        timestamp = int(row["said_at"].timestamp() * 1000)
        buckets[topic, kafka.partition_of(key, counts[topic])].append((key, row["value"], timestamp))
    acknowledgements = [
        acknowledgement
        for partition, messages in buckets.items()
        for acknowledgement in await _send_to_partition(producer, partition, messages)
    ]
    await asyncio.gather(*acknowledgements)


async def _partition_count(producer: AIOKafkaProducer, topic: str) -> int:
    partitions = await producer.partitions_for(topic)
    if not partitions:
        raise Unavailable(f"topic {topic}: expected it to exist; run `redress topics create`")
    return len(partitions)


async def _send_to_partition(
    producer: AIOKafkaProducer, topic_partition: tuple[str, int], messages: Sequence[tuple[bytes, bytes, int]]
) -> list[asyncio.Future[Any]]:
    """Send (key, value, timestamp in ms) in as many Kafka batches as needed. Return their acknowledgements."""
    topic, partition = topic_partition
    acknowledgements: list[asyncio.Future[Any]] = []
    batch = producer.create_batch()
    for key, value, timestamp in messages:
        if batch.append(key=key, value=value, timestamp=timestamp, headers=HEADERS) is None:  # it is full
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=timestamp, headers=HEADERS)
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    return acknowledgements

"""Kafka to runner, with a watchdog: a dead consumer looks alive, so its progress is watched from outside."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.contracts.topics import Service
from shared.errors import RedressError
from shared.messaging import kafka
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.runner.runner import BreakerOpen, Runner
from shared.settings import ServiceSettings

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
PAUSE_SECONDS = 5.0  # between two looks at an open breaker; far below max_poll_interval


class ConsumerStuck(RedressError):
    """The consumer makes no progress; the process has to be started again."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """The one consumer of a process."""

    def __init__(
        self, service: Service, settings: ServiceSettings, runner: Runner[Any, Any], metrics: Metrics, health: Health
    ) -> None:
        self._service = service
        self._settings = settings
        self._runner = runner
        self._metrics = metrics
        self._health = health
        self._busy = asyncio.Lock()
        self._progress_at = monotonic()
        self._handled_stamp: float | None = None
        self._lag_since: float | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping`. Raises when Kafka is away at the start, `ConsumerStuck` when progress ends."""
        broker = kafka.broker(self._settings)
        subscriber = kafka.subscribe(broker, self._service, self._settings, self._handle, self)
        try:
            await broker.start()
            self._health.well("kafka")
            self._progress_at = monotonic()
            while not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)
                await self._watch(subscriber)
        finally:
            self._health.sick("kafka", "not consuming")
            await broker.stop()

    async def _handle(self, records: kafka.Records) -> None:
        begun = monotonic()
        async with self._busy:
            try:
                await self._runner.apply_records(records)
            except BreakerOpen as error:
                self._health.sick("breaker", error.detail)
                await asyncio.sleep(PAUSE_SECONDS)
                raise
            except Exception:
                self._health.sick("database", "batches fail; trying again")
                raise
        self._health.well("breaker")
        self._health.well("database")
        self._progress_at = monotonic()
        self._handled_stamp = records[-1].timestamp / 1000
        if len(records) < self._settings.batch_max // 2:
            # A transaction costs the same for one event as for thirty: let some gather. Alone, an event never waits.
            await asyncio.sleep(max(0.0, self._settings.pace_ms / 1000 - (monotonic() - begun)))

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Let the batch in flight finish before another member may have its complaints."""
        if revoked:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._busy.acquire(), 30)
                self._busy.release()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """A new assignment is progress."""
        log.info("partitions assigned", extra={"partitions": len(assigned)})
        self._progress_at = monotonic()

    async def _watch(self, subscriber: BatchSubscriber) -> None:
        consumer = subscriber.consumer
        if consumer is None or _has_died(consumer, subscriber):
            raise ConsumerStuck("the consumer's own tasks have ended")
        try:
            lag = await asyncio.wait_for(_lag(consumer), 10)
        except (KafkaError, TimeoutError) as error:
            self._health.sick("kafka", f"does not answer: {type(error).__name__}")
            self._progress_at = monotonic()  # without Kafka nobody makes progress; starting again would not help
            return
        self._health.well("kafka")
        self._note(lag)
        waited = monotonic() - self._progress_at
        excused = self._runner.breaker.is_open or self._busy.locked()
        if lag and waited > self._settings.watchdog_seconds and not excused:
            raise ConsumerStuck(f"{lag} events wait and none was handled for {waited:.0f} s")

    def _note(self, lag: int) -> None:
        if not lag:
            self._lag_since = None
            self._progress_at = monotonic()
        elif self._lag_since is None:
            self._lag_since = time()
        seconds = 0.0
        if self._lag_since is not None:
            stamp = self._handled_stamp
            seconds = time() - (stamp if stamp and stamp < self._lag_since else self._lag_since)
        self._metrics.gauge("redress_lag_events", lag)
        self._metrics.gauge("redress_lag_seconds", max(seconds, 0.0))


async def _lag(consumer: AIOKafkaConsumer) -> int:
    assigned = consumer.assignment()
    if not assigned:
        return 0
    ends = await consumer.end_offsets(assigned)
    return sum([max(0, end - await consumer.position(partition)) for partition, end in ends.items()])


def _has_died(consumer: AIOKafkaConsumer, subscriber: BatchSubscriber) -> bool:
    coordination = getattr(getattr(consumer, "_coordinator", None), "_coordination_task", None)
    return all(task.done() for task in subscriber.tasks) or (coordination is not None and coordination.done())

"""Consumer of a service: hands batches to the runner, waits on rebalances, and watches its own progress.

Why a watchdog: a consumer can stop working without an error. Its tasks can end, or its group coordination, or it can
hang on a broken connection, while the process keeps running and FastStream's `ping` still succeeds. So the watchdog
compares from outside what Kafka holds with what was handled. If events wait and none is handled for
`watchdog_seconds`, it raises `ConsumerStuck`; the process exits with code 70 and is started again. Kafka being down is
no reason: a new process could not read either.
"""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.errors import RedressError
from shared.messaging.kafka import Records
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.runner.runner import BreakerOpen, Runner
from shared.settings import ServiceSettings
from shared.wakeup import wait_for_event

log = logging.getLogger(__name__)
WATCH_SECONDS = 2.0  # between two checks of the watchdog
BREAKER_SECONDS = 5.0  # between two attempts while the breaker is open; far below max_poll_interval
REVOKE_SECONDS = 30.0  # for the batch in flight before a rebalance; below rebalance_timeout
KAFKA_SECONDS = 10.0  # for Kafka's answer to the watchdog


class ConsumerStuck(RedressError):
    """The consumer makes no progress; the process has to be started again."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Batches, rebalances and watchdog of the one subscriber of a process."""

    def __init__(self, settings: ServiceSettings, runner: Runner[Any, Any], metrics: Metrics, health: Health) -> None:
        self._settings = settings
        self._runner = runner
        self._metrics = metrics
        self._health = health
        self._busy = asyncio.Lock()
        self._progress_at = monotonic()
        self._handled_stamp: float | None = None
        self._lag_since: float | None = None

    async def handle(self, records: Records) -> None:
        """Apply one batch. Raises what may succeed later; the subscriber then seeks back and gets the batch again.

        The pause before raising is the backoff: FastStream seeks back at once and without a limit.
        """
        started = monotonic()
        async with self._busy:
            try:
                await self._runner.apply_records(records)
            except BreakerOpen as error:
                self._health.report_failing("breaker", error.detail)
                await asyncio.sleep(BREAKER_SECONDS)
                raise
            except Exception:
                self._health.report_failing("database", "batches fail; trying again")
                raise
        self._health.report_working("breaker")
        self._health.report_working("database")
        self._progress_at = monotonic()
        self._handled_stamp = records[-1].timestamp / 1000
        if len(records) < self._settings.batch_max // 2:
            # A transaction costs the same for one event as for thirty, so let some gather. A single event never waits.
            await asyncio.sleep(max(0.0, self._settings.pace_ms / 1000 - (monotonic() - started)))

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Wait for the batch in flight, so that no other member gets its complaints before it is committed."""
        if revoked:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._busy.acquire(), REVOKE_SECONDS)
                self._busy.release()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """Count a new assignment as progress."""
        log.info("partitions assigned", extra={"partitions": len(assigned)})
        self._progress_at = monotonic()

    async def watch(self, broker: KafkaBroker, stopping: asyncio.Event) -> None:
        """Check the started subscriber of `broker` until `stopping`. Raises `ConsumerStuck`."""
        self._health.report_working("kafka")
        self._progress_at = monotonic()
        try:
            while not await wait_for_event(stopping, WATCH_SECONDS):
                await self._check(broker)
        finally:
            self._health.report_failing("kafka", "not consuming")

    async def _check(self, broker: KafkaBroker) -> None:
        consumer = _running_consumer(broker)
        try:
            lag = await asyncio.wait_for(_lag(consumer), KAFKA_SECONDS)
        except (KafkaError, TimeoutError) as error:
            self._health.report_failing("kafka", f"does not answer: {type(error).__name__}")
            self._progress_at = monotonic()  # a new process could not read either
            return
        self._health.report_working("kafka")
        self._report_lag(lag)
        waited = monotonic() - self._progress_at
        excused = self._runner.breaker.is_open or self._busy.locked()
        if lag and waited > self._settings.watchdog_seconds and not excused:
            raise ConsumerStuck(f"{lag} events wait and none was handled for {waited:.0f} s")

    def _report_lag(self, lag: int) -> None:
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


def _running_consumer(broker: KafkaBroker) -> AIOKafkaConsumer:
    """Return the aiokafka consumer of the one subscriber. Raises `ConsumerStuck` if one of its tasks has ended."""
    (subscriber,) = broker.subscribers
    consumer: AIOKafkaConsumer | None = getattr(subscriber, "consumer", None)
    if consumer is None or all(task.done() for task in getattr(subscriber, "tasks", ())):
        raise ConsumerStuck("the tasks that fetch events have ended")
    if _has_lost_coordination(consumer):
        raise ConsumerStuck("the task that coordinates with the group has ended")
    return consumer


def _has_lost_coordination(consumer: AIOKafkaConsumer) -> bool:
    """Return True if the task of aiokafka that coordinates with the group has ended.

    Such a consumer gets no new assignment, and without an assignment there is no lag that the watchdog could measure.
    aiokafka offers no public way to see it: only `getmany` raises the error of the task, and a second `getmany` would
    take errors away from the subscriber and restart the clock of max_poll_interval. So this reads a private attribute,
    the only one in the project. If a later version renames it, only this check is lost; the check of the lag remains.
    """
    task = getattr(getattr(consumer, "_coordinator", None), "_coordination_task", None)
    return task is not None and task.done()


async def _lag(consumer: AIOKafkaConsumer) -> int:
    """Return how many events the assigned partitions hold beyond the consumer's position."""
    assigned = consumer.assignment()
    if not assigned:
        return 0
    ends = await consumer.end_offsets(assigned)
    return sum([max(0, end - await consumer.position(partition)) for partition, end in ends.items()])

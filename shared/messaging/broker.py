"""FastStream broker of a service: connection, middlewares, and the options of its one subscriber.

`app.py` of each service declares the subscriber itself, so that its topics are visible there:

    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, SLA.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

`docs/decisions/0014-faststream.md` explains which parts of FastStream are used, and which are not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from faststream.message import StreamMessage
from opentelemetry.metrics import NoOpMeterProvider

from shared.messaging import kafka
from shared.messaging.kafka import Records
from shared.ops.tracing import tracer_provider
from shared.runtime import Runtime
from shared.supervisor import JobSupervisor

log = logging.getLogger(__name__)
RecordTuple = tuple["ConsumerRecord[Any, Any]", ...]
BatchMessage = StreamMessage[RecordTuple]
DefaultParser = Callable[[RecordTuple], Awaitable[BatchMessage]]


class RetryingBroker(KafkaBroker):
    """Kafka broker whose start waits for Kafka, and whose stop takes a limited time.

    `KafkaBroker.start` raises when Kafka cannot be reached, which would end the FastStream application and with it the
    HTTP server. A complaint must be accepted without Kafka, so `start` tries again until it succeeds. FastStream runs
    it in a task of its own; nothing else waits for it.
    """

    def __init__(self, *servers: str, supervisor: JobSupervisor, stop_seconds: float, **options: Any) -> None:
        super().__init__(list(servers), **options)
        self._supervisor = supervisor
        self._stop_seconds = stop_seconds

    async def start(self) -> None:
        """Connect and start the subscriber; after a failure try again with growing pauses, until the process stops."""
        await self._supervisor.run("broker", self._start_once, once=True)

    async def _start_once(self) -> None:
        try:
            await super().start()
        except Exception:
            await super().stop()  # closes the consumer that was half started
            raise

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Finish the batch in flight and leave the group, within the time that a graceful stop has for it."""
        try:
            await asyncio.wait_for(super().stop(exc_type, exc_val, exc_tb), self._stop_seconds)
        except TimeoutError:
            log.warning("the consumer did not stop in time; Kafka hands its partitions over after the session timeout")


def service_broker(runtime: Runtime) -> RetryingBroker:
    """Build the broker of a service, not started. It never creates topics and publishes nothing.

    Events are published by the relay, after they were committed to the outbox.
    """
    settings, name = runtime.settings, runtime.service.name
    return RetryingBroker(
        *settings.kafka.split(","),
        supervisor=runtime.supervisor,
        stop_seconds=settings.stop_seconds * 0.8,  # the rest is for HTTP, the workers and the pool
        client_id="redress",
        security=kafka.security(settings),
        middlewares=(
            KafkaPrometheusMiddleware(registry=runtime.metrics.registry, app_name=name),
            KafkaTelemetryMiddleware(tracer_provider=tracer_provider(name), meter_provider=NoOpMeterProvider()),
        ),
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,  # the handler takes records as they are; the runner validates each of them alone
        log_level=logging.DEBUG,
        logger=logging.getLogger("faststream"),
        graceful_timeout=15.0,
        request_timeout_ms=15_000,
    )


def subscriber_options(runtime: Runtime) -> dict[str, Any]:
    """Return the options of the one subscriber of a service, apart from its topics and `batch`.

    One subscriber over all topics, the Range assignor and equal partition counts keep partition k of every topic, and
    so all events of one complaint, on the same member of the group.
    """
    settings = runtime.settings
    return {
        "group_id": f"redress-{runtime.service.name}",
        "auto_offset_reset": "earliest",
        "ack_policy": AckPolicy.NACK_ON_ERROR,
        "partition_assignment_strategy": [RangePartitionAssignor],
        "parser": parse_batch,
        "decoder": decode_batch,
        "listener": runtime.consumer,
        "no_reply": True,
        "max_records": settings.batch_max,
        "batch_timeout_ms": settings.batch_wait_ms,
        "fetch_max_wait_ms": 250,
        "session_timeout_ms": 30_000,
        "heartbeat_interval_ms": 3_000,
        "rebalance_timeout_ms": 45_000,
        "max_poll_interval_ms": 300_000,
    }


async def parse_batch(records: Records, original: DefaultParser) -> BatchMessage:
    """Build FastStream's message of one poll without reading any header.

    FastStream's own parser decodes the headers of all records as UTF-8, and one bad header fails the whole batch. So it
    gets only the first and the last record, without headers: it takes topic and offsets from them and adds the consumer
    that acknowledges. Then the message gets all records, and the bytes that the middlewares measure.
    """
    message = await original((replace(records[0], headers=()), replace(records[-1], headers=())))
    message.raw_message = tuple(records)
    message.body = [record.value or b"" for record in records]
    return message


async def decode_batch(message: BatchMessage) -> RecordTuple:
    """Return the records as they came. The runner decodes each alone and buries what is not a valid event."""
    return message.raw_message

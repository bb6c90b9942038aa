"""Members of a consumer group, as a service process runs them, for tests that start no process."""

import asyncio

from faststream.kafka import KafkaBroker

from shared.contracts import INTAKE, SLA
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.consumer import Consumer
from shared.messaging.kafka import Records
from shared.ops.metrics import Metrics
from shared.runner.runner import Runner
from shared.runtime import Runtime
from shared.settings import ServiceSettings
from tests.toy import toy


async def consume(runtime: Runtime, broker: KafkaBroker, stopping: asyncio.Event) -> None:
    """Start the broker, watch it until `stopping`, and leave the group."""
    await broker.start()
    try:
        await runtime.consumer.watch(broker, stopping)
    finally:
        await broker.stop()


class ToyMember:
    """A member of triage's group that hands its batches to `runner`."""

    def __init__(self, settings: ServiceSettings, runner: Runner, metrics: Metrics) -> None:
        self._runtime = runtime = Runtime(toy(), settings)
        runtime.consumer = Consumer(settings, runner, metrics, runtime.health)
        self._broker = service_broker(runtime)

        @self._broker.subscriber(INTAKE.topic, SLA.topic, batch=True, **subscriber_options(runtime))
        async def handle(records: Records) -> None:
            await runtime.consumer.handle(records)

    async def run(self, stopping: asyncio.Event) -> None:
        await consume(self._runtime, self._broker, stopping)

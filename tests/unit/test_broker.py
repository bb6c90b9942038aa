"""Start of the broker, watchdog of the consumer, and settings of Kafka and tracing."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError
from opentelemetry.trace import NoOpTracerProvider

from shared.contracts import INTAKE
from shared.errors import Misconfigured
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.consumer import Consumer, ConsumerStuck
from shared.messaging.kafka import security
from shared.ops.tracing import tracer_provider
from shared.runtime import Runtime
from shared.settings import ServiceSettings
from tests.toy import toy


class FakeConsumer:
    """Stand-in for `AIOKafkaConsumer` that cannot connect the first `failures` times."""

    failures = 0
    built: ClassVar[list["FakeConsumer"]] = []

    def __init__(self, **options: Any) -> None:
        self.stopped = False
        self.lag = 0
        self.polls = 0
        self.built.append(self)

    def subscribe(self, **options: Any) -> None: ...

    async def start(self) -> None:
        if len(self.built) <= self.failures:
            raise KafkaConnectionError

    async def stop(self) -> None:
        self.stopped = True

    async def getmany(self, **options: Any) -> dict[Any, Any]:
        return await asyncio.sleep(0.01, {})

    def assignment(self) -> set[str]:
        return {"partition"}

    async def end_offsets(self, partitions: set[str]) -> dict[str, int]:
        self.polls += 1
        return {"partition": self.lag}

    async def position(self, partition: str) -> int:
        return 0


@pytest.fixture
def runtime(keys: tuple[Path, Path], monkeypatch) -> Runtime:
    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", FakeConsumer)
    monkeypatch.setattr(FakeConsumer, "built", [])
    monkeypatch.setattr("shared.messaging.consumer.WATCH_SECONDS", 0.01)
    return Runtime(toy(), ServiceSettings(auth_public_key_file=keys[1], watchdog_seconds=0.05))


def build_broker(runtime: Runtime):
    """Return a broker of the runtime with one subscriber."""
    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Any) -> None: ...

    return broker


async def test_start_retries_until_kafka_connects_and_closes_failed_consumers(runtime: Runtime, monkeypatch) -> None:
    monkeypatch.setattr(FakeConsumer, "failures", 2)
    broker = build_broker(runtime)
    await asyncio.wait_for(broker.start(), 10)
    assert [consumer.stopped for consumer in FakeConsumer.built] == [True, True, False]
    assert broker.running
    await broker.stop()
    assert FakeConsumer.built[-1].stopped


async def test_a_start_that_waits_for_kafka_ends_when_the_process_stops(runtime: Runtime, monkeypatch) -> None:
    monkeypatch.setattr(FakeConsumer, "failures", 1000)
    broker = build_broker(runtime)
    starting = asyncio.ensure_future(broker.start())
    async with asyncio.timeout(5):
        while not FakeConsumer.built:
            await asyncio.sleep(0)
    runtime.stopping.set()
    await asyncio.wait_for(starting, 5)
    assert not broker.running


async def test_lag_without_progress_is_a_stuck_consumer(runtime: Runtime) -> None:
    broker = build_broker(runtime)
    await broker.start()
    FakeConsumer.built[-1].lag = 7
    with pytest.raises(ConsumerStuck, match="7 events wait"):
        await asyncio.wait_for(runtime.consumer.watch(broker, runtime.stopping), 5)
    await broker.stop()


async def test_a_consumer_without_lag_is_not_stuck(runtime: Runtime) -> None:
    broker = build_broker(runtime)
    await broker.start()
    watching = asyncio.ensure_future(runtime.consumer.watch(broker, runtime.stopping))
    async with asyncio.timeout(5):
        while FakeConsumer.built[-1].polls < 20:  # at least 0.2 s, four times the limit of the watchdog
            await asyncio.sleep(0.01)
    assert runtime.health.report()["sick"].get("kafka") is None  # type: ignore[attr-defined]
    runtime.stopping.set()
    await asyncio.wait_for(watching, 5)
    await broker.stop()


async def test_a_consumer_whose_task_has_ended_is_stuck(runtime: Runtime) -> None:
    broker = build_broker(runtime)
    await broker.start()
    (subscriber,) = broker.subscribers
    for task in subscriber.tasks:
        task.cancel()
    with pytest.raises(ConsumerStuck, match="tasks"):
        await asyncio.wait_for(runtime.consumer.watch(broker, runtime.stopping), 5)
    await broker.stop()


async def test_a_consumer_that_no_longer_coordinates_with_its_group_is_stuck(runtime: Runtime) -> None:
    broker = build_broker(runtime)
    await broker.start()

    ended = asyncio.get_running_loop().create_future()
    ended.set_result(None)
    FakeConsumer.built[-1]._coordinator = SimpleNamespace(_coordination_task=ended)  # type: ignore[attr-defined]
    with pytest.raises(ConsumerStuck, match="coordinates"):
        await asyncio.wait_for(runtime.consumer.watch(broker, runtime.stopping), 5)
    await broker.stop()


def test_aiokafka_still_has_the_attribute_that_the_watchdog_reads() -> None:
    import inspect

    from aiokafka import AIOKafkaConsumer
    from aiokafka.consumer import group_coordinator

    assert "self._coordinator =" in inspect.getsource(AIOKafkaConsumer)
    assert "self._coordination_task =" in inspect.getsource(group_coordinator)


def test_the_consumer_is_the_rebalance_listener_of_the_subscriber(runtime: Runtime) -> None:
    assert isinstance(subscriber_options(runtime)["listener"], Consumer)


def test_an_unreadable_ca_file_raises_misconfigured(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for file in (broken, tmp_path / "absent.pem"):
        with pytest.raises(Misconfigured, match="kafka_ca_file"):
            security(ServiceSettings(kafka_ca_file=file))


def test_tracing_is_disabled_without_an_exporter(monkeypatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    assert isinstance(tracer_provider("triage"), NoOpTracerProvider)


def test_a_trace_exporter_is_selected_by_name_and_an_unknown_name_raises_misconfigured(monkeypatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    provider = tracer_provider("triage")
    assert provider.resource.attributes["service.name"] == "redress-triage"  # type: ignore[attr-defined]
    provider.shutdown()  # type: ignore[attr-defined]
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "no_such_exporter")
    with pytest.raises(Misconfigured, match="no_such_exporter"):
        tracer_provider("triage")

"""Kafka settings with which no event is lost, checked on the arguments that each service passes to aiokafka."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
from faststream.kafka.prometheus import KafkaPrometheusMiddleware

from shared.contracts import SERVICES, Service
from shared.messaging import kafka
from shared.service import ServiceApp
from shared.settings import ServiceSettings
from tests.factories import record

PARTITIONS = 12
TOPICS = [service.topic for service in SERVICES]


@dataclass
class FakeConsumer:
    """Fake of `AIOKafkaConsumer`: records its arguments and returns each of `batches` once."""

    options: dict[str, Any]
    batches: list[list[ConsumerRecord]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    listener: Any = None
    commits: int = 0
    sought: list[tuple[str, int, int]] = field(default_factory=list)

    def subscribe(self, topics: list[str], pattern: str | None, listener: Any) -> None:
        assert pattern is None
        self.topics, self.listener = topics, listener

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def getmany(self, **options: Any) -> dict[Any, list[ConsumerRecord]]:
        self.options["polled"] = options
        return {"partition": self.batches.pop(0)} if self.batches else await asyncio.sleep(0.01, {})

    async def commit(self) -> None:
        self.commits += 1

    def seek(self, partition: Any, offset: int) -> None:
        self.sought.append((partition.topic, partition.partition, offset))


@dataclass
class StartedService:
    """Service whose broker was started with a fake consumer."""

    app: ServiceApp
    broker: KafkaBroker
    consumer: FakeConsumer


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
async def started(request, keys: tuple[Path, Path], monkeypatch) -> AsyncIterator[StartedService]:
    consumers: list[FakeConsumer] = []

    def build_consumer(**options: Any) -> FakeConsumer:
        consumers.append(FakeConsumer(options))
        return consumers[-1]

    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", build_consumer)
    name = request.param.name
    settings = importlib.import_module(f"services.{name}.settings").Settings
    app = importlib.import_module(f"services.{name}.app").build(settings(auth_public_key_file=keys[1]))
    await app.broker.start()
    (consumer,) = consumers
    yield StartedService(app, app.broker, consumer)
    await app.broker.stop()


def test_a_service_has_one_subscriber_over_all_its_topics_from_the_first_event_on(started: StartedService) -> None:
    service: Service = started.app.runtime.service
    (subscriber,) = started.broker.subscribers
    assert sorted(started.consumer.topics) == sorted(source.topic for source in service.sources)
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
    assert subscriber.max_records == ServiceSettings().batch_max
    assert 1 <= subscriber.batch_timeout_ms <= 50
    options = started.consumer.options
    assert options["group_id"] == f"redress-{service.name}"
    assert options["auto_offset_reset"] == "earliest"
    assert options["enable_auto_commit"] is False
    assert options["partition_assignment_strategy"] == [RangePartitionAssignor]
    assert options["session_timeout_ms"] == 30_000
    assert options["rebalance_timeout_ms"] > 30_000, "longer than the listener waits for the batch in flight"


async def test_a_rebalance_waits_for_the_batch_in_flight(started: StartedService, monkeypatch) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(records: Any) -> None:
        entered.set()
        await leave.wait()

    monkeypatch.setattr(started.app.runtime.runner, "apply_records", slow)
    started.consumer.batches.append([record(b"{}", topic=started.consumer.topics[0])])
    await asyncio.wait_for(entered.wait(), 5)
    revoking = asyncio.ensure_future(started.consumer.listener.on_partitions_revoked({"partition"}))
    await asyncio.sleep(0.05)
    assert not revoking.done()
    leave.set()
    await asyncio.wait_for(revoking, 5)


async def test_a_batch_with_malformed_headers_reaches_the_runner_and_is_committed(
    started: StartedService, monkeypatch
) -> None:
    handled: list[Any] = []

    async def collect(records: Any) -> None:
        handled.extend(records)

    monkeypatch.setattr(started.app.runtime.runner, "apply_records", collect)
    topic = started.consumer.topics[0]
    batch = [
        record(b"{", topic=topic, offset=1, headers=[("none", None)]),
        record(None, topic=topic, offset=2, headers=[("bad", b"\xff")]),
        record(b"{}", topic=topic, offset=3),
    ]
    started.consumer.batches.append(batch)
    async with asyncio.timeout(5):
        while not started.consumer.commits:
            await asyncio.sleep(0.01)
    assert handled == batch, "neither changed nor copied"
    assert (started.consumer.commits, started.consumer.sought) == (1, [])


async def test_after_a_failed_batch_each_partition_is_read_again_from_its_first_record(
    started: StartedService, monkeypatch
) -> None:
    async def fail(records: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(started.app.runtime.runner, "apply_records", fail)
    first, last = started.consumer.topics[0], started.consumer.topics[-1]
    started.consumer.batches.append(
        [
            record(b"{}", topic=first, offset=7, headers=[("none", None)]),
            record(b"{}", topic=first, offset=8),
            record(b"{}", topic=last, offset=3),
        ]
    )
    async with asyncio.timeout(5):
        while len(started.consumer.sought) < 2:
            await asyncio.sleep(0.01)
    assert sorted(started.consumer.sought) == sorted([(first, 0, 7), (last, 0, 3)])
    assert not started.consumer.commits


def test_the_broker_has_the_middlewares_for_metrics_and_traces(started: StartedService) -> None:
    kinds = {type(middleware) for middleware in started.broker.middlewares}
    assert kinds == {KafkaPrometheusMiddleware, KafkaTelemetryMiddleware}


def test_the_broker_creates_no_topic_and_has_no_producer_of_its_own(started: StartedService) -> None:
    config = started.broker.config.broker_config
    assert config.allow_auto_create_topics is False
    assert config.consumer_only is True


async def test_the_relays_producer_is_idempotent_and_waits_for_all_replicas() -> None:
    producer = kafka.producer(ServiceSettings(), "test")
    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    await producer.stop()


@pytest.mark.parametrize("members", range(1, PARTITIONS + 1))
def test_a_partition_of_all_topics_is_assigned_to_one_member(members: int) -> None:
    """Check that the Range assignor assigns partition k of all topics to the same member."""

    class Cluster:
        def partitions_for_topic(self, topic: str) -> set[int]:
            return set(range(PARTITIONS))

    metadata = ConsumerProtocolMemberMetadata(0, TOPICS, b"")
    assigned = RangePartitionAssignor.assign(Cluster(), {f"m{n:02}": metadata for n in range(members)})
    holders: dict[int, set[str]] = {}
    for member, assignment in assigned.items():
        for _, partitions in assignment.assignment:
            for partition in partitions:
                holders.setdefault(partition, set()).add(member)
    assert sorted(holders) == list(range(PARTITIONS))
    assert all(len(members) == 1 for members in holders.values())


def test_the_partition_of_a_key_is_the_one_java_clients_choose() -> None:
    """Check values from Kafka's unit test of murmur2 (UtilsTest, Apache Kafka)."""
    vectors = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, hashed in vectors.items():
        assert kafka.partition_of(key, 12) == (hashed & 0x7FFFFFFF) % 12

"""The settings that lose nothing, asserted for every service, because FastStream's and aiokafka's defaults do lose."""

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faststream import AckPolicy

from shared.contracts import SERVICES, Service
from shared.messaging import kafka
from shared.messaging.consumer import Consumer
from shared.settings import ServiceSettings

PARTITIONS = 12
TOPICS = [service.topic for service in SERVICES]


def subscriber_of(service: Service):
    broker = kafka.broker(ServiceSettings())

    async def handler(records) -> None: ...

    listener = object.__new__(Consumer)
    return broker, kafka.subscribe(broker, service, ServiceSettings(), handler, listener)


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_a_service_has_one_subscriber_that_acknowledges_after_its_commit(service: Service) -> None:
    broker, subscriber = subscriber_of(service)
    assert len(broker.subscribers) == 1
    assert [topic.name for topic in subscriber.topics] == [source.topic for source in service.sources]
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
    assert subscriber.group_id == f"redress-{service.name}"
    given = subscriber._connection_args
    assert given["auto_offset_reset"] == "earliest"
    assert given["enable_auto_commit"] is False
    assert given["partition_assignment_strategy"] == [RangePartitionAssignor]
    assert given["session_timeout_ms"] == 30_000
    assert given["rebalance_timeout_ms"] > 30_000, "longer than the listener waits for the batch in flight"
    assert subscriber._call_options.parser is kafka._parse
    assert subscriber._call_options.decoder is kafka._decode
    assert subscriber._listener is not None
    assert 1 <= subscriber.batch_timeout_ms <= 50
    assert subscriber.max_records == ServiceSettings().batch_max


def test_the_broker_creates_no_topic_and_has_no_producer_of_its_own() -> None:
    config = kafka.broker(ServiceSettings()).config.broker_config
    assert config.allow_auto_create_topics is False
    assert config.consumer_only is True


async def test_the_relays_producer_is_idempotent_and_waits_for_all_replicas() -> None:
    producer = kafka.producer(ServiceSettings(), "test")
    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    await producer.stop()


@pytest.mark.parametrize("members", range(1, PARTITIONS + 1))
def test_a_complaint_is_never_held_by_two_members(members: int) -> None:
    """Range, and only Range, gives partition k of all topics to one member, however many there are."""

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
    assert all(len(one) == 1 for one in holders.values())


def test_the_partition_of_a_key_is_the_one_java_clients_choose() -> None:
    """Values from Kafka's own unit test of murmur2 (UtilsTest, Apache Kafka)."""
    vectors = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, hashed in vectors.items():
        assert kafka.partition_of(key, 12) == (hashed & 0x7FFFFFFF) % 12

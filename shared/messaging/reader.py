"""Read topic partitions from their beginning to an end offset, in batches, without a consumer group.

For tools that look at what was published, such as the audit: no service's offsets move.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import Unavailable
from shared.messaging import kafka
from shared.messaging.kafka import Records
from shared.settings import ServiceSettings

POLL_MS = 1000
POLL_RECORDS = 2000


class TopicReader:
    """Reader of one partition number at a time, of several topics. Offsets are given and returned by topic."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin
        self._assigned: dict[str, TopicPartition] = {}

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """Return the number of partitions of each topic that exists."""
        existing = sorted(set(topics) & set(await self._admin.list_topics()))
        descriptions: list[dict[str, Any]] = await self._admin.describe_topics(existing) if existing else []
        return {topic["topic"]: len(topic["partitions"]) for topic in descriptions}

    async def assign(self, topics: Collection[str], number: int) -> dict[str, int]:
        """Start to read partition `number` of the topics. Return their first offsets; above 0: records are deleted."""
        self._assigned = {topic: TopicPartition(topic, number) for topic in topics}
        self._consumer.assign(list(self._assigned.values()))
        firsts = await self._consumer.beginning_offsets(list(self._assigned.values()))
        return {partition.topic: offset for partition, offset in firsts.items()}

    async def committed_offsets(self, group: str) -> dict[str, int]:
        """Return the offsets that a consumer group has committed for the assigned partitions; 0 where it has none."""
        committed = await self._admin.list_consumer_group_offsets(group)
        return {
            topic: committed[partition].offset if partition in committed else 0
            for topic, partition in self._assigned.items()
        }

    async def end_offset(self, topic: str) -> int:
        """Return the end of the assigned partition of this topic."""
        partition = self._assigned[topic]
        end: int = (await self._consumer.end_offsets([partition]))[partition]
        return end

    async def batches(self, ends: Mapping[str, int]) -> AsyncIterator[tuple[str, Records]]:
        """Yield (topic, records) from the current positions until each topic has reached its end offset."""
        while [topic for topic, end in ends.items() if await self._consumer.position(self._assigned[topic]) < end]:
            polled = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            for partition, records in polled.items():
                yield partition.topic, records


@asynccontextmanager
async def open_reader(settings: ServiceSettings) -> AsyncIterator[TopicReader]:
    """Connect a reader. Raises `Unavailable` if Kafka does not answer, at the start or later."""
    consumer, admin = kafka.reader(settings), kafka.admin(settings)
    try:
        await consumer.start()
        await admin.start()
        yield TopicReader(consumer, admin)
    except KafkaError as error:
        raise Unavailable(f"Kafka at {settings.kafka} does not answer ({type(error).__name__}).") from None
    finally:
        await admin.close()
        await consumer.stop()

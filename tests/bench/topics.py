"""Topics of Redress and of the bare pipeline, with the same number of partitions."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.topics import PARTITIONS, create_topics
from shared.contracts import SERVICES


def create_missing_topics(bootstrap: str) -> None:
    """Create the topics that do not exist yet."""
    asyncio.run(_create_topics(bootstrap))


async def _create_topics(bootstrap: str) -> None:
    await create_topics(bootstrap, PARTITIONS)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(f"bare.{service.name}", PARTITIONS, 1) for service in SERVICES])
    finally:
        await admin.close()

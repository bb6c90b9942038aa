"""The topics of ours and of the bare pipeline, alike in shape."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.contracts import SERVICES

PARTITIONS = 12


def create(bootstrap: str) -> None:
    """Create what is missing."""
    asyncio.run(_create(bootstrap))


async def _create(bootstrap: str) -> None:
    names = [name for s in SERVICES for name in (s.topic, s.dead_topic, f"bare.{s.name}")]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    finally:
        await admin.close()

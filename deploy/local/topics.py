"""Topics of all services, created explicitly with the same number of partitions; brokers must not create them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.contracts import SERVICES
from shared.errors import Misconfigured, Unavailable
from shared.messaging import kafka
from shared.settings import ServiceSettings, load_settings

PARTITIONS = 12
CREATED, ALREADY_EXISTS = 0, 36  # error codes of Kafka: NONE and TOPIC_ALREADY_EXISTS
LEADER_SECONDS = 15.0
DEAD_LETTER_DAYS = 90


def topic_settings(replication: int = 1) -> dict[str, dict[str, str]]:
    """Kafka settings by topic. Events are kept for ever, so that states can be rebuilt; dead letters 90 days."""
    common = {"cleanup.policy": "delete", "min.insync.replicas": str(max(1, replication - 1))}
    topics: dict[str, dict[str, str]] = {}
    for service in SERVICES:
        topics[service.topic] = {**common, "retention.ms": "-1", "retention.bytes": "-1"}
        topics[service.dead_topic] = {**common, "retention.ms": str(DEAD_LETTER_DAYS * 86_400_000)}
    return topics


async def create_topics(bootstrap: str, partitions: int = PARTITIONS, replication: int = 1) -> list[str]:
    """Create missing topics and return their names. Login settings come from the environment, as for the services.

    Raises `Misconfigured` if an existing topic has another number of partitions, because two processes would then
    handle the same complaint; `Unavailable` if Kafka refuses or does not answer.
    """
    settings_by_topic = topic_settings(replication)
    admin = kafka.admin(load_settings(ServiceSettings, kafka=bootstrap))
    try:
        await admin.start()
        created = await _create(admin, settings_by_topic, partitions, replication)
        mismatches = find_mismatches(await _wait_for_leaders(admin, settings_by_topic), partitions)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {error}") from None
    finally:
        await admin.close()
    if mismatches:
        raise Misconfigured(
            f"{'; '.join(mismatches)}. The number of partitions cannot be changed: use the existing number, or delete "
            "these topics and create them again."
        )
    return created


def find_mismatches(partition_counts: Mapping[str, int], partitions: int) -> list[str]:
    """Return a sentence for each topic whose number of partitions differs from `partitions`."""
    return [
        f"topic {name}: expected {partitions} partitions, got {count}"
        for name, count in sorted(partition_counts.items())
        if count != partitions
    ]


async def _create(
    admin: AIOKafkaAdminClient, settings_by_topic: Mapping[str, dict[str, str]], partitions: int, replication: int
) -> list[str]:
    new = [NewTopic(name, partitions, replication, topic_configs=config) for name, config in settings_by_topic.items()]
    response = await admin.create_topics(new)
    codes = {name: (code, message) for name, code, message, *_ in response.topic_errors}
    refused = [
        f"{name}: {text or code}" for name, (code, text) in codes.items() if code not in (CREATED, ALREADY_EXISTS)
    ]
    if refused:
        raise Unavailable(f"Kafka did not create topics: {'; '.join(refused)}")
    return sorted(name for name, (code, _) in codes.items() if code == CREATED)


async def _wait_for_leaders(admin: AIOKafkaAdminClient, settings_by_topic: Mapping[str, Any]) -> dict[str, int]:
    """Wait until every topic is visible and each partition has a leader. Return the numbers of partitions."""
    missing: list[str] = []
    async with asyncio.timeout(LEADER_SECONDS + 5):
        for _ in range(int(LEADER_SECONDS / 0.1)):
            topics = await admin.describe_topics(list(settings_by_topic))
            ready = {topic["topic"]: len(topic["partitions"]) for topic in topics if _has_leaders(topic)}
            missing = sorted(settings_by_topic.keys() - ready.keys())
            if not missing:
                return ready
            await asyncio.sleep(0.1)
    raise Unavailable(f"Kafka has no leader for {', '.join(missing)} after {LEADER_SECONDS:.0f} s")


def _has_leaders(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return topic["error_code"] == 0 and bool(partitions) and all(partition["leader"] >= 0 for partition in partitions)

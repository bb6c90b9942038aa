"""The topics of all services: made by us, never by a broker's guess, and with one partition count."""

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
CREATED, THERE = 0, 36  # Kafka's error codes: none, and TOPIC_ALREADY_EXISTS
SEEN_SECONDS = 15.0
DEAD_DAYS = 90


def topic_settings(replication: int = 1) -> dict[str, dict[str, str]]:
    """Settings by topic: events are kept for ever, since state is a fold over them; dead letters are only announced."""
    same = {"cleanup.policy": "delete", "min.insync.replicas": str(max(1, replication - 1))}
    topics: dict[str, dict[str, str]] = {}
    for service in SERVICES:
        topics[service.topic] = {**same, "retention.ms": "-1", "retention.bytes": "-1"}
        topics[service.dead_topic] = {**same, "retention.ms": str(DEAD_DAYS * 86_400_000)}
    return topics


async def create_topics(bootstrap: str, partitions: int = PARTITIONS, replication: int = 1) -> list[str]:
    """Create what is missing and return those names; how to log in comes from the environment, as for the services.

    Raises `Misconfigured` when a topic that exists has another partition count, because a complaint would then be
    held by two processes; `Unavailable` when Kafka refuses or does not answer.
    """
    wanted = topic_settings(replication)
    admin = kafka.admin(load_settings(ServiceSettings, kafka=bootstrap))
    try:
        await admin.start()
        created = await _create(admin, wanted, partitions, replication)
        mismatches = mismatched(await _seen(admin, wanted), partitions)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {error}") from None
    finally:
        await admin.close()
    if mismatches:
        raise Misconfigured(
            f"{'; '.join(mismatches)}. Partitions are fixed from day one: use the count that is there, or delete these "
            "topics and start anew."
        )
    return created


def mismatched(found: Mapping[str, int], partitions: int) -> list[str]:
    """A sentence for each topic whose partition count is not the one wanted."""
    return [
        f"topic {name}: expected {partitions} partitions, got {count}"
        for name, count in sorted(found.items())
        if count != partitions
    ]


async def _create(
    admin: AIOKafkaAdminClient, wanted: Mapping[str, dict[str, str]], partitions: int, replication: int
) -> list[str]:
    new = [NewTopic(name, partitions, replication, topic_configs=config) for name, config in wanted.items()]
    answer = await admin.create_topics(new)
    codes = {name: (code, message) for name, code, message, *_ in answer.topic_errors}
    refused = [f"{name}: {text or code}" for name, (code, text) in codes.items() if code not in (CREATED, THERE)]
    if refused:
        raise Unavailable(f"Kafka did not create topics: {'; '.join(refused)}")
    return sorted(name for name, (code, _) in codes.items() if code == CREATED)


async def _seen(admin: AIOKafkaAdminClient, wanted: Mapping[str, Any]) -> dict[str, int]:
    """Partition counts, once every topic is known to the broker and each partition has a leader."""
    missing: list[str] = []
    async with asyncio.timeout(SEEN_SECONDS + 5):
        for _ in range(int(SEEN_SECONDS / 0.1)):
            told = await admin.describe_topics(list(wanted))
            ready = {one["topic"]: len(one["partitions"]) for one in told if _is_led(one)}
            missing = sorted(wanted.keys() - ready.keys())
            if not missing:
                return ready
            await asyncio.sleep(0.1)
    raise Unavailable(f"Kafka has no leader for {', '.join(missing)} after {SEEN_SECONDS:.0f} s")


def _is_led(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return topic["error_code"] == 0 and bool(partitions) and all(one["leader"] >= 0 for one in partitions)

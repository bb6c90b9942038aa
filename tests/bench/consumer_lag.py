"""What consumers have still to do, read from Kafka itself: ends of topics and committed offsets of groups."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError

from shared.contracts import SERVICES

POLL_SECONDS = 0.05  # seconds between two looks
T = TypeVar("T")


@dataclass(frozen=True)
class DrainResult:
    """How a backlog went away, from the first progress seen to the last event."""

    events: int
    seconds: float
    cpu_us: dict[str, float]  # per event, by process

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds if self.seconds else 0.0


class OffsetReader:
    """Sums over all partitions of a service's topics."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._admin = admin
        self._consumer = consumer

    async def committed(self, service: str) -> int:
        """Events that the service's group has committed; none while the broker still makes its own topic for that."""
        try:
            offsets = await self._admin.list_consumer_group_offsets(f"redress-{service}")
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            return 0
        return sum(max(0, entry.offset) for entry in offsets.values())

    async def ends(self, topics: Sequence[str]) -> int:
        """Events on these topics."""
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        return sum((await self._consumer.end_offsets(partitions)).values())

    async def behind(self, service: str) -> int:
        """Events that the service has not handled."""
        return await self.ends(subscribed_topics(service)) - await self.committed(service)

    async def drain(self, service: str, patience: float, cpu: Callable[[], dict[str, float]]) -> DrainResult:
        """Watch a service that was just started until nothing is left for it; `cpu` reads seconds used so far."""
        begun = perf_counter()
        before = await self.committed(service)
        total = await self.ends(subscribed_topics(service))
        first = before
        while first == before:
            first = await self._look(service, begun + patience)
        started, used = perf_counter(), cpu()
        done = first
        while done < total:
            done = await self._look(service, begun + patience)
        seconds, events = perf_counter() - started, total - first
        return DrainResult(events, seconds, {name: (now - used[name]) / events * 1e6 for name, now in cpu().items()})

    async def settle(self, services: Sequence[str], patience: float) -> None:
        """Wait until these services have nothing to do and nothing new has come for a second."""
        until = perf_counter() + patience
        topics = [service.topic for service in SERVICES]
        quiet_since, ends = perf_counter(), -1
        while perf_counter() - quiet_since < 1.0:
            now = await self.ends(topics)
            busy = [name for name in services if await self.behind(name)]
            if now != ends or busy:
                quiet_since, ends = perf_counter(), now
            _check_deadline(until, f"still at work: {', '.join(busy) or 'a relay'}")
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self, service: str, until: float) -> int:
        _check_deadline(until, f"{service} did not drain its backlog")
        await asyncio.sleep(POLL_SECONDS)
        return await self.committed(service)


def subscribed_topics(service: str) -> list[str]:
    """The topics that a service consumes."""
    subscriber = next(candidate for candidate in SERVICES if candidate.name == service)
    return [source.topic for source in subscriber.sources]


def run_with_offsets(kafka: str, ask: Callable[[OffsetReader], Awaitable[T]]) -> T:
    """Ask something of a fresh pair of clients."""

    async def run() -> T:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(*[service.topic for service in SERVICES], bootstrap_servers=kafka)
        await admin.start()
        await consumer.start()
        try:
            return await ask(OffsetReader(admin, consumer))
        finally:
            await consumer.stop()
            await admin.close()

    return asyncio.run(run())


def _check_deadline(until: float, what: str) -> None:
    if perf_counter() > until:
        raise TimeoutError(what)

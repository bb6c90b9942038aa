"""Consumer lag, read from Kafka: end offsets of topics and committed offsets of consumer groups."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError

from shared.contracts import SERVICES

POLL_SECONDS = 0.05  # seconds between two polls
T = TypeVar("T")


@dataclass(frozen=True)
class DrainResult:
    """Duration and CPU time of working off a backlog, from the first progress observed to the last event."""

    events: int
    seconds: float
    cpu_us: dict[str, float]  # per event, by process

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds else 0.0


class OffsetReader:
    """Reader of offsets, summed over all partitions of a service's topics."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._admin = admin
        self._consumer = consumer

    async def committed(self, service: str) -> int:
        """Return the number of events that the service's group has committed; 0 while the broker creates its offsets topic."""
        try:
            offsets = await self._admin.list_consumer_group_offsets(f"redress-{service}")
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            return 0
        return sum(max(0, entry.offset) for entry in offsets.values())

    async def ends(self, topics: Sequence[str]) -> int:
        """Return the number of events on these topics."""
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        return sum((await self._consumer.end_offsets(partitions)).values())

    async def behind(self, service: str) -> int:
        """Return the number of events that the service has not handled."""
        return await self.ends(subscribed_topics(service)) - await self.committed(service)

    async def drain(self, service: str, patience: float, cpu: Callable[[], dict[str, float]]) -> DrainResult:
        """Poll a service that was just started until its lag is 0; `cpu` reads the CPU seconds used so far."""
        begin = perf_counter()
        before = await self.committed(service)
        total = await self.ends(subscribed_topics(service))
        first = before
        while first == before:
            first = await self._poll(service, begin + patience)
        started, used = perf_counter(), cpu()
        done = first
        while done < total:
            done = await self._poll(service, begin + patience)
        seconds, events = perf_counter() - started, total - first
        return DrainResult(events, seconds, {name: (now - used[name]) / events * 1e6 for name, now in cpu().items()})

    async def settle(self, services: Sequence[str], patience: float) -> None:
        """Wait until these services have no lag and no event was published for a second."""
        deadline = perf_counter() + patience
        topics = [service.topic for service in SERVICES]
        quiet_since, ends = perf_counter(), -1
        while perf_counter() - quiet_since < 1.0:
            now = await self.ends(topics)
            busy = [name for name in services if await self.behind(name)]
            if now != ends or busy:
                quiet_since, ends = perf_counter(), now
            _check_deadline(deadline, f"still working: {', '.join(busy) or 'a relay'}")
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self, service: str, deadline: float) -> int:
        _check_deadline(deadline, f"{service} did not drain its backlog")
        await asyncio.sleep(POLL_SECONDS)
        return await self.committed(service)


def subscribed_topics(service: str) -> list[str]:
    """Return the topics that a service consumes."""
    subscriber = next(candidate for candidate in SERVICES if candidate.name == service)
    return [source.topic for source in subscriber.sources]


def run_with_offsets(kafka: str, function: Callable[[OffsetReader], Awaitable[T]]) -> T:
    """Call `function` with a reader on new Kafka clients and return its result."""

    async def run() -> T:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(*[service.topic for service in SERVICES], bootstrap_servers=kafka)
        await admin.start()
        await consumer.start()
        try:
            return await function(OffsetReader(admin, consumer))
        finally:
            await consumer.stop()
            await admin.close()

    return asyncio.run(run())


def _check_deadline(deadline: float, what: str) -> None:
    if perf_counter() > deadline:
        raise TimeoutError(what)

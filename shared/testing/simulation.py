"""All services on one desk, without Kafka, PostgreSQL or waiting: who hears what and when is in the caller's hand.

`settle` delivers everything until nobody has anything to say, `pass_time` goes from one due moment to the next; `hear`
and `rewind` deliver by hand, in any interleaving and as often as wanted. Order within a topic is kept, as Kafka does.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiokafka import ConsumerRecord

from shared.contracts.envelope import Event
from shared.contracts.registry import read
from shared.contracts.topics import Service
from shared.runner.types import Command, Decision
from shared.testing.memory import MemoryRunner

ROUNDS_MAX = 1000  # of deliveries at one moment; services that never fall silent answer each other in a circle
Hand = Callable[["Simulation"], Awaitable[int]]


class SimulationNeverSettles(AssertionError):
    """The services answer each other for ever."""


class Simulation:
    """`hands` are workers, such as whoever sends mail: each does what it can and returns how much that was."""

    def __init__(self, runners: Sequence[MemoryRunner[Any, Any]], *, now: datetime, hands: Sequence[Hand] = ()) -> None:
        self._runners = {one.service: one for one in runners}
        self._hands = hands
        self._topics: dict[Service, list[ConsumerRecord[Any, Any]]] = {service: [] for service in self._runners}
        self._read = {(reader, source): 0 for reader in self._runners for source in reader.sources}
        self.now = now
        self._set(now)

    @property
    def ways(self) -> tuple[tuple[Service, Service], ...]:
        """Every (reader, source) along which events travel."""
        return tuple(self._read)

    def runner(self, service: Service) -> MemoryRunner[Any, Any]:
        """That service's runner, with its states and dead letters."""
        return self._runners[service]

    def events(self, service: Service) -> list[Event[Any]]:
        """Everything that the service said, in order."""
        self._publish()
        return [read(record.value) for record in self._topics[service]]

    async def ask(self, service: Service, command: Command) -> Decision[Any, Any]:
        """One command. Raises what `decide` raises."""
        (answer,) = await self._runners[service].commands([command])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def hear(self, reader: Service, source: Service, count: int = 1) -> int:
        """Deliver the next `count` records of one topic to one service. Returns how many there were."""
        self._publish()
        begin = self._read[reader, source]
        records = self._topics[source][begin : begin + count]
        self._read[reader, source] += len(records)
        if records:
            await self._runners[reader].records(records)
        return len(records)

    def rewind(self, reader: Service, source: Service, count: int = 1) -> None:
        """The last `count` records will be delivered once more, as after a crash before the acknowledgement."""
        self._read[reader, source] = max(0, self._read[reader, source] - count)

    async def lend_hands(self) -> int:
        """Let every worker do what it can. Returns how much that was."""
        return sum([await hand(self) for hand in self._hands])

    async def settle(self) -> None:
        """Deliver and work until it is quiet. Raises `SimulationNeverSettles` when it never is."""
        for _ in range(ROUNDS_MAX):
            heard = sum([await self.hear(reader, source, 500) for reader, source in self.ways])
            if not heard and not await self.lend_hands():
                return
        raise SimulationNeverSettles

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass, from one due moment to the next; after each everything settles."""
        end = self.now + span
        await self._tick()
        while (due := self._next_due()) is not None and due <= end:
            self._set(due)
            await self._tick()
        self._set(end)
        await self._tick()

    def pass_time_alone(self, span: timedelta) -> None:
        """Let time pass while nobody hears or does anything."""
        self._set(self.now + span)

    def known(self) -> Mapping[str, Mapping[Any, Any]]:
        """Every service's states by its name."""
        return {service.name: dict(runner.states) for service, runner in self._runners.items()}

    async def _tick(self) -> None:
        await self.settle()
        for runner in self._runners.values():
            await runner.ticks(500)
        await self.settle()

    def _next_due(self) -> datetime | None:
        """The next moment after now; what is due now and stays so waits for something else than time."""
        moments = (runner.next_due(self.now) for runner in self._runners.values())
        return min((at for at in moments if at is not None), default=None)

    def _set(self, now: datetime) -> None:
        self.now = now
        for runner in self._runners.values():
            runner.now = now

    def _publish(self) -> None:
        for service, runner in self._runners.items():
            topic = self._topics[service]
            said = [row for row in runner.rows if row.topic == service.topic]
            topic.extend(_record(service, len(topic) + n, row) for n, row in enumerate(said[len(topic) :]))


def _record(service: Service, offset: int, row: Any) -> "ConsumerRecord[Any, Any]":
    key = str(row.key).encode()
    return ConsumerRecord(service.topic, 0, offset, 0, 0, key, row.value, None, len(key), len(row.value), ())

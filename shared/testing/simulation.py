"""In-memory simulation of several services; tests control the order of deliveries and the clock.

No Kafka, PostgreSQL or waiting. `settle` delivers all events until no service publishes more, `pass_time` moves the
clock from one due time to the next; `deliver` and `rewind` control single deliveries, in any interleaving and with any
repetition. The order within a topic is kept, as Kafka does.
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

ROUNDS_MAX = 1000  # of deliveries at one time; services that need more answer each other in a circle
SimulatedWorker = Callable[["Simulation"], Awaitable[int]]  # does its work and returns how much it has done


class SimulationNeverSettles(AssertionError):
    """The services answer each other without end."""


class Simulation:
    """Simulation of the services of these runners. `workers` do the work outside the runners, such as sending mail."""

    def __init__(
        self, runners: Sequence[MemoryRunner[Any, Any]], *, now: datetime, workers: Sequence[SimulatedWorker] = ()
    ) -> None:
        self._runners = {runner.service: runner for runner in runners}
        self._workers = workers
        self._topics: dict[Service, list[ConsumerRecord[Any, Any]]] = {service: [] for service in self._runners}
        self._offsets = {(reader, source): 0 for reader in self._runners for source in reader.sources}
        self.now = now
        self._set_time(now)

    @property
    def subscriptions(self) -> tuple[tuple[Service, Service], ...]:
        """Pairs (reader, source) of services between which events are delivered."""
        return tuple(self._offsets)

    def runner(self, service: Service) -> MemoryRunner[Any, Any]:
        """Return the runner of a service, with its states and dead letters."""
        return self._runners[service]

    def events(self, service: Service) -> list[Event[Any]]:
        """Return all events that the service has published, in order."""
        self._publish()
        return [read(record.value) for record in self._topics[service]]

    async def submit(self, service: Service, command: Command) -> Decision[Any, Any]:
        """Handle one command. Raises what `decide` raises."""
        (result,) = await self._runners[service].handle_commands([command])
        if isinstance(result, Exception):
            raise result
        return result

    async def deliver(self, reader: Service, source: Service, count: int = 1) -> int:
        """Deliver the next `count` records of one topic to one service. Return how many there were."""
        self._publish()
        begin = self._offsets[reader, source]
        records = self._topics[source][begin : begin + count]
        self._offsets[reader, source] += len(records)
        if records:
            await self._runners[reader].apply_records(records)
        return len(records)

    def rewind(self, reader: Service, source: Service, count: int = 1) -> None:
        """Deliver the last `count` records again later, as Kafka does after a crash before the acknowledgement."""
        self._offsets[reader, source] = max(0, self._offsets[reader, source] - count)

    async def run_workers(self) -> int:
        """Let each worker do its work. Return the sum of what they have done."""
        return sum([await worker(self) for worker in self._workers])

    async def settle(self) -> None:
        """Deliver and work until nothing is left to do. Raises `SimulationNeverSettles` if that never happens."""
        for _ in range(ROUNDS_MAX):
            delivered = sum([await self.deliver(reader, source, 500) for reader, source in self.subscriptions])
            if not delivered and not await self.run_workers():
                return
        raise SimulationNeverSettles

    async def pass_time(self, span: timedelta) -> None:
        """Move the clock by `span`, from one due time to the next, and settle after each."""
        end = self.now + span
        await self._tick()
        while (due := self._next_due_at()) is not None and due <= end:
            self._set_time(due)
            await self._tick()
        self._set_time(end)
        await self._tick()

    def pass_time_alone(self, span: timedelta) -> None:
        """Move the clock by `span` without any delivery or work."""
        self._set_time(self.now + span)

    def states(self) -> Mapping[str, Mapping[Any, Any]]:
        """Return the states of each service by its name."""
        return {service.name: dict(runner.states) for service, runner in self._runners.items()}

    async def _tick(self) -> None:
        await self.settle()
        for runner in self._runners.values():
            await runner.fire_timers(500)
        await self.settle()

    def _next_due_at(self) -> datetime | None:
        """Return the next due time after now; a timer that is due now and stays so does not wait for time."""
        times = (runner.next_due_at(self.now) for runner in self._runners.values())
        return min((at for at in times if at is not None), default=None)

    def _set_time(self, now: datetime) -> None:
        self.now = now
        for runner in self._runners.values():
            runner.now = now

    def _publish(self) -> None:
        for service, runner in self._runners.items():
            topic = self._topics[service]
            rows = [row for row in runner.rows if row.topic == service.topic]
            topic.extend(_make_record(service, len(topic) + n, row) for n, row in enumerate(rows[len(topic) :]))


def _make_record(service: Service, offset: int, row: Any) -> "ConsumerRecord[Any, Any]":
    key = str(row.key).encode()
    return ConsumerRecord(service.topic, 0, offset, 0, 0, key, row.value, None, len(key), len(row.value), ())

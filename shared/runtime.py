"""Runtime of a service: its settings, metrics and health, and the parts that handle events, timers and commands."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import asyncpg

from shared.auth import Authenticator
from shared.errors import Unavailable
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.runner.group_commit import GroupCommitter
from shared.runner.replay import Replay
from shared.runner.runner import Runner
from shared.runner.spec import ServiceSpec
from shared.runner.timers import Timers
from shared.runner.types import Command, Decision
from shared.settings import ServiceSettings
from shared.supervisor import JobSupervisor


class Runtime:
    """Parts of one service process. `app.py` builds it, `shared.service` opens the pool and runs the loops.

    `needed` names the parts without which the service is not ready.
    """

    def __init__(
        self, spec: ServiceSpec[Any, Any], settings: ServiceSettings, needed: Collection[str] = ("postgres", "kafka")
    ) -> None:
        self.service = spec.service
        self.settings = settings
        self.health = Health(needed)
        self.metrics = Metrics()
        self.authenticator = Authenticator(settings)
        self.stopping = asyncio.Event()
        self.supervisor = JobSupervisor(self.health, self.metrics, self.stopping)
        self.relay = Relay(spec.service.name, settings, self.metrics)
        self._after_commit: list[Callable[[], None]] = [self.relay.wake]
        self._pool: asyncpg.Pool | None = None
        self.runner = Runner(
            spec, pool=self._get_pool, settings=settings, metrics=self.metrics, on_commit=self.committed
        )
        self.replay = Replay(spec, pool=self._get_pool, settings=settings, on_commit=self.committed)
        self.timers = Timers(self.runner, settings)
        self.on_commit(self.timers.wake)
        self.consumer = Consumer(settings, self.runner, self.metrics, self.health)
        self._commands = GroupCommitter[Command, Decision[Any, Any]](
            self.runner.handle_commands, pace=settings.pace_ms / 1000
        )

    @property
    def pool(self) -> asyncpg.Pool:
        """Connections to this service's own schema. Raises `Unavailable` before the database is open."""
        return self._get_pool()

    def _get_pool(self) -> asyncpg.Pool:
        if self._pool is None:
            raise Unavailable("the database is not connected yet")
        return self._pool

    def set_pool(self, pool: asyncpg.Pool) -> None:
        """Use this pool from now on. The schema must be current."""
        self._pool = pool
        self.health.report_working("postgres")

    async def submit(self, command: Command) -> Decision[Any, Any]:
        """Handle a command; return its decision after the commit. Raises the command's `Rejected`, or `Unavailable`."""
        return await self._commands.submit(command)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call this after every commit of this process; it must return at once."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Wake the loops that wait for new rows, the relay first."""
        for callback in self._after_commit:
            callback()

    async def close(self) -> None:
        """Finish the commands in flight, then close the pool."""
        await self._commands.drain()
        if self._pool is not None:
            await self._pool.close()

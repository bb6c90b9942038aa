"""What a service's routes and workers are given: the pool, the clock of commits, and one way to ask for a change."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from shared.auth import Authenticator, require_scope
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


class Runtime:
    """One per process; opened by `shared.service`."""

    def __init__(self, fold: ServiceSpec[Any, Any], settings: ServiceSettings, health: Health) -> None:
        self.service = fold.service
        self.settings = settings
        self.health = health
        self.metrics = Metrics()
        self.authenticator = Authenticator(settings)
        self.stopping = asyncio.Event()
        self.relay = Relay(fold.service.name, settings, self.metrics)
        self._after_commit: list[Callable[[], None]] = [self.relay.wake]
        self._pool: asyncpg.Pool | None = None
        self.runner = Runner(
            fold, pool=self._get_pool, settings=settings, metrics=self.metrics, on_commit=self.committed
        )
        self.replay = Replay(fold, pool=self._get_pool, settings=settings, on_commit=self.committed)
        self.timers = Timers(self.runner, settings)
        self.on_commit(self.timers.wake)
        self.consumer = Consumer(fold.service, settings, self.runner, self.metrics, health)
        self._commands = GroupCommitter[Command, Decision[Any, Any]](
            self.runner.handle_commands, pace=settings.pace_ms / 1000
        )

    @property
    def pool(self) -> asyncpg.Pool:
        """Connections to this service's own schema. Raises `Unavailable` until the first one stands."""
        return self._get_pool()

    def _get_pool(self) -> asyncpg.Pool:
        if self._pool is None:
            raise Unavailable("the database is not connected yet")
        return self._pool

    def opened(self, pool: asyncpg.Pool) -> None:
        """The pool stands and the schema is current."""
        self._pool = pool
        self.health.well("postgres")

    async def submit(self, command: Command) -> Decision[Any, Any]:
        """Ask for a change; answers after its commit. Raises the command's own `Rejected`, or `Unavailable`."""
        return await self._commands.submit(command)

    def require(self, scope: str) -> Any:
        """A FastAPI dependency that gives the client, if its token carries `scope`."""
        return require_scope(scope)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call this after every commit of this process; it must return at once."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Wake whoever waits for new rows: the relay first."""
        for callback in self._after_commit:
            callback()

    async def close(self) -> None:
        """Answer what was asked, then let the connections go."""
        await self._commands.drain()
        if self._pool is not None:
            await self._pool.close()

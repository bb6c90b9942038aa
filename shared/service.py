"""Start, supervise and stop one service process.

HTTP comes up first and stays up; everything that needs PostgreSQL or Kafka runs in a supervised task that is started
again with back-off when it fails. Only a stuck consumer or a wrong setting ends the process.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Generic

import uvicorn
from fastapi import APIRouter

from shared.contracts.topics import Service
from shared.errors import Misconfigured
from shared.http.app import Hot, build_http_app
from shared.messaging.consumer import ConsumerStuck
from shared.ops import logs
from shared.ops.health import Health
from shared.ops.probe import Probe
from shared.retry import is_transient
from shared.runner.spec import ServiceSpec
from shared.runner.state_store import StateStore
from shared.runner.types import ContextT, Decide, StateT
from shared.runtime import Runtime
from shared.settings import ServiceSettings
from shared.storage import inbox, postgres

log = logging.getLogger(__name__)
EXIT_MISCONFIGURED = 2
EXIT_STUCK = 70
BACK_OFF = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds before a worker is started again

Worker = Callable[[Runtime, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServiceApp(Generic[StateT, ContextT]):
    """Everything that makes a service this service. `needed` are the parts it cannot work without."""

    service: Service
    settings: ServiceSettings
    decide: Decide[StateT, ContextT]
    store: StateStore[StateT, ContextT]
    schema: Path
    routes: Callable[[Runtime], APIRouter] | None = None
    hot: Callable[[Runtime], Hot] | None = None
    workers: Sequence[Worker] = ()
    opened: Callable[[Runtime], Awaitable[None]] | None = None
    needed: Sequence[str] = ("postgres", "kafka")


def main(build: Callable[[], ServiceApp[Any, Any]]) -> None:
    """The whole life of a process: build, run, exit code."""
    try:
        app = build()
        logs.configure(app.service.name, app.settings.log_level)
        code = _loop(app)
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        code = EXIT_MISCONFIGURED
    sys.exit(code)


def _loop(app: ServiceApp[Any, Any]) -> int:
    import uvloop  # noqa: PLC0415 (not on every platform)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(ServiceProcess(app).run())


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process as a whole."""
        yield


@dataclass(slots=True)
class ServiceProcess(Generic[StateT, ContextT]):
    """A running service. `run` returns the exit code; `runtime` and `port` are there once `started` is set."""

    app: ServiceApp[StateT, ContextT]
    started: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = 0
    port: int = 0
    runtime: Runtime = field(init=False)
    _probe: Probe = field(init=False)

    async def run(self) -> int:
        """Until a signal, `stop`, or something that only a new process mends."""
        app = self.app
        self.runtime = runtime = Runtime(
            ServiceSpec(app.service, app.decide, app.store), app.settings, Health(needed=app.needed)
        )
        self._probe = Probe(app.service.name, app.settings, runtime.metrics)
        server = self._server()
        self._listen_to_signals()
        listening = asyncio.create_task(server.serve(sockets=[self._socket()]))
        background = asyncio.create_task(self._background())
        self.started.set()
        await runtime.stopping.wait()
        await self._stop(server, listening, background)
        return self.code

    def stop(self, code: int = 0) -> None:
        """Begin a graceful stop."""
        self.code = self.code or code
        self.runtime.stopping.set()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError, RuntimeError):  # not in the main thread: a test drives us
                loop.add_signal_handler(number, self.stop)

    def _socket(self) -> socket.socket:
        settings = self.app.settings
        try:
            listener = socket.create_server((settings.host, settings.port), backlog=2048, reuse_port=False)
        except OSError as error:
            raise Misconfigured(f"port {settings.port} on {settings.host} is taken: {error.strerror}") from None
        self.port = listener.getsockname()[1]
        return listener

    def _server(self) -> _Server:
        app, runtime = self.app, self.runtime
        hot = app.hot(runtime) if app.hot else {}
        _, front = build_http_app(runtime, self._probe, app.routes(runtime) if app.routes else None, hot)
        config = uvicorn.Config(
            front,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on the client's address
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
        )
        return _Server(config)

    async def _background(self) -> None:
        """Open the database, then run everything that works on it, each restarted on its own."""
        runtime, stopping = self.runtime, self.runtime.stopping
        await self._supervise("database", self._open, once=True)
        if stopping.is_set():
            return
        jobs: dict[str, Callable[[], Awaitable[None]]] = {
            "relay": lambda: runtime.relay.run(stopping),
            "consumer": lambda: runtime.consumer.run(stopping),
            "timers": lambda: runtime.timers.run(stopping),
            "sweeper": self._sweep,
        }
        for number, worker in enumerate(self.app.workers):
            jobs[f"{getattr(worker, '__name__', 'worker')}-{number}"] = partial(worker, runtime, stopping)
        await asyncio.gather(*(self._supervise(name, job) for name, job in jobs.items()))

    async def _open(self) -> None:
        settings = self.app.settings
        await postgres.migrate(settings.postgres.get_secret_value(), self.app.schema)
        self.runtime.opened(await postgres.connect(settings, self.app.service.name))
        if self.app.opened is not None:
            await self.app.opened(self.runtime)
        # What is loaded by now stays; the collector need not walk it at every batch (measured: 41–88 µs an event).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    async def _supervise(self, name: str, job: Callable[[], Awaitable[None]], *, once: bool = False) -> None:
        runtime, failures = self.runtime, 0
        while not runtime.stopping.is_set():
            begun = asyncio.get_running_loop().time()
            try:
                await job()
                if once:
                    return
            except (Misconfigured, ConsumerStuck) as error:
                log.critical("%s: %s", name, error.detail)
                self.stop(EXIT_STUCK if isinstance(error, ConsumerStuck) else EXIT_MISCONFIGURED)
                return
            except Exception as error:
                runtime.health.sick(name, f"failed: {type(error).__name__}; trying again")
                level = logging.WARNING if is_transient(error) else logging.ERROR
                log.log(level, "%s failed and will be started again", name, exc_info=error)
            runtime.metrics.count("redress_worker_restarts")
            failures = 0 if asyncio.get_running_loop().time() - begun > 30 else failures + 1
            await self._rest(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
            runtime.health.well(name) if name not in self.app.needed else None

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.runtime.stopping.wait(), seconds)

    async def _sweep(self) -> None:
        """Forget old inbox entries, an hour between rounds."""
        while not self.runtime.stopping.is_set():
            async with postgres.transaction(self.runtime.pool) as conn:
                now = await conn.fetchval("select now()")
                await inbox.delete_old(conn, now, timedelta(days=self.app.settings.inbox_keep_days))
            await self._rest(3600)

    async def _stop(self, server: _Server, *tasks: "asyncio.Task[Any]") -> None:
        """Stop taking, finish what is in flight, flush, leave the group, within the limit."""
        log.info("stopping")
        server.should_exit = True
        _, late = await asyncio.wait(tasks, timeout=self.app.settings.stop_seconds)
        for task in late:
            task.cancel()
        with suppress(Exception):
            await asyncio.wait_for(self._probe.close(), 2)
            await asyncio.wait_for(self.runtime.close(), 5)
        log.info("stopped", extra={"late": len(late)})

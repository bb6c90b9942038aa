"""Process of one service: start, supervise, stop.

The life cycle is that of a `faststream.FastStream` application:

    lifespan        HTTP starts to listen
    on_startup      the database is migrated and opened, again and again until it succeeds; then the workers start
    broker.start    the subscriber joins its group, again and again until it succeeds
    after_startup   the watchdog of the consumer starts
        ...         until a signal, a stuck consumer or a wrong setting
    on_shutdown     HTTP and the workers are requested to stop
    broker.stop     the batch in flight is finished, the consumer leaves its group
    lifespan        HTTP and the workers have the remaining time to finish, then the pool is closed

FastStream runs the startup steps in a task of their own and handles SIGTERM and SIGINT meanwhile. So HTTP answers and
intake accepts complaints while Kafka or PostgreSQL is down, and a process that still waits for them can be stopped.
"""

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import APIRouter
from faststream import FastStream
from faststream.kafka import KafkaBroker

from shared.errors import Misconfigured
from shared.http.app import DirectEndpoints, build_http_app
from shared.ops import logs
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage import inbox, postgres
from shared.supervisor import EXIT_MISCONFIGURED, Job
from shared.wakeup import wait_for_event

log = logging.getLogger(__name__)
INBOX_SECONDS = 3600.0  # between two rounds that delete old inbox entries

Worker = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServiceApp:
    """A service ready to run, as its `app.py` builds it.

    `direct_endpoints` answer without FastAPI. `workers` are background jobs of the service by name; each runs
    until the event it gets is set. `on_open` is called when the schema is current, before the workers start.
    """

    runtime: Runtime
    broker: KafkaBroker
    schema: Path
    routes: APIRouter = field(default_factory=APIRouter)
    direct_endpoints: DirectEndpoints = field(default_factory=dict)
    workers: Mapping[str, Worker] = field(default_factory=dict)
    on_open: Callable[[], Awaitable[None]] | None = None


def main(build: Callable[[], ServiceApp]) -> None:
    """Build and run a service, then end the process with its exit code."""
    try:
        app = build()
        logs.configure(app.runtime.service.name, app.runtime.settings.log_level)
        code = _run(app)
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        code = EXIT_MISCONFIGURED
    sys.exit(code)


def _run(app: ServiceApp) -> int:
    import uvloop  # noqa: PLC0415 (not on every platform)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(ServiceProcess(app).run())


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the FastStream application."""
        yield


class ServiceProcess:
    """Run of a service in this process. The docstring of the module lists its steps."""

    def __init__(self, app: ServiceApp) -> None:
        self._app = app
        self._runtime = app.runtime
        self._probe = Probe(app.runtime.service.name, app.runtime.settings, app.runtime.metrics)
        self._server = _Server(self._http_config())
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_before = 0.0  # loop time
        self._faststream = FastStream(
            app.broker,
            logger=None,
            lifespan=self._lifespan,
            on_startup=(self._open_database, self._start_workers),
            after_startup=(self._start_watchdog,),
            on_shutdown=(self._on_shutdown,),
        )

    async def run(self) -> int:
        """Run until a signal or an error that only a new process can resolve. Return the exit code."""
        await self._faststream.run()
        return self._runtime.supervisor.exit_code

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        self._start(self._server.serve(sockets=[self._listen()]))
        self._start(self._exit_when_stopping())
        try:
            yield
        finally:
            self._begin_stop()
            await self._finish()

    def _start(self, job: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(job))

    async def _exit_when_stopping(self) -> None:
        """End the application when the supervisor asks for it."""
        await self._runtime.stopping.wait()
        self._faststream.exit()

    # ── startup ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> socket.socket:
        settings = self._runtime.settings
        try:
            return socket.create_server((settings.host, settings.port), backlog=2048, reuse_port=False)
        except OSError as error:
            raise Misconfigured(f"port {settings.port} on {settings.host} is taken: {error.strerror}") from None

    def _http_config(self) -> uvicorn.Config:
        _, front = build_http_app(self._runtime, self._probe, self._app.routes, self._app.direct_endpoints)
        return uvicorn.Config(
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

    async def _open_database(self) -> None:
        await self._runtime.supervisor.run("database", self._migrate_and_connect, once=True)

    async def _migrate_and_connect(self) -> None:
        runtime = self._runtime
        await postgres.migrate(runtime.settings.postgres.get_secret_value(), self._app.schema)
        runtime.set_pool(await postgres.connect(runtime.settings, runtime.service.name))
        if self._app.on_open is not None:
            await self._app.on_open()
        # Objects loaded so far stay; the collector need not visit them at every batch (measured: 41-88 µs an event).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    async def _start_workers(self) -> None:
        """Start the loops that need the database but not the consumer."""
        runtime, stopping = self._runtime, self._runtime.stopping
        jobs: dict[str, Job] = {
            "relay": partial(runtime.relay.run, stopping),
            "timers": partial(runtime.timers.run, stopping),
            "inbox": self._delete_old_inbox_entries,
            **{name: partial(worker, stopping) for name, worker in self._app.workers.items()},
        }
        for name, job in jobs.items():
            self._start(runtime.supervisor.run(name, job))

    async def _delete_old_inbox_entries(self) -> None:
        """Delete inbox entries that are too old to be delivered again."""
        runtime = self._runtime
        keep = timedelta(days=runtime.settings.inbox_keep_days)
        while not runtime.stopping.is_set():
            async with postgres.transaction(runtime.pool) as conn:
                await inbox.delete_old(conn, await conn.fetchval("select now()"), keep)
            await wait_for_event(runtime.stopping, INBOX_SECONDS)

    async def _start_watchdog(self) -> None:
        runtime = self._runtime
        watch = partial(runtime.consumer.watch, self._app.broker, runtime.stopping)
        self._start(runtime.supervisor.run("consumer", watch))

    # ── shutdown ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _on_shutdown(self) -> None:
        self._begin_stop()

    def _begin_stop(self) -> None:
        """Request the stop of HTTP and the workers. The time limit counts from the first call."""
        if not self._server.should_exit:
            log.info("stopping")
            self._stop_before = asyncio.get_running_loop().time() + self._runtime.settings.stop_seconds
            self._server.should_exit = True
            self._runtime.stopping.set()

    async def _finish(self) -> None:
        """Wait for HTTP and the workers, cancel those that take too long, and close the connections."""
        remaining = self._stop_before - asyncio.get_running_loop().time()
        _, late = await asyncio.wait(self._tasks, timeout=max(remaining, 0.1))
        for task in late:
            task.cancel()
        with suppress(Exception):
            await asyncio.wait_for(self._probe.close(), 2)
            await asyncio.wait_for(self._runtime.close(), 5)
        log.info("stopped", extra={"late": len(late)})

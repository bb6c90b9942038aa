"""Whole stack on one machine: PostgreSQL, Kafka, the mailbox and the four services, each in its own process."""

import asyncio
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.background import BackgroundTask, Interrupted
from deploy.local.data_dir import require_space
from deploy.local.kafka import EmbeddedKafka
from deploy.local.keys import ensure_secrets_folder, ensure_token_keys, passwords_file
from deploy.local.lock import DataDirLock
from deploy.local.port_config import PortConfig
from deploy.local.ports import HOST
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import Child, reap
from deploy.local.provision import provision
from deploy.local.readiness import find_problem
from deploy.local.supervisor import Supervisor
from deploy.local.topics import create_topics, topic_settings
from shared.contracts import INTAKE, SERVICES
from shared.errors import Unavailable

SERVICE_NAMES = tuple(service.name for service in SERVICES)
READY_SECONDS = 120.0
HEAD_START_SECONDS = 8.0
CHECK_SECONDS = 0.1  # between two checks of the supervisor


class Stack:
    """Stack of embedded servers and services; a server given by its address is used instead of an embedded one.

    `kafka` is HOST:PORT, `postgres` the DSN of an admin. Services in `without` are not started, so that a debugger can
    run them; the start writes their environment to `env_file(name)` instead. `faults` lets tests inject SMTP faults.
    Set `stopping` to interrupt a start.
    """

    def __init__(
        self,
        home: Path,
        *,
        kafka: str | None = None,
        postgres: str | None = None,
        ports: PortConfig | None = None,
        without: Collection[str] = (),
        faults: bool = False,
    ) -> None:
        self.home = home.absolute()
        self.ports = ports or PortConfig.from_environment()
        self.kafka = None if kafka else EmbeddedKafka(self.home, self.ports.kafka, self.ports.controller)
        self.postgres = None if postgres else EmbeddedPostgres(self.home, self.ports.postgres)
        self.bootstrap = kafka or f"{HOST}:{self.ports.kafka}"
        self.without = frozenset(without)
        self.children: dict[str, Child] = {}
        self.stopping = threading.Event()
        self._started_services = tuple(name for name in SERVICE_NAMES if name not in self.without)
        self._admin_dsn = postgres
        self._faults = faults
        self._lock: DataDirLock | None = None
        self._supervision = threading.Lock()
        self._supervisor = Supervisor(self._processes, self._restart, report=lambda _: None)

    def start(self, report: Callable[[str], None] = lambda _: None) -> Self:
        """Start everything and wait until every service is ready. Each step is reported as one sentence.

        Raises `Misconfigured` or `Unavailable`, after it has stopped what was started.
        """
        require_space(self.home)
        self._lock = DataDirLock(self.home)
        try:
            self._start(report)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the services first, so that they can finish their work, then the servers; each within 25 s."""
        self.stopping.set()
        locked = self._supervision.acquire(timeout=5)  # prevents that the supervisor restarts a process meanwhile
        services = (self.children[name] for name in SERVICE_NAMES if name in self.children)
        run_in_parallel(child.stop for child in services)
        if mailbox := self.children.get("mailbox"):
            mailbox.stop()
        run_in_parallel(server.stop for server in (self.kafka, self.postgres) if server)
        if self._lock is not None:
            self._lock.release()
        if locked:
            self._supervision.release()

    def supervise(self) -> None:
        """Restart processes that end unexpectedly, until `stopping` is set. Raises `Misconfigured`."""
        while not self.stopping.wait(CHECK_SECONDS):
            self._supervise_once()

    def child(self, name: str) -> Child:
        """Process of the stack by its name. Raises KeyError if it was not started."""
        return self._processes()[name]

    def env_file(self, name: str) -> Path:
        """File with the environment of a service in `without`; holds its database password."""
        return self.home / "secrets" / f"{name}.env"

    def find_unready(self) -> dict[str, str]:
        """Return the reason for each service that is not ready, and for the mailbox."""
        urls = {name: f"{self.ports.url(name)}/ready" for name in self._started_services}
        urls["mailbox"] = f"{self.ports.url('mailbox')}/live"
        problems = {name: find_problem(url) for name, url in urls.items()}
        return {name: problem for name, problem in problems.items() if problem is not None}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, report: Callable[[str], None]) -> None:
        for name in reap(self.home):
            report(f"{name} was left running by a start that was killed; ended it")
        embedded = [*(("kafka", "controller") if self.kafka else ()), *(("postgres",) if self.postgres else ())]
        self.ports.require_free(*embedded, *self._started_services, "smtp", "mailbox")
        self._supervisor = Supervisor(self._processes, self._restart, report=report)
        kafka = BackgroundTask("Kafka", lambda: self._start_kafka(report), self.stopping)
        database = BackgroundTask("PostgreSQL", self._start_postgres, self.stopping)
        self._launch("mailbox", self._mailbox())
        dsns = database.wait()
        report("PostgreSQL is ready")
        if not self._topics_exist():
            # A consumer that finds no topic looks for it again only after minutes, so the first start waits for them.
            kafka.wait()
        for name in self.without:
            self._write_env_file(name, self._environment(name, dsns[name]))
        for name in self._started_services:
            self._launch(name, self._service(name, dsns[name]))
            if name == INTAKE.name:
                self._give_head_start(name, kafka)
        kafka.wait()
        report("Kafka is ready")
        self._wait_until_ready()
        report("every service is ready")

    def _give_head_start(self, name: str, kafka: BackgroundTask[None]) -> None:
        """Wait a short time for intake, which accepts complaints without Kafka and the other services.

        If all processes start at once, they slow each other down and intake is ready much later.
        """
        until = time.monotonic() + HEAD_START_SECONDS
        while kafka.is_running and find_problem(f"{self.ports.url(name)}/ready") and time.monotonic() < until:
            if self.stopping.wait(CHECK_SECONDS):
                raise Interrupted

    def _start_kafka(self, report: Callable[[str], None]) -> None:
        if self.kafka:
            self.kafka.start(report)
        asyncio.run(create_topics(self.bootstrap))
        if self.kafka:
            self._topics_marker().write_text("\n".join(sorted(topic_settings())), "ascii")

    def _start_postgres(self) -> dict[str, str]:
        if self.postgres:
            self.postgres.start()
            return {name: self.postgres.service_dsn(name) for name in SERVICE_NAMES}
        dsn = str(self._admin_dsn)
        return provision(dsn, passwords_file(self.home, dsn))

    def _topics_marker(self) -> Path:
        return self.home / "kafka" / "topics"

    def _topics_exist(self) -> bool:
        marker = self._topics_marker()
        names = marker.read_text("ascii").split() if self.kafka and marker.exists() else []
        return names == sorted(topic_settings())

    def _launch(self, name: str, child: Child) -> None:
        if self.stopping.is_set():
            raise Interrupted
        self.children[name] = child
        child.start()

    def _mailbox(self) -> Child:
        ports = ["--smtp-port", str(self.ports.smtp), "--port", str(self.ports.mailbox)]
        options = [*ports, "--home", str(self.home), *(["--faults"] if self._faults else [])]
        return Child("mailbox", self.home, [sys.executable, "-m", "deploy.local.mailbox", *options])

    def _service(self, name: str, dsn: str) -> Child:
        return Child(name, self.home, [sys.executable, "-m", f"services.{name}"], self._environment(name, dsn))

    def _environment(self, name: str, dsn: str) -> dict[str, str]:
        _, public = ensure_token_keys(self.home)
        environment = {
            f"{name.upper()}_POSTGRES": dsn,
            f"{name.upper()}_KAFKA": self.bootstrap,
            f"{name.upper()}_PORT": str(getattr(self.ports, name)),
            f"{name.upper()}_AUTH_PUBLIC_KEY_FILE": str(public),
        }
        if name == "notify" and not os.environ.get("NOTIFY_SMTP_HOST"):  # the user may name a mail server instead
            environment |= {"NOTIFY_SMTP_HOST": HOST, "NOTIFY_SMTP_PORT": str(self.ports.smtp)}
        return environment

    def _write_env_file(self, name: str, environment: Mapping[str, str]) -> None:
        ensure_secrets_folder(self.home)
        file = self.env_file(name)
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in environment.items()), "utf-8")

    def _processes(self) -> dict[str, Child]:
        servers = {server.child.name: server.child for server in (self.kafka, self.postgres) if server and server.child}
        return {**servers, **self.children}

    def _restart(self, name: str) -> None:
        server = {"kafka": self.kafka, "postgres": self.postgres}.get(name)
        (server or self.children[name]).start()

    def _supervise_once(self) -> None:
        with self._supervision:
            if not self.stopping.is_set():
                self._supervisor.run_once()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while problems := self.find_unready():
            if time.monotonic() > until:
                details = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
                raise Unavailable(
                    f"Not everything is ready after {READY_SECONDS:.0f} s ({details}). Logs: {self.home / 'logs'}"
                )
            self._supervise_once()
            if self.stopping.wait(CHECK_SECONDS):
                raise Interrupted


def run_in_parallel(functions: Iterable[Callable[[], object]]) -> None:
    """Run the functions in parallel threads and wait for all of them."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

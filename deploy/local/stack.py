"""The whole stack on one machine: PostgreSQL, Kafka, the mailbox and the four services, each a process of its own."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.background import Interrupted, Work
from deploy.local.data_dir import require_space
from deploy.local.kafka import EmbeddedKafka
from deploy.local.keys import passwords_file, token_keys
from deploy.local.lock import DataDirLock
from deploy.local.port_config import PortConfig
from deploy.local.ports import HOST
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import Child, reap
from deploy.local.provision import provision
from deploy.local.readiness import why_not
from deploy.local.supervisor import Supervisor
from deploy.local.topics import create_topics, topic_settings
from shared.contracts import INTAKE, SERVICES
from shared.errors import Unavailable

SERVICE_NAMES = tuple(service.name for service in SERVICES)
STOP_SECONDS = 25.0
READY_SECONDS = 120.0
HEAD_START_SECONDS = 8.0
LOOK_SECONDS = 0.1  # between looks of the supervisor


class Stack:
    """What is given (`kafka` HOST:PORT, `postgres` an admin's DSN) is used; what is not is embedded.

    `faults` lets tests break the mailbox's SMTP side. Set `stopping` from a signal handler to interrupt a start.
    """

    def __init__(
        self,
        home: Path,
        *,
        kafka: str | None = None,
        postgres: str | None = None,
        places: PortConfig | None = None,
        faults: bool = False,
    ) -> None:
        self.home = home.absolute()
        self.places = places or PortConfig.from_environment()
        self.kafka = None if kafka else EmbeddedKafka(self.home, self.places.kafka, self.places.controller)
        self.postgres = None if postgres else EmbeddedPostgres(self.home, self.places.postgres)
        self.bootstrap = kafka or f"{HOST}:{self.places.kafka}"
        self.children: dict[str, Child] = {}
        self.stopping = threading.Event()
        self._admin_dsn = postgres
        self._faults = faults
        self._claim: DataDirLock | None = None
        self._watching = threading.Lock()
        self._supervisor = Supervisor(self._processes, self._start_again, tell=lambda _: None)

    def start(self, tell: Callable[[str], None] = lambda _: None) -> Self:
        """Start all and wait until every service is ready; `tell` hears what happens, a sentence each.

        Raises `Misconfigured` or `Unavailable` with a sentence that says what to do, and then has stopped everything.
        """
        require_space(self.home)
        self._claim = DataDirLock(self.home)
        try:
            self._start(tell)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Services first, so that they can hand over what is in flight; then the servers, each within 25 s."""
        self.stopping.set()
        held = self._watching.acquire(timeout=5)  # no restart may begin behind our back
        services = (self.children[name] for name in SERVICE_NAMES if name in self.children)
        together(child.stop for child in services)
        if mailbox := self.children.get("mailbox"):
            mailbox.stop()
        together(server.stop for server in (self.kafka, self.postgres) if server)
        if self._claim is not None:
            self._claim.release()
        if held:
            self._watching.release()

    def watch(self) -> None:
        """Restart what ends without being asked to, until `stopping` is set. Raises `Misconfigured`."""
        while not self.stopping.wait(LOOK_SECONDS):
            self._look()

    def child(self, name: str) -> Child:
        """A process of the stack by its name; KeyError when it was not started."""
        return self._processes()[name]

    def missing(self) -> dict[str, str]:
        """What is not ready, and why."""
        pages = {name: f"{self.places.url(name)}/ready" for name in SERVICE_NAMES}
        pages["mailbox"] = f"{self.places.url('mailbox')}/live"
        told = {name: why_not(url) for name, url in pages.items()}
        return {name: why for name, why in told.items() if why is not None}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, tell: Callable[[str], None]) -> None:
        for name in reap(self.home):
            tell(f"{name} was left running by a start that was killed; ended it")
        embedded = [*(("kafka", "controller") if self.kafka else ()), *(("postgres",) if self.postgres else ())]
        self.places.require_free(*embedded, *SERVICE_NAMES, "smtp", "mailbox")
        self._supervisor = Supervisor(self._processes, self._start_again, tell=tell)
        streams = Work("Kafka", lambda: self._start_kafka(tell), self.stopping)
        database = Work("PostgreSQL", self._start_postgres, self.stopping)
        self._launch("mailbox", self._mailbox())
        dsns = database.wait()
        tell("PostgreSQL serves")
        if not self._topics_are_known():
            # A consumer that finds no topic looks again only minutes later, so the first time they come first.
            streams.wait()
        for name in SERVICE_NAMES:
            self._launch(name, self._service(name, dsns[name]))
            if name == INTAKE.name:
                self._give_head_start(name, streams)
        streams.wait()
        tell("Kafka serves")
        self._wait_until_ready()
        tell("every service is ready")

    def _give_head_start(self, name: str, streams: Work[None]) -> None:
        """Intake accepts without Kafka and the others; while they all start at once nobody gets anywhere soon."""
        until = time.monotonic() + HEAD_START_SECONDS
        while streams.is_running and why_not(f"{self.places.url(name)}/ready") and time.monotonic() < until:
            if self.stopping.wait(LOOK_SECONDS):
                raise Interrupted

    def _start_kafka(self, tell: Callable[[str], None]) -> None:
        if self.kafka:
            self.kafka.start(tell)
        asyncio.run(create_topics(self.bootstrap))
        if self.kafka:
            self._topics_marker().write_text("\n".join(sorted(topic_settings())), "ascii")

    def _start_postgres(self) -> dict[str, str]:
        if self.postgres:
            self.postgres.start()
            return {name: self.postgres.service_dsn(name) for name in SERVICE_NAMES}
        given = str(self._admin_dsn)
        return provision(given, passwords_file(self.home, given))

    def _topics_marker(self) -> Path:
        return self.home / "kafka" / "topics"

    def _topics_are_known(self) -> bool:
        marker = self._topics_marker()
        known = marker.read_text("ascii").split() if self.kafka and marker.exists() else []
        return known == sorted(topic_settings())

    def _launch(self, name: str, child: Child) -> None:
        if self.stopping.is_set():
            raise Interrupted
        self.children[name] = child
        child.start()

    def _mailbox(self) -> Child:
        ports = ["--smtp-port", str(self.places.smtp), "--port", str(self.places.mailbox)]
        options = [*ports, "--home", str(self.home), *(["--faults"] if self._faults else [])]
        return Child("mailbox", self.home, [sys.executable, "-m", "deploy.local.mailbox", *options])

    def _service(self, name: str, dsn: str) -> Child:
        _, public = token_keys(self.home)
        own = {
            f"{name.upper()}_POSTGRES": dsn,
            f"{name.upper()}_KAFKA": self.bootstrap,
            f"{name.upper()}_PORT": str(getattr(self.places, name)),
            f"{name.upper()}_AUTH_PUBLIC_KEY_FILE": str(public),
        }
        if name == "notify" and not os.environ.get("NOTIFY_SMTP_HOST"):  # who has a mail server may name it
            own |= {"NOTIFY_SMTP_HOST": HOST, "NOTIFY_SMTP_PORT": str(self.places.smtp)}
        return Child(name, self.home, [sys.executable, "-m", f"services.{name}"], own)

    def _processes(self) -> dict[str, Child]:
        servers = {server.child.name: server.child for server in (self.kafka, self.postgres) if server and server.child}
        return {**servers, **self.children}

    def _start_again(self, name: str) -> None:
        server = {"kafka": self.kafka, "postgres": self.postgres}.get(name)
        (server or self.children[name]).start()

    def _look(self) -> None:
        with self._watching:
            if not self.stopping.is_set():
                self._supervisor.run_once()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while missing := self.missing():
            if time.monotonic() > until:
                told = "; ".join(f"{name}: {why}" for name, why in missing.items())
                raise Unavailable(
                    f"Not everything is ready after {READY_SECONDS:.0f} s ({told}). Logs: {self.home / 'logs'}"
                )
            self._look()
            if self.stopping.wait(LOOK_SECONDS):
                raise Interrupted


def together(stops: Iterable[Callable[[], object]]) -> None:
    """Run them side by side and wait for all."""
    threads = [threading.Thread(target=stop) for stop in stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

"""Servers under test: embedded PostgreSQL and Kafka, the plain baseline, the bare pipeline, and the four services."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from deploy.local.kafka import EmbeddedKafka
from deploy.local.ports import find_free_port
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import Child
from shared.auth import SCOPES, create_keys, create_token
from shared.contracts import SERVICES
from tests.bench import topics
from tests.bench.request_bodies import Target

NAMES = tuple(service.name for service in SERVICES)
PATIENCE = 60.0  # seconds until a process must be ready
ROOT = Path(__file__).parents[2]


class Servers:
    """Embedded PostgreSQL and Kafka, with the processes to measure."""

    def __init__(self, home: Path, *, profile: bool = False) -> None:
        self.home = home
        self.profile = profile
        self.postgres = EmbeddedPostgres(home)
        self.kafka = EmbeddedKafka(home)
        self.smtp_port = find_free_port()
        self.ports = {name: find_free_port() for name in (*NAMES, "plain", "bare")}
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        self.postgres.start()
        self.kafka.start()
        topics.create_missing_topics(self.kafka.bootstrap)
        create_keys(self.home / "private.pem", self.home / "public.pem")
        return self

    def __exit__(self, *ended: object) -> None:
        self.stop(*self.children)
        self.kafka.stop()
        self.postgres.stop()

    def start_plain(self) -> Target:
        """Start the plain baseline and wait until it is ready."""
        self._start("plain", ["tests.bench.plain_baseline", str(self.ports["plain"]), self.postgres.dsn])
        self._wait_for_response("plain", self.ports["plain"], "/ready")
        return Target(self.ports["plain"])

    def start_bare(self) -> Target:
        """Start the four processes of the bare pipeline and wait until they are ready."""
        arguments = [self.kafka.bootstrap, self.postgres.dsn, str(self.ports["bare"]), str(self.smtp_port)]
        for name in NAMES:
            self._start(f"bare-{name}", ["tests.bench.bare_pipeline", name, *arguments])
        self._wait_for_response("bare-intake", self.ports["bare"], "/")
        for name in NAMES:
            child = self.children[f"bare-{name}"]
            self._wait_until_ready(f"bare-{name}", partial(_has_logged_ready, child))
        return Target(self.ports["bare"])

    def start_services(self, *names: str) -> Target:
        """Start services and wait until they are ready; all four if none is named."""
        for name in names or NAMES:
            self.launch(name)
        for name in names or NAMES:
            self._wait_for_response(name, self.ports[name], "/ready")
        return self.intake_target()

    def launch(self, name: str) -> None:
        """Start a service without waiting until it is ready."""
        module = [f"services.{name}"]
        if self.profile:
            module = ["tests.bench.cpu_sampler", str(self.home / f"profile-{name}.json"), *module]
        self._start(name, module, self._environment(name))

    def intake_target(self) -> Target:
        """Return intake as target, with a token."""
        return Target(self.ports["intake"], self.token())

    def stop(self, *names: str) -> None:
        """Stop processes with SIGTERM."""
        running = [self.children.pop(name) for name in names if name in self.children]
        for child in running:
            child.send_signal(signal.SIGCONT)
            child.send_signal(signal.SIGTERM)
        for child in running:
            child.stop()

    @contextmanager
    def frozen(self, names: Sequence[str]) -> Iterator[None]:
        """Stop these processes with SIGSTOP while the other side is measured; at most for a Kafka session (30 s)."""
        children = [self.children[name] for name in names if name in self.children]
        for child in children:
            child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for child in children:
                child.send_signal(signal.SIGCONT)

    def pids(self, names: Sequence[str]) -> dict[str, list[int]]:
        """Return the process ids by name, with those of PostgreSQL and Kafka."""
        own = {name: [pid] for name in names if (pid := self.children[name].pid)}
        return own | {"postgresql": [self.postgres.pid or 0], "kafka": [self.kafka.pid or 0]}

    def _environment(self, name: str) -> dict[str, str]:
        prefix = name.upper()
        own = {f"{prefix}_PORT": str(self.ports[name]), f"{prefix}_POSTGRES": self.postgres.service_dsn(name)}
        shared = {
            "REDRESS_KAFKA": self.kafka.bootstrap,
            "REDRESS_AUTH_PUBLIC_KEY_FILE": str(self.home / "public.pem"),
            "REDRESS_LOG_LEVEL": "WARNING",
            "NOTIFY_SMTP_HOST": "127.0.0.1",
            "NOTIFY_SMTP_PORT": str(self.smtp_port),
        }
        return own | shared

    def token(self) -> str:
        """Create a token with all scopes."""
        scopes, lasts = frozenset(SCOPES), timedelta(hours=4)
        return create_token(self.home / "private.pem", client="bench", scopes=scopes, lasts=lasts, audience="redress")

    def _start(self, name: str, module: Sequence[str], env: dict[str, str] | None = None) -> None:
        child = Child(name, self.home, [sys.executable, "-m", *module], env={"PYTHONPATH": str(ROOT), **(env or {})})
        child.log.unlink(missing_ok=True)
        child.start()
        self.children[name] = child

    def _wait_for_response(self, name: str, port: int, path: str) -> None:
        self._wait_until_ready(name, lambda: _responds(port, path))

    def _wait_until_ready(self, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_ready():
            if self.children[name].returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not become ready:\n{self.children[name].tail(30)}")
            time.sleep(0.05)


def _has_logged_ready(child: Child) -> bool:
    return "ready" in child.tail()


def _responds(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()

"""Complete supervised system on free ports, for story and fault tests: processes, Kafka, PostgreSQL, mail server."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from deploy.local.keys import ensure_token_keys
from deploy.local.port_config import PortConfig
from deploy.local.stack import Stack
from shared.auth import SCOPES, create_token
from shared.errors import Misconfigured

T = TypeVar("T")
TRIES = 3  # a port that was free a moment ago may be another's by now


class Ground:
    """Running stack with HTTP clients for its services."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.watching: BaseException | None = None  # what ended the supervisor, if anything did
        self._clients: list[httpx.Client] = []
        self._guard = threading.Thread(target=self._watch, daemon=True, name="supervisor")
        self._guard.start()

    @property
    def token(self) -> str:
        private, _ = ensure_token_keys(self.stack.home)
        lasts = timedelta(hours=6)
        return create_token(private, client="shop", scopes=frozenset(SCOPES), lasts=lasts, audience="redress")

    def client(self, name: str) -> httpx.Client:
        """Return an HTTP client of a service or the mailbox."""
        headers = {"authorization": f"Bearer {self.token}"}
        made = httpx.Client(base_url=self.stack.ports.url(name), headers=headers, timeout=20, trust_env=False)
        self._clients.append(made)
        return made

    def log(self, name: str) -> str:
        return self.stack.child(name).log.read_text("utf-8", "replace")

    def close(self) -> None:
        """Close the clients and stop the stack."""
        for client in self._clients:
            client.close()
        self.stack.stop()
        self._guard.join(30)

    def _watch(self) -> None:
        try:
            self.stack.supervise()
        except BaseException as error:  # noqa: BLE001 (told to whoever looks)
            self.watching = error


@contextmanager
def running(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """Start the stack in `home`; services get `environment` in addition to the one of this process."""
    before = dict(os.environ)
    os.environ.update(environment or {})
    ground = None
    try:
        ground = Ground(_started(home))
        yield ground
    finally:
        if ground is not None:
            ground.close()
        os.environ.clear()
        os.environ.update(before)


def _started(home: Path) -> Stack:
    for _ in range(TRIES - 1):
        try:
            return Stack(home, ports=PortConfig.free(), faults=True).start()
        except Misconfigured as error:
            if "taken" not in error.detail:
                raise
    return Stack(home, ports=PortConfig.free(), faults=True).start()


def until(condition: Callable[[], T], *, seconds: float, what: str, every: float = 0.1) -> T:
    """Poll until `check` returns a true value, and return it. Failing connections count as not yet."""
    end = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < end:
        try:
            if last := condition():
                return last
        except httpx.TransportError as error:
            last = type(error).__name__
        time.sleep(every)
    raise AssertionError(f"after {seconds:g} s still waiting for {what}; last seen: {last!r}")

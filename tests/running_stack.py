"""Supervised stack on free ports for story and fault tests: services, Kafka, PostgreSQL and mail server."""

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
START_ATTEMPTS = 3  # another process may take a free port before the stack binds it


class RunningStack:
    """Running stack with HTTP clients for its services."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.supervisor_error: BaseException | None = None
        self._clients: list[httpx.Client] = []
        self._supervisor = threading.Thread(target=self._supervise, daemon=True, name="supervisor")
        self._supervisor.start()

    @property
    def token(self) -> str:
        private, _ = ensure_token_keys(self.stack.home)
        lasts = timedelta(hours=6)
        return create_token(private, client="shop", scopes=frozenset(SCOPES), lasts=lasts, audience="redress")

    def client(self, name: str) -> httpx.Client:
        """Return an HTTP client of a service or the mailbox."""
        headers = {"authorization": f"Bearer {self.token}"}
        client = httpx.Client(base_url=self.stack.ports.url(name), headers=headers, timeout=20, trust_env=False)
        self._clients.append(client)
        return client

    def log(self, name: str) -> str:
        return self.stack.child(name).log.read_text("utf-8", "replace")

    def close(self) -> None:
        """Close the clients and stop the stack."""
        for client in self._clients:
            client.close()
        self.stack.stop()
        self._supervisor.join(30)

    def _supervise(self) -> None:
        try:
            self.stack.supervise()
        except BaseException as error:  # noqa: BLE001 (kept for the tests)
            self.supervisor_error = error


@contextmanager
def run_stack(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """Start the stack in `home`; services get `environment` in addition to the one of this process."""
    before = dict(os.environ)
    os.environ.update(environment or {})
    running_stack = None
    try:
        running_stack = RunningStack(_start_stack(home))
        yield running_stack
    finally:
        if running_stack is not None:
            running_stack.close()
        os.environ.clear()
        os.environ.update(before)


def _start_stack(home: Path) -> Stack:
    for _ in range(START_ATTEMPTS - 1):
        try:
            return Stack(home, ports=PortConfig.free(), faults=True).start()
        except Misconfigured as error:
            if "taken" not in error.detail:
                raise
    return Stack(home, ports=PortConfig.free(), faults=True).start()


def wait_until(condition: Callable[[], T], *, seconds: float, what: str, every: float = 0.1) -> T:
    """Poll until `condition` returns a true value, and return it. A connection error counts as not yet.

    Raises AssertionError after `seconds`; `what` completes "still waiting for ...".
    """
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

"""Database of one measured scheduler on the shared PostgreSQL, and the processes that work on it.

`track_commit_timestamp` records when an effect was committed, by the same clock for every scheduler.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import Child
from tests.bench.machine import read_cpu_seconds

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # seconds that anything may take to become ready


@dataclass
class BenchDatabase:
    """Database of one scheduler, by the admin's DSN, and the processes that work on it."""

    home: Path
    dsn: str
    server: int  # PostgreSQL's process id
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Run a module as a process that works on this database."""
        own = {"PYTHONPATH": str(ROOT), **(env or {})}
        child = Child(f"timers-{name}", self.home, [sys.executable, "-m", *argv], env=own)
        child.log.unlink(missing_ok=True)
        child.start()
        self.children[name] = child

    def wait_until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Poll until `reached` returns True; return False after `seconds`. Raises RuntimeError if a process has ended."""
        give_up = time.monotonic() + seconds
        while not reached():
            for child in self.children.values():
                if child.returncode is not None:
                    raise RuntimeError(f"{child.name} ended:\n{child.tail(30)}")
            if time.monotonic() > give_up:
                return False
            time.sleep(0.1)
        return True

    def is_ready(self) -> bool:
        """Return True if every process has printed `ready`."""
        return all("ready" in child.tail() for child in self.children.values())

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU seconds that the processes and the server have used so far."""
        own = [child.pid for child in self.children.values() if child.pid]
        return read_cpu_seconds({"workers": own, "postgresql": [self.server]})

    def stop(self, *names: str) -> None:
        """Stop these processes, or all."""
        for name in names or tuple(self.children):
            self.children.pop(name).stop()

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """Open a connection in autocommit mode."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            yield conn

    def next_second(self, seconds: float) -> datetime:
        """Return the first whole second at least `seconds` from now, by the database's clock."""
        with self.connect() as conn:
            row = conn.execute("select date_trunc('second', clock_timestamp())").fetchone()
        assert row is not None
        started_at: datetime = row[0]
        return started_at + timedelta(seconds=int(seconds) + 2)


@contextmanager
def create_database(postgres: EmbeddedPostgres, home: Path, name: str) -> Iterator[BenchDatabase]:
    """Create a new database; drop it at the end."""
    database_name = f"timers_{name}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"drop database if exists {database_name} with (force)")
        admin.execute(f"create database {database_name}")
    made = BenchDatabase(home, postgres.dsn.rsplit("/", 1)[0] + f"/{database_name}", postgres.pid or 0)
    try:
        yield made
    finally:
        made.stop()
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(f"drop database {database_name} with (force)")


def enable_commit_times(postgres: EmbeddedPostgres) -> None:
    """Enable commit timestamps; restarts PostgreSQL if they were off."""
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        row = admin.execute("show track_commit_timestamp").fetchone()
        if row == ("on",):
            return
        admin.execute("alter system set track_commit_timestamp = on")
    postgres.restart()

"""What a side stands on: a database of its own on the one PostgreSQL, and its process; commits there have a time.

`track_commit_timestamp` tells when an effect was really there, by the same clock for every side.
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
class Ground:
    """One side's database, by its admin's DSN, and the processes that work on it."""

    home: Path
    dsn: str
    server: int  # PostgreSQL's process id
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Run a module as a process of this side."""
        own = {"PYTHONPATH": str(ROOT), **(env or {})}
        child = Child(f"timers-{name}", self.home, [sys.executable, "-m", *argv], env=own)
        child.log.unlink(missing_ok=True)
        child.start()
        self.children[name] = child

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Look again and again whether it is so; False when the time is over. Raises when the process has ended."""
        give_up = time.monotonic() + seconds
        while not reached():
            for child in self.children.values():
                if child.returncode is not None:
                    raise RuntimeError(f"{child.name} ended:\n{child.tail(30)}")
            if time.monotonic() > give_up:
                return False
            time.sleep(0.1)
        return True

    def says_ready(self) -> bool:
        """Whether its processes have said so."""
        return all("ready" in child.tail() for child in self.children.values())

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that the processes and the server have used so far."""
        own = [child.pid for child in self.children.values() if child.pid]
        return read_cpu_seconds({"workers": own, "postgresql": [self.server]})

    def stop(self, *names: str) -> None:
        """End these processes, or all."""
        for name in names or tuple(self.children):
            self.children.pop(name).stop()

    @contextmanager
    def asking(self) -> Iterator[psycopg.Connection]:
        """A connection to look with."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            yield conn

    def in_a_moment(self, seconds: float) -> datetime:
        """The first whole second at least so many seconds from now, by the database's clock."""
        with self.asking() as conn:
            row = conn.execute("select date_trunc('second', clock_timestamp())").fetchone()
        assert row is not None
        started_at: datetime = row[0]
        return started_at + timedelta(seconds=int(seconds) + 2)


@contextmanager
def ground(postgres: EmbeddedPostgres, home: Path, name: str) -> Iterator[Ground]:
    """A fresh database, dropped at the end."""
    database = f"timers_{name}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"drop database if exists {database} with (force)")
        admin.execute(f"create database {database}")
    made = Ground(home, postgres.dsn.rsplit("/", 1)[0] + f"/{database}", postgres.pid or 0)
    try:
        yield made
    finally:
        made.stop()
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(f"drop database {database} with (force)")


def note_commits(postgres: EmbeddedPostgres) -> None:
    """From now on every commit has its time; needs a restart."""
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        row = admin.execute("show track_commit_timestamp").fetchone()
        if row == ("on",):
            return
        admin.execute("alter system set track_commit_timestamp = on")
    postgres.restart()

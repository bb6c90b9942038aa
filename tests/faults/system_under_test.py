"""A stack under load: what injectors act on, and how the evidence is gathered once it is quiet."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
from aiokafka.errors import KafkaError

from deploy.local.processes import Child
from shared.contracts import SERVICES
from tests.faults import ledger, picture
from tests.faults.invariants import Case, Window
from tests.faults.snapshot import Glance, Place
from tests.running_stack import Ground, until

NAMES = tuple(service.name for service in SERVICES)
# What is patient in production is brisk here, so that what must come in time comes within a test; and nothing is
# emptied from the outbox while it still is evidence.
BRISK = {
    "NOTIFY_SMTP_TIMEOUT_SECONDS": "2",
    "NOTIFY_LEASE_SECONDS": "10",
    "NOTIFY_RECEIPT_WINDOW_SECONDS": "5",
    "REDRESS_OUTBOX_TRUNCATE_SECONDS": "86400",
}
OPEN_MESSAGES = """
select count(*) from notify.message where status in ('queued', 'sending', 'retry_wait')
    or (status = 'uncertain' and next_attempt_at is not null)
"""
OPEN_LETTERS = "select count(*) from notify.complaint where due_at is not null"
UNPUBLISHED = """
select count(*) from {0}.outbox o
where o.xid >= (select done from {0}.relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
    and not (o.xid < (select horizon from {0}.relay) and o.id <= (select id from {0}.relay))
"""


class Scene:
    """`report` hears what happens, a sentence each. In haste, the next fault does not wait for the last one's end."""

    def __init__(
        self, ground: Ground, folder: Path, report: Callable[[str], None] = lambda _: None, *, haste: bool = False
    ) -> None:
        self.ground, self.stack, self.report, self.haste = ground, ground.stack, report, haste
        self.poison: frozenset[Place] = frozenset()
        self.without_kafka: list[Window] = []
        self._folder = folder
        self._ledgers: list[Path] = []
        self._glances: list[Glance] = []
        self._handled: dict[str, set[str]] = {name: set() for name in NAMES}
        self._settled: str | None = None  # the transaction before which nothing was under way any more
        self._load: subprocess.Popen[bytes] | None = None
        self._begun = time.monotonic()
        self._others = 0

    @property
    def dsn(self) -> str:
        """The admin's."""
        assert self.stack.postgres
        return self.stack.postgres.dsn

    def say(self, sentence: str) -> None:
        """Tell, with the second at which it happens."""
        self.report(f"{time.monotonic() - self._begun:6.1f} s  {sentence}")

    # ── load ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def load(self, rate: float = 10.0, patience: float = 60.0) -> Iterator[None]:
        """Complaints come in at this rate; at the end what was begun is finished."""
        name = f"load{len(self._ledgers) + 1}"
        path = self._folder / f"{name}.jsonl"
        self._ledgers.append(path)
        options = ["--url", self.stack.ports.url("intake"), "--ledger", str(path), "--name", name]
        command = [sys.executable, "-m", "tests.faults.load_process", *options, "--rate", str(rate)]
        process = subprocess.Popen(
            [*command, "--patience", str(patience)], env={**os.environ, "LOAD_TOKEN": self.ground.token}
        )
        try:
            self.more(3)
            yield
            process.terminate()
            code = process.wait(patience + 30)
            assert code == 0, f"the load ended with {code}"
        finally:
            process.kill()
            process.wait()

    def accepted(self) -> int:
        """Complaints accepted so far by the load that runs now."""
        return len(ledger.read(self._ledgers[-1]).accepted())

    def more(self, count: int, *, seconds: float = 60.0) -> None:
        """Until so many more complaints are accepted."""
        wanted = self.accepted() + count
        until(lambda: self.accepted() >= wanted, seconds=seconds, what=f"{wanted} accepted complaints", every=0.2)

    def hold(self, seconds: float, count: int = 1) -> None:
        """Keep a fault in force so long, while the load goes on: until `count` more were tried, and time is over."""
        end, wanted = time.monotonic() + seconds, self._tried() + count
        until(
            lambda: time.monotonic() >= end and self._tried() >= wanted,
            seconds=seconds + 60,
            what="the fault to last",
            every=0.2,
        )

    def _tried(self) -> int:
        return len(ledger.read(self._ledgers[-1]).attempts)

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """SIGKILL, unasked: the supervisor has to bring it back."""
        pid = self.stack.child(name).pid
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        child = self.stack.child(name)
        until(lambda: child.pid not in (None, pid), seconds=30, what=f"another {name}")

    def another(self, name: str, port: int) -> Child:
        """A second member of a service, on a port of its own; not supervised."""
        first = self.stack.child(name)
        env = {**first.env, f"{name.upper()}_PORT": str(port)}
        self._others += 1
        child = Child(f"{name}-{self._others + 1}", self.stack.home, first.argv, env)
        child.start()
        return child

    def healed(self) -> None:
        """The fault is over: everything comes back by itself; in haste, intake alone is waited for."""
        if self.haste:
            self.more(3)
        else:
            self.ready()

    def ready(self, seconds: float = 90.0) -> None:
        """Until every process says that it can work."""
        until(lambda: not self.stack.find_unready(), seconds=seconds, what="all services to be ready")
        assert self.ground.watching is None, f"the supervisor gave up: {self.ground.watching}"

    # ── evidence ──────────────────────────────────────────────────────────────────────────────────────────────────

    def glance(self) -> None:
        """Note how far the groups have committed and what they heard; skipped while a server is away."""
        with suppress(KafkaError, OSError, asyncpg.PostgresError, TimeoutError):
            seen = asyncio.run(picture.glance(self.dsn, self.stack.bootstrap, self._handled))
            self._glances += seen
            for glance in seen:
                self._handled[glance.service] |= glance.handled

    def quiet(self, seconds: float = 150.0) -> float:
        """Until nothing is under way any more. Returns how many seconds that took."""
        begun, self._settled = time.monotonic(), None
        seen: list[dict[str, int]] = []
        marks: list[str] = []

        def still() -> bool:
            marks.append(self._mark())
            seen.append(self._under_way())
            return len(seen) > 1 and not any(seen[-1].values()) and not any(seen[-2].values())

        try:
            until(still, seconds=seconds, what="quiet", every=0.3)
        except AssertionError:
            raise AssertionError(f"after {seconds:g} s still under way: {seen[-1]}") from None
        self._settled = marks[-1]
        return time.monotonic() - begun

    def _mark(self) -> str:
        """Every transaction below this one has ended."""
        with psycopg.connect(self.dsn) as conn:
            return str(conn.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()[0])  # type: ignore[index]

    def _under_way(self) -> dict[str, int]:
        with psycopg.connect(self.dsn) as conn:
            counts = {f"unpublished {name}": _count(conn, UNPUBLISHED.format(name)) for name in NAMES}
            counts |= {"messages": _count(conn, OPEN_MESSAGES), "opening letters": _count(conn, OPEN_LETTERS)}
        committed, ends = asyncio.run(picture.offsets(self.stack.bootstrap))
        for service in SERVICES:
            topics = {source.topic for source in service.sources}
            lags = [end - committed[service.name].get(place, 0) for place, end in ends.items() if place[0] in topics]
            counts[f"lag of {service.name}"] = sum(lags)
        return counts

    def case(self) -> Case:
        """All evidence there is; of what moved after the quiet, the next case has it."""
        mailbox = self.stack.home / "mailbox" / "mails.sqlite"
        seen = asyncio.run(picture.look(self.dsn, self.stack.bootstrap, mailbox, self._settled))
        if seen.moved:
            self.say(f"{len(seen.moved)} complaints moved meanwhile; the next look judges them")
        seen.poison, seen.glances = self.poison, self._glances
        return Case(ledger.read(*self._ledgers), seen, tuple(self.without_kafka))


def _count(conn: "psycopg.Connection[Any]", query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0

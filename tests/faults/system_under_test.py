"""Running stack under load: operations for the fault injectors, and the collection of evidence for the checks."""

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
from tests.faults import request_log, snapshot
from tests.faults.invariants import Evidence, Window
from tests.faults.snapshot import Position, ProgressSample
from tests.running_stack import RunningStack, wait_until

NAMES = tuple(service.name for service in SERVICES)
# Shorter timeouts than in production, so that retries happen within a test. The outbox is not truncated, because its
# rows are compared with Kafka.
SHORT_TIMEOUTS = {
    "NOTIFY_SMTP_TIMEOUT_SECONDS": "2",
    "NOTIFY_LEASE_SECONDS": "10",
    "NOTIFY_RECEIPT_WINDOW_SECONDS": "5",
    "REDRESS_OUTBOX_TRUNCATE_SECONDS": "86400",
}
COUNT_OPEN_MESSAGES = """
select count(*) from notify.message where status in ('queued', 'sending', 'retry_wait')
    or (status = 'uncertain' and next_attempt_at is not null)
"""
COUNT_WAITING_ACKNOWLEDGEMENTS = "select count(*) from notify.complaint where due_at is not null"
COUNT_UNPUBLISHED = """
select count(*) from {0}.outbox o
where o.xid >= (select done from {0}.relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
    and not (o.xid < (select horizon from {0}.relay) and o.id <= (select id from {0}.relay))
"""


class SystemUnderTest:
    """Stack with load and faults.

    `write_line` receives a line for each step. If `is_short`, the next fault starts when intake accepts complaints
    again, without waiting for the other services.
    """

    def __init__(
        self,
        running_stack: RunningStack,
        folder: Path,
        write_line: Callable[[str], None] = lambda _: None,
        *,
        is_short: bool = False,
    ) -> None:
        self.running_stack, self.stack = running_stack, running_stack.stack
        self.write_line, self.is_short = write_line, is_short
        self.malformed: frozenset[Position] = frozenset()
        self.without_kafka: list[Window] = []
        self._folder = folder
        self._logs: list[Path] = []
        self._samples: list[ProgressSample] = []
        self._handled: dict[str, set[str]] = {name: set() for name in NAMES}
        self._idle_since: str | None = None  # first transaction id after the system was idle

        self._started_at = time.monotonic()
        self._process_count = 0

    @property
    def dsn(self) -> str:
        """DSN of the database administrator."""
        assert self.stack.postgres
        return self.stack.postgres.dsn

    def log_progress(self, sentence: str) -> None:
        """Write a line with the seconds since the start."""
        self.write_line(f"{time.monotonic() - self._started_at:6.1f} s  {sentence}")

    # ── load ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def run_load(self, rate: float = 10.0, patience: float = 60.0) -> Iterator[None]:
        """Run the load process at this rate (complaints per second); at the end wait until it has finished."""
        name = f"load{len(self._logs) + 1}"
        path = self._folder / f"{name}.jsonl"
        self._logs.append(path)
        options = ["--url", self.stack.ports.url("intake"), "--log", str(path), "--name", name]
        command = [sys.executable, "-m", "tests.faults.load_process", *options, "--rate", str(rate)]
        process = subprocess.Popen(
            [*command, "--patience", str(patience)], env={**os.environ, "LOAD_TOKEN": self.running_stack.token}
        )
        try:
            self.wait_for_accepted(3)
            yield
            process.terminate()
            code = process.wait(patience + 30)
            assert code == 0, f"the load process exited with {code}"
        finally:
            process.kill()
            process.wait()

    def count_accepted(self) -> int:
        """Count the complaints accepted so far in the current load process."""
        return len(request_log.read_logs(self._logs[-1]).accepted())

    def wait_for_accepted(self, count: int, *, seconds: float = 60.0) -> None:
        """Wait until `count` more complaints are accepted."""
        target = self.count_accepted() + count
        wait_until(
            lambda: self.count_accepted() >= target, seconds=seconds, what=f"{target} accepted complaints", every=0.2
        )

    def keep_fault(self, seconds: float, count: int = 1) -> None:
        """Wait `seconds`, and until the load process has sent `count` more requests."""
        end, target = time.monotonic() + seconds, self._count_attempts() + count
        wait_until(
            lambda: time.monotonic() >= end and self._count_attempts() >= target,
            seconds=seconds + 60,
            what="the fault to last",
            every=0.2,
        )

    def _count_attempts(self) -> int:
        return len(request_log.read_logs(self._logs[-1]).attempts)

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """Kill a process with SIGKILL and wait until the supervisor has restarted it."""
        pid = self.stack.child(name).pid
        assert pid is not None, f"{name} is not running"
        os.kill(pid, signal.SIGKILL)
        child = self.stack.child(name)
        wait_until(lambda: child.pid not in (None, pid), seconds=30, what=f"a restart of {name}")

    def start_second_process(self, name: str, port: int) -> Child:
        """Start a second process of a service on another port; it is not supervised."""
        first = self.stack.child(name)
        env = {**first.env, f"{name.upper()}_PORT": str(port)}
        self._process_count += 1
        child = Child(f"{name}-{self._process_count + 1}", self.stack.home, first.argv, env)
        child.start()
        return child

    def wait_for_recovery(self) -> None:
        """Wait until all services are ready again; in the short profile only until intake accepts complaints."""
        if self.is_short:
            self.wait_for_accepted(3)
        else:
            self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 90.0) -> None:
        """Wait until every process reports that it is ready."""
        wait_until(lambda: not self.stack.find_unready(), seconds=seconds, what="all services to be ready")
        assert self.running_stack.supervisor_error is None, f"supervisor failed: {self.running_stack.supervisor_error}"

    # ── evidence ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sample_progress(self) -> None:
        """Sample committed offsets and inboxes; skipped while a server is down."""
        with suppress(KafkaError, OSError, asyncpg.PostgresError, TimeoutError):
            samples = asyncio.run(snapshot.sample_progress(self.dsn, self.stack.bootstrap, self._handled))
            self._samples += samples
            for sample in samples:
                self._handled[sample.service] |= sample.handled

    def wait_until_idle(self, seconds: float = 150.0) -> float:
        """Wait until no work is pending in two samples in a row; return the seconds that this took."""
        started_at, self._idle_since = time.monotonic(), None
        counts: list[dict[str, int]] = []
        transactions: list[str] = []

        def is_idle() -> bool:
            transactions.append(self._oldest_transaction())
            counts.append(self._count_pending())
            return len(counts) > 1 and not any(counts[-1].values()) and not any(counts[-2].values())

        try:
            wait_until(is_idle, seconds=seconds, what="an idle system", every=0.3)
        except AssertionError:
            raise AssertionError(f"after {seconds:g} s still pending: {counts[-1]}") from None
        self._idle_since = transactions[-1]
        return time.monotonic() - started_at

    def _oldest_transaction(self) -> str:
        """Return the id of the oldest running transaction; all transactions with lower ids have ended."""
        with psycopg.connect(self.dsn) as conn:
            return str(conn.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()[0])  # type: ignore[index]

    def _count_pending(self) -> dict[str, int]:
        with psycopg.connect(self.dsn) as conn:
            counts = {f"unpublished {name}": _select_count(conn, COUNT_UNPUBLISHED.format(name)) for name in NAMES}
            counts |= {
                "messages": _select_count(conn, COUNT_OPEN_MESSAGES),
                "waiting acknowledgements": _select_count(conn, COUNT_WAITING_ACKNOWLEDGEMENTS),
            }
        committed, ends = asyncio.run(snapshot.read_offsets(self.stack.bootstrap))
        for service in SERVICES:
            topics = {source.topic for source in service.sources}
            lags = [
                end - committed[service.name].get(position, 0)
                for position, end in ends.items()
                if position[0] in topics
            ]
            counts[f"lag of {service.name}"] = sum(lags)
        return counts

    def collect_evidence(self) -> Evidence:
        """Collect the evidence; complaints that changed after the system was idle are left to the next collection."""
        mailbox = self.stack.home / "mailbox" / "mails.sqlite"
        observed = asyncio.run(snapshot.take_snapshot(self.dsn, self.stack.bootstrap, mailbox, self._idle_since))
        if observed.changed:
            self.log_progress(f"{len(observed.changed)} complaints changed meanwhile; the next check covers them")
        observed.malformed, observed.samples = self.malformed, self._samples
        return Evidence(request_log.read_logs(*self._logs), observed, tuple(self.without_kafka))


def _select_count(conn: "psycopg.Connection[Any]", query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0

"""Supervisor: restarts processes that ended unexpectedly, with a growing backoff."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.local.processes import Child
from shared.errors import Misconfigured, RedressError

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # delays before the first, second, … restart
STABLE_SECONDS = 60.0  # a process that ran this long has its failures reset
EXIT_MISCONFIGURED = 2


@dataclass(slots=True)
class ProcessRecord:
    """Recent failures of one process and its next restart; times are readings of the supervisor's clock."""

    failures: int = 0
    started_at: float = 0.0
    due_at: float | None = None


class Supervisor:
    """Check and restart child processes. `run_once` makes one check; its caller waits between two checks.

    `clock` returns seconds and never goes back.
    """

    def __init__(
        self,
        children: Callable[[], Mapping[str, Child]],
        start: Callable[[str], object],
        *,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children, self._start, self._report, self._clock = children, start, report, clock
        self._records: dict[str, ProcessRecord] = {}

    def run_once(self) -> int:
        """Detect ended processes and start those that are due. Return the number of started processes.

        Raises `Misconfigured` if a process exited because its settings are wrong: a restart would not help.
        """
        started = 0
        for name, child in self._children().items():
            record = self._records.setdefault(name, ProcessRecord(started_at=self._clock()))
            if record.due_at is None:
                self._check_exit(name, child, record)
            elif self._clock() >= record.due_at:
                started += self._restart(name, record)
        return started

    def _check_exit(self, name: str, child: Child, record: ProcessRecord) -> None:
        """Schedule a restart if the process failed. Exit code 0 and every stop through `Child` are intended."""
        if not child.should_run or not child.returncode:
            return
        if child.returncode == EXIT_MISCONFIGURED:
            raise Misconfigured(f"{name} does not start: {child.tail(3)} (log: {child.log})")
        if self._clock() - record.started_at > STABLE_SECONDS:
            record.failures = 0
        delay = self._schedule_restart(record)
        self._report(f"{name} ended ({_exit_text(child.returncode)}); it restarts in {delay:g} s")

    def _restart(self, name: str, record: ProcessRecord) -> int:
        record.due_at, record.started_at = None, self._clock()
        try:
            self._start(name)
        except RedressError as error:
            delay = self._schedule_restart(record)
            self._report(f"{name}: {error.detail.splitlines()[0]} The next attempt is in {delay:g} s")
            return 0
        return 1

    def _schedule_restart(self, record: ProcessRecord) -> float:
        delay = BACKOFF_SECONDS[min(record.failures, len(BACKOFF_SECONDS) - 1)]
        record.failures += 1
        record.due_at = self._clock() + delay
        return delay


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"

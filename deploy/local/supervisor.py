"""Starts again what ended without being asked to, each time a little later."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.local.processes import Child
from shared.errors import Misconfigured, RedressError

BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the first, second, … start again
SETTLED = 60.0  # seconds after which a process that ran this long counts as well
EXIT_MISCONFIGURED = 2


@dataclass(slots=True)
class ProcessRecord:
    """What happened to one process lately; times are the clock's."""

    failures: int = 0
    started_at: float = 0.0
    due_at: float | None = None


class Supervisor:
    """`run_once` looks once; whoever calls it does the waiting. `clock` counts seconds and never goes back."""

    def __init__(
        self,
        children: Callable[[], Mapping[str, Child]],
        start: Callable[[str], object],
        *,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children, self._start, self._tell, self._clock = children, start, tell, clock
        self._records: dict[str, ProcessRecord] = {}

    def run_once(self) -> int:
        """Notice what ended, start what is due. Returns how many were started.

        Raises `Misconfigured` when a process says that its settings are wrong: starting it again would not help.
        """
        started = 0
        for name, child in self._children().items():
            record = self._records.setdefault(name, ProcessRecord(started_at=self._clock()))
            if record.due_at is None:
                self._notice(name, child, record)
            elif self._clock() >= record.due_at:
                started += self._again(name, record)
        return started

    def _notice(self, name: str, child: Child, record: ProcessRecord) -> None:
        """Exit code 0 was somebody's wish; so was every stop through `Child`."""
        if not child.wanted or not child.returncode:
            return
        if child.returncode == EXIT_MISCONFIGURED:
            raise Misconfigured(f"{name} does not start: {child.tail(3)} (log: {child.log})")
        if self._clock() - record.started_at > SETTLED:
            record.failures = 0
        wait = self._put_off(record)
        self._tell(f"{name} ended ({_how(child.returncode)}); it starts again in {wait:g} s")

    def _again(self, name: str, record: ProcessRecord) -> int:
        record.due_at, record.started_at = None, self._clock()
        try:
            self._start(name)
        except RedressError as error:
            wait = self._put_off(record)
            self._tell(f"{name}: {error.detail.splitlines()[0]} The next try is in {wait:g} s")
            return 0
        return 1

    def _put_off(self, record: ProcessRecord) -> float:
        wait = BACK_OFF[min(record.failures, len(BACK_OFF) - 1)]
        record.failures += 1
        record.due_at = self._clock() + wait
        return wait


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"

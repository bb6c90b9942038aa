"""Supervision of background jobs: restart with backoff, and an exit code where only a new process helps."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from shared.errors import Misconfigured
from shared.messaging.consumer import ConsumerStuck
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.retry import is_transient
from shared.wakeup import wait_for_event

log = logging.getLogger(__name__)
EXIT_MISCONFIGURED: Final = 2
EXIT_STUCK: Final = 70
BACKOFF_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # pause before the next attempt, by failures in a row
STABLE_SECONDS: Final = 30.0  # a job that ran as long as this starts again with the shortest pause

Job = Callable[[], Awaitable[None]]


class JobSupervisor:
    """Runs the background jobs of one process.

    A failed job is logged, reported as not healthy and started again after a pause. So one lost connection never ends
    the process, and HTTP keeps answering. Two errors do end it, because no further attempt in this process can succeed:
    `Misconfigured` (exit code 2: a person has to correct a setting) and `ConsumerStuck` (exit code 70: a new process
    has to join the consumer group). They set `exit_code` and `stopping`; `shared.service` then stops gracefully.
    """

    def __init__(self, health: Health, metrics: Metrics, stopping: asyncio.Event) -> None:
        self.exit_code = 0
        self._health = health
        self._metrics = metrics
        self._stopping = stopping

    async def run(self, name: str, job: Job, *, once: bool = False) -> None:
        """Run `job` again and again until the process stops. `once`: only until it has succeeded."""
        failures = 0
        while not self._stopping.is_set():
            started = monotonic()
            succeeded = await self._attempt(name, job)
            if self._stopping.is_set() or (succeeded and once):
                return
            self._metrics.count("redress_worker_restarts")
            failures = 0 if monotonic() - started > STABLE_SECONDS else failures + 1
            await wait_for_event(self._stopping, BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            self._health.report_working(name)

    async def _attempt(self, name: str, job: Job) -> bool:
        """Return True if the job ended without an error."""
        try:
            await job()
        except (Misconfigured, ConsumerStuck) as error:
            self._end(name, error)
        except Exception as error:
            self._health.report_failing(name, f"failed: {type(error).__name__}; trying again")
            level = logging.WARNING if is_transient(error) else logging.ERROR
            log.log(level, "%s failed and will be started again", name, exc_info=error)
        else:
            return True
        return False

    def _end(self, name: str, error: Misconfigured | ConsumerStuck) -> None:
        if self._stopping.is_set():  # a consumer that stops makes no progress; that is no failure
            return
        log.critical("%s: %s", name, error.detail)
        self.exit_code = EXIT_STUCK if isinstance(error, ConsumerStuck) else EXIT_MISCONFIGURED
        self._stopping.set()

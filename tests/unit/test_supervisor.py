"""Supervisor of the jobs of a service: restarts, exit codes and readiness."""

import asyncio
from typing import Any

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.messaging.consumer import ConsumerStuck
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.supervisor import JobSupervisor


class SupervisedJob:
    """Job with scripted outcomes under a supervisor."""

    def __init__(self) -> None:
        self.health, self.metrics, self.stopping = Health(()), Metrics(), asyncio.Event()
        self.supervisor = JobSupervisor(self.health, self.metrics, self.stopping)
        self.calls = 0

    async def run(self, *outcomes: Any, once: bool = False) -> None:
        """Run the job until it has had all outcomes: an exception to raise, or None. The last one stops the process."""

        async def job() -> None:
            outcome = outcomes[self.calls]
            self.calls += 1
            if self.calls == len(outcomes) and not once:
                self.stopping.set()
            if outcome is not None:
                raise outcome

        await asyncio.wait_for(self.supervisor.run("job", job, once=once), 10)


async def test_a_job_that_fails_or_returns_is_restarted_until_the_process_stops() -> None:
    supervised = SupervisedJob()
    await supervised.run(Unavailable(), ValueError(), None, None)
    assert supervised.calls == 4
    assert supervised.metrics.value("redress_worker_restarts") == 3
    assert supervised.supervisor.exit_code == 0


async def test_a_run_once_job_is_not_restarted_after_it_succeeds() -> None:
    supervised = SupervisedJob()
    await supervised.run(Unavailable(), None, once=True)
    assert supervised.calls == 2
    assert not supervised.stopping.is_set()
    assert supervised.health.report()["sick"] == {}


async def test_readiness_names_a_job_that_waits_for_its_next_attempt() -> None:
    supervised = SupervisedJob()
    running = asyncio.ensure_future(supervised.run(Unavailable(), None, once=True))
    async with asyncio.timeout(10):
        while not supervised.health.report()["sick"]:
            await asyncio.sleep(0)
    assert supervised.health.report()["sick"] == {"job": "failed: Unavailable; trying again"}
    await running


@pytest.mark.parametrize(("error", "code"), [(Misconfigured("x"), 2), (ConsumerStuck(), 70)])
async def test_misconfigured_and_stuck_consumer_stop_the_process_with_their_exit_codes(
    error: Exception, code: int
) -> None:
    supervised = SupervisedJob()
    await supervised.run(error, None)
    assert supervised.calls == 1
    assert supervised.stopping.is_set()
    assert supervised.supervisor.exit_code == code


async def test_a_stuck_consumer_during_shutdown_leaves_exit_code_zero() -> None:
    supervised = SupervisedJob()
    await supervised.run(ConsumerStuck())
    assert supervised.supervisor.exit_code == 0

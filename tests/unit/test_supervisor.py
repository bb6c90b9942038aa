import asyncio
from typing import Any

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.messaging.consumer import ConsumerStuck
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.supervisor import JobSupervisor


class Rig:
    def __init__(self) -> None:
        self.health, self.metrics, self.stopping = Health(()), Metrics(), asyncio.Event()
        self.supervisor = JobSupervisor(self.health, self.metrics, self.stopping)
        self.calls = 0

    async def run(self, *outcomes: Any, once: bool = False) -> None:
        """Run a job that has these outcomes one after another; after the last one the process stops."""

        async def job() -> None:
            outcome = outcomes[self.calls]
            self.calls += 1
            if self.calls == len(outcomes) and not once:
                self.stopping.set()
            if outcome is not None:
                raise outcome

        await asyncio.wait_for(self.supervisor.run("job", job, once=once), 10)


async def test_a_job_that_fails_or_returns_is_restarted_until_the_process_stops() -> None:
    rig = Rig()
    await rig.run(Unavailable(), ValueError(), None, None)
    assert rig.calls == 4
    assert rig.metrics.value("redress_worker_restarts") == 3
    assert rig.supervisor.exit_code == 0


async def test_a_run_once_job_is_not_restarted_after_it_succeeds() -> None:
    rig = Rig()
    await rig.run(Unavailable(), None, once=True)
    assert rig.calls == 2
    assert not rig.stopping.is_set()
    assert rig.health.report()["sick"] == {}


async def test_readiness_names_a_job_that_waits_for_its_next_attempt() -> None:
    rig = Rig()
    running = asyncio.ensure_future(rig.run(Unavailable(), None, once=True))
    await asyncio.sleep(0.01)
    assert rig.health.report()["sick"] == {"job": "failed: Unavailable; trying again"}
    await running


@pytest.mark.parametrize(("error", "code"), [(Misconfigured("x"), 2), (ConsumerStuck(), 70)])
async def test_misconfigured_and_stuck_consumer_stop_the_process_with_their_exit_codes(
    error: Exception, code: int
) -> None:
    rig = Rig()
    await rig.run(error, None)
    assert rig.calls == 1
    assert rig.stopping.is_set()
    assert rig.supervisor.exit_code == code


async def test_a_stuck_consumer_during_shutdown_leaves_exit_code_zero() -> None:
    rig = Rig()
    await rig.run(ConsumerStuck())
    assert rig.supervisor.exit_code == 0

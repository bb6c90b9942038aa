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


async def test_a_job_that_fails_or_ends_is_started_again_until_the_process_stops() -> None:
    rig = Rig()
    await rig.run(Unavailable(), ValueError(), None, None)
    assert rig.calls == 4
    assert rig.metrics.value("redress_worker_restarts") == 3
    assert rig.supervisor.exit_code == 0


async def test_a_job_that_is_to_succeed_once_is_not_started_again() -> None:
    rig = Rig()
    await rig.run(Unavailable(), None, once=True)
    assert rig.calls == 2
    assert not rig.stopping.is_set()
    assert rig.health.report()["sick"] == {}


async def test_while_a_job_waits_for_its_next_attempt_readiness_names_it() -> None:
    rig = Rig()
    running = asyncio.ensure_future(rig.run(Unavailable(), None, once=True))
    await asyncio.sleep(0.01)
    assert rig.health.report()["sick"] == {"job": "failed: Unavailable; trying again"}
    await running


@pytest.mark.parametrize(("error", "code"), [(Misconfigured("x"), 2), (ConsumerStuck(), 70)])
async def test_an_error_that_only_a_new_process_can_resolve_ends_this_one(error: Exception, code: int) -> None:
    rig = Rig()
    await rig.run(error, None)
    assert rig.calls == 1
    assert rig.stopping.is_set()
    assert rig.supervisor.exit_code == code


async def test_a_consumer_that_is_stuck_while_the_process_stops_is_no_failure() -> None:
    rig = Rig()
    await rig.run(ConsumerStuck())
    assert rig.supervisor.exit_code == 0

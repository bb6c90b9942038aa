"""Timers of a process that is killed twenty times while they fire: each timer fires exactly once."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from time import monotonic, sleep

import psycopg
import pytest

from shared.contracts import read
from tests.integration.conftest import ToyService
from tests.toy import make_records

KILLS = 20
TIMERS = 3_000
TICKS = "select count(*) from complaint where due_at is null"
TRANSACTION = 10  # timers in flight at once: two batches of five


@pytest.fixture
def process(toy_service: ToyService) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "tests.killable_timers", toy_service.dsn]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as launcher:
        yield launcher
        os.killpg(launcher.pid, signal.SIGKILL)


def wait_until_fired(conn: psycopg.Connection, fired: int) -> int:
    """Poll until at least `fired` timers have fired; return their number."""
    deadline = monotonic() + 60
    while (count := conn.execute(TICKS).fetchone()[0]) < fired:  # type: ignore[index]
        assert monotonic() < deadline, f"{count} of {fired} fired"
        sleep(0.002)
    return count


async def test_a_timer_fires_once_when_its_process_is_killed_repeatedly(
    toy_service: ToyService, request: pytest.FixtureRequest
) -> None:
    timers = [make_records("NOW") for _ in range(TIMERS)]
    for start in range(0, TIMERS, 500):
        await toy_service.runner.apply_records(
            [record for _, records in timers[start : start + 500] for record in records]
        )
    process = request.getfixturevalue("process")
    with psycopg.connect(toy_service.dsn, autocommit=True) as conn:
        fired = 0
        for _ in range(KILLS):
            pid = int(process.stdout.readline())
            fired = wait_until_fired(conn, fired + random.randint(1, TIMERS // KILLS - 3 * TRANSACTION))
            os.kill(pid, signal.SIGKILL)
        assert fired < TIMERS, "all timers had fired before the last kill"
        wait_until_fired(conn, TIMERS)
    rows = await toy_service.rows("select key, value from outbox order by xid, id")
    effects = Counter((row["key"], read(row["value"]).facts.team) for row in rows)
    assert effects == Counter((subject, word) for subject, _ in timers for word in ("NOW", "tick"))
    sequences = sorted((row["key"], read(row["value"]).sequence) for row in rows)
    assert sequences == sorted((subject, number) for subject, _ in timers for number in (1, 2))

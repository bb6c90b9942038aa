"""Benchmark of timers with a million open clocks stored, compared with other schedulers for Python on PostgreSQL."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from typing import Any

from deploy.local.ports import find_free_port
from deploy.local.provision import provision
from shared.storage import postgres
from tests.bench.servers import Servers
from tests.bench.timers import clocks, jobs, kill_runs, recompute_run
from tests.bench.timers.database import ROOT, BenchDatabase, create_database, enable_commit_times
from tests.bench.timers.lateness import Lateness, is_begun, is_done, measure_lateness, spread

OTHER_SCHEDULERS = ("procrastinate", "pgqueuer")
SCHEMA = ROOT / "services" / "sla" / "schema"
OPEN_EACH = 4  # open clocks of a complaint under the everyday policy and one regulator's pack; the run counts them


@dataclass(frozen=True)
class Size:
    """Size of a run. The defaults take about ten minutes on two cores."""

    clocks: int = 1_000_000
    rate: int = 300
    seconds: int = 30
    burst: int = 10_000
    moving_rate: int = 50
    moving_seconds: int = 60
    kills: int = 20
    patience: float = 30.0  # seconds of waiting after the last due time


QUICK = Size(clocks=40_000, seconds=5, burst=2_000, moving_seconds=10, kills=3, patience=10.0)


def measure(servers: Servers, size: Size, report: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Measure every scheduler in turn, alone on the machine except for the servers."""
    enable_commit_times(servers.postgres)
    numbers: dict[str, Any] = {"size": vars(size), "versions": {name: version(name) for name in OTHER_SCHEDULERS}}
    for name in OTHER_SCHEDULERS:
        report(name)
        numbers[name] = _measure_scheduler(servers, size, name)
    report("redress")
    numbers["redress"] = _redress(servers, size)
    return numbers


def _measure_scheduler(servers: Servers, size: Size, name: str) -> dict[str, Any]:
    """Measure with nothing else stored, their best case, and with as many jobs as Redress has clocks."""
    numbers: dict[str, Any] = {}
    with create_database(servers.postgres, servers.home, name) as database:
        jobs.install(name, database.dsn)
        for stored in (0, size.clocks):
            if stored:
                jobs.store(name, database.dsn, stored)
            database.start(name, ["tests.bench.timers.other_schedulers", name, database.dsn])
            database.wait_until(database.is_ready)
            numbers["stored" if stored else "alone"] = _both(database, size, partial(_job, name, database.dsn))
            database.stop()
    return numbers


def _job(name: str, dsn: str, _: str, moments: Sequence[datetime]) -> None:
    jobs.plan(name, dsn, moments)


def _both(
    database: BenchDatabase, size: Size, plan: Callable[[str, Sequence[datetime]], None], *, is_redress: bool = False
) -> Any:
    """Measure a steady rate, then a burst in one second."""
    steady = _run(
        database, "steady", partial(spread, rate=size.rate, seconds=size.seconds), plan, size, is_redress=is_redress
    )
    burst = _run(database, "burst", partial(spread, rate=size.burst, seconds=1), plan, size, is_redress=is_redress)
    return {"steady": steady.to_json(), "burst": burst.to_json()}


def _run(
    database: BenchDatabase,
    part: str,
    when: Callable[[datetime], list[datetime]],
    plan: Callable[[str, Sequence[datetime]], None],
    size: Size,
    *,
    is_redress: bool,
) -> Lateness:
    """Plan timers far enough ahead that all are written before the first is due, then measure their lateness."""
    lead = 5.0
    while True:
        moments = when(database.next_second(lead))
        plan(part, moments)
        with database.connect() as conn:
            row = conn.execute("select extract(epoch from %s - clock_timestamp())", [moments[0]]).fetchone()
        left = float(row[0]) if row else 0.0
        if left > 0:
            break
        lead, part = 2 * lead - left, f"{part} again"  # written too late: these timers are ignored
    last = left + (moments[-1] - moments[0]).total_seconds()
    with database.connect() as conn:
        name, used = part if is_redress else None, database.cpu_seconds()
        database.wait_until(lambda: is_done(conn, moments, is_redress=is_redress), last + size.patience)
        fired, now = measure_lateness(conn, len(moments), name), database.cpu_seconds()
    return replace(fired, cpu_us={who: (now[who] - used[who]) / max(1, fired.fired) * 1e6 for who in now})


def _redress(servers: Servers, size: Size) -> dict[str, Any]:
    with create_database(servers.postgres, servers.home, "redress") as database:
        database.dsn = provision(database.dsn, servers.home / "secrets" / "postgres.json")["sla"]
        asyncio.run(postgres.migrate(database.dsn, SCHEMA))
        makers = clocks.ComplaintMakers(database.dsn)
        try:
            return _measured(servers, size, database, makers)
        finally:
            makers.close()


def _measured(servers: Servers, size: Size, database: BenchDatabase, makers: clocks.ComplaintMakers) -> dict[str, Any]:
    complaints = size.clocks // OPEN_EACH
    with database.connect() as conn:
        conn.execute(clocks.CREATE_REQUESTED)
        each = makers.store(complaints)
        conn.execute("vacuum analyze complaint")
    port = find_free_port()
    start = _starter(servers, database, "sla", port)
    start()
    numbers = {
        "complaints": complaints,
        "clocks_each": each,
        "stored": _both(database, size, makers.plan, is_redress=True),
    }
    _starter(servers, database, "sla-2", find_free_port())()
    when = partial(spread, rate=size.burst, seconds=1)
    numbers["burst_of_two"] = _run(database, "burst of two", when, makers.plan, size, is_redress=True).to_json()
    numbers["moved"] = _moved(database, size, makers, recompute_run.ApiClient(port, servers.token()))
    database.stop("sla-2")
    numbers["killed"] = _killed(database, size, makers, start)
    return numbers


def _moved(
    database: BenchDatabase, size: Size, makers: clocks.ComplaintMakers, client: recompute_run.ApiClient
) -> dict[str, Any]:
    """Measure a recomputation of every open clock, and the lateness of timers that fire meanwhile."""
    moments = spread(
        database.next_second(5 + size.moving_rate * size.moving_seconds * 0.001), size.moving_rate, size.moving_seconds
    )
    makers.plan("moving", moments)
    with database.connect() as conn:
        database.wait_until(lambda: is_begun(conn, moments))
        numbers = recompute_run.run_recompute(database, client)
        database.wait_until(lambda: is_done(conn, moments, is_redress=True), size.moving_seconds + size.patience)
        return {**numbers, "meanwhile": measure_lateness(conn, len(moments), "moving").to_json()}


def _killed(
    database: BenchDatabase, size: Size, makers: clocks.ComplaintMakers, start: Callable[[], None]
) -> dict[str, Any]:
    """Measure kills at a low rate of timers, so that each process fires some of them before it is killed."""
    count = size.kills * 600 + 1_000
    moments = spread(database.next_second(5 + count * 0.001), 150, count // 150)
    makers.plan("killed", moments, rungs=True)
    times = kill_runs.kill_repeatedly(database, start, size.kills)
    with database.connect() as conn:
        return {"kills": times, **kill_runs.count_errors(conn)}


def _starter(servers: Servers, database: BenchDatabase, name: str, port: int) -> Callable[[], None]:
    """Return a function that starts the real service with Kafka; the first time it waits until the service is ready."""
    env = {
        "SLA_PORT": str(port),
        "SLA_POSTGRES": database.dsn,
        "SLA_PACKS": ",".join(clocks.PACKS),
        "REDRESS_KAFKA": servers.kafka.bootstrap,
        "REDRESS_AUTH_PUBLIC_KEY_FILE": str(servers.home / "public.pem"),
        "REDRESS_LOG_LEVEL": "WARNING",
        "SLA_REBASE_SECONDS": "0.5",  # another replica finds a publication by polling
        "REDRESS_OUTBOX_TRUNCATE_SECONDS": "86400",  # published events stay in the outbox, to be counted
    }

    def start() -> None:
        first = name not in database.children
        database.start(name, ["services.sla"], env)
        if first and not database.wait_until(lambda: _ready(port)):
            raise RuntimeError(f"{name} did not become ready:\n{database.children[name].tail(30)}")

    return start


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()

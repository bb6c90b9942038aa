"""Timers with a million open clocks stored, beside the schedulers that a Python engineer would pick instead."""

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
from tests.bench.timers import clocks, jobs, kills, moves
from tests.bench.timers.fires import Fired, is_begun, is_done, measured, spread
from tests.bench.timers.ground import ROOT, Ground, ground, note_commits

RIVALS = ("procrastinate", "pgqueuer")
SCHEMA = ROOT / "services" / "sla" / "schema"
OPEN_EACH = 4  # clocks of a complaint under our everyday policy and one regulator's pack; counted, not believed


@dataclass(frozen=True)
class Size:
    """How much. The defaults take about ten minutes on two cores."""

    clocks: int = 1_000_000
    rate: int = 300
    seconds: int = 30
    burst: int = 10_000
    moving_rate: int = 50
    moving_seconds: int = 60
    kills: int = 20
    patience: float = 30.0  # seconds that a side gets after the last due moment


QUICK = Size(clocks=40_000, seconds=5, burst=2_000, moving_seconds=10, kills=3, patience=10.0)


def measure(servers: Servers, size: Size, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Every side by turns, alone on the machine but for the servers."""
    note_commits(servers.postgres)
    numbers: dict[str, Any] = {"size": vars(size), "versions": {name: version(name) for name in RIVALS}}
    for name in RIVALS:
        say(name)
        numbers[name] = _rival(servers, size, name)
    say("ours")
    numbers["ours"] = _redress(servers, size)
    return numbers


def _rival(servers: Servers, size: Size, name: str) -> dict[str, Any]:
    """With nothing else stored, which is their best case, and with as many jobs as we have clocks."""
    numbers: dict[str, Any] = {}
    with ground(servers.postgres, servers.home, name) as side:
        jobs.install(name, side.dsn)
        for stored in (0, size.clocks):
            if stored:
                jobs.store(name, side.dsn, stored)
            side.start(name, ["tests.bench.timers.rivals", name, side.dsn])
            side.until(side.says_ready)
            numbers["stored" if stored else "alone"] = _both(side, size, partial(_job, name, side.dsn))
            side.stop()
    return numbers


def _job(name: str, dsn: str, _: str, moments: Sequence[datetime]) -> None:
    jobs.plan(name, dsn, moments)


def _both(
    side: Ground, size: Size, plan: Callable[[str, Sequence[datetime]], None], *, is_redress: bool = False
) -> Any:
    """Steadily, and all at once."""
    steady = _run(
        side, "steady", partial(spread, rate=size.rate, seconds=size.seconds), plan, size, is_redress=is_redress
    )
    burst = _run(side, "burst", partial(spread, rate=size.burst, seconds=1), plan, size, is_redress=is_redress)
    return {"steady": steady.plain(), "burst": burst.plain()}


def _run(
    side: Ground,
    part: str,
    when: Callable[[datetime], list[datetime]],
    plan: Callable[[str, Sequence[datetime]], None],
    size: Size,
    *,
    is_redress: bool,
) -> Fired:
    """Plan far enough ahead that everything is written before the first is due, then look."""
    lead = 5.0
    while True:
        moments = when(side.in_a_moment(lead))
        plan(part, moments)
        with side.asking() as conn:
            row = conn.execute("select extract(epoch from %s - clock_timestamp())", [moments[0]]).fetchone()
        left = float(row[0]) if row else 0.0
        if left > 0:
            break
        lead, part = 2 * lead - left, f"{part} again"  # it took longer than that; what was planned too late passes by
    last = left + (moments[-1] - moments[0]).total_seconds()
    with side.asking() as conn:
        name, used = part if is_redress else None, side.cpu()
        side.until(lambda: is_done(conn, moments, is_redress=is_redress), last + size.patience)
        fired, now = measured(conn, len(moments), name), side.cpu()
    return replace(fired, cpu_us={who: (now[who] - used[who]) / max(1, fired.fired) * 1e6 for who in now})


def _redress(servers: Servers, size: Size) -> dict[str, Any]:
    with ground(servers.postgres, servers.home, "ours") as side:
        side.dsn = provision(side.dsn, servers.home / "secrets" / "postgres.json")["sla"]
        asyncio.run(postgres.migrate(side.dsn, SCHEMA))
        makers = clocks.Makers(side.dsn)
        try:
            return _measured(servers, size, side, makers)
        finally:
            makers.close()


def _measured(servers: Servers, size: Size, side: Ground, makers: clocks.Makers) -> dict[str, Any]:
    complaints = size.clocks // OPEN_EACH
    with side.asking() as conn:
        conn.execute(clocks.ASKED)
        each = makers.store(complaints)
        conn.execute("vacuum analyze complaint")
    port = find_free_port()
    start = _starter(servers, side, "sla", port)
    start()
    numbers = {"complaints": complaints, "clocks_each": each, "stored": _both(side, size, makers.plan, is_redress=True)}
    _starter(servers, side, "sla-2", find_free_port())()
    when = partial(spread, rate=size.burst, seconds=1)
    numbers["burst_of_two"] = _run(side, "burst of two", when, makers.plan, size, is_redress=True).plain()
    numbers["moved"] = _moved(side, size, makers, moves.Asked(port, servers.token()))
    side.stop("sla-2")
    numbers["killed"] = _killed(side, size, makers, start)
    return numbers


def _moved(side: Ground, size: Size, makers: clocks.Makers, request: moves.Asked) -> dict[str, Any]:
    """Every open clock is worked out anew; meanwhile timers fire, and their lateness is told too."""
    moments = spread(
        side.in_a_moment(5 + size.moving_rate * size.moving_seconds * 0.001), size.moving_rate, size.moving_seconds
    )
    makers.plan("moving", moments)
    with side.asking() as conn:
        side.until(lambda: is_begun(conn, moments))
        numbers = moves.move(side, request)
        side.until(lambda: is_done(conn, moments, is_redress=True), size.moving_seconds + size.patience)
        return {**numbers, "meanwhile": measured(conn, len(moments), "moving").plain()}


def _killed(side: Ground, size: Size, makers: clocks.Makers, start: Callable[[], None]) -> dict[str, Any]:
    """Steady timers, not too many a second: each life has some to fire, and most of what waited for it besides."""
    count = size.kills * 600 + 1_000
    moments = spread(side.in_a_moment(5 + count * 0.001), 150, count // 150)
    makers.plan("killed", moments, rungs=True)
    times = kills.kill(side, start, size.kills)
    with side.asking() as conn:
        return {"kills": times, **kills.verdict(conn)}


def _starter(servers: Servers, side: Ground, name: str, port: int) -> Callable[[], None]:
    """Starts the real service, with Kafka and all, and waits until it is ready the first time."""
    env = {
        "SLA_PORT": str(port),
        "SLA_POSTGRES": side.dsn,
        "SLA_PACKS": ",".join(clocks.PACKS),
        "REDRESS_KAFKA": servers.kafka.bootstrap,
        "REDRESS_AUTH_PUBLIC_KEY_FILE": str(servers.home / "public.pem"),
        "REDRESS_LOG_LEVEL": "WARNING",
        "SLA_REBASE_SECONDS": "0.5",  # what another replica publishes is found at a look
        "REDRESS_OUTBOX_TRUNCATE_SECONDS": "86400",  # what was relayed stays, for us to count
    }

    def start() -> None:
        first = name not in side.children
        side.start(name, ["services.sla"], env)
        if first and not side.until(lambda: _ready(port)):
            raise RuntimeError(f"{name} did not become ready:\n{side.children[name].tail(30)}")

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

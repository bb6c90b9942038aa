"""What is measured, each by one function that returns plain numbers with both sides of every ratio."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.bench.consumer_lag import DrainResult, OffsetReader, run_with_offsets
from tests.bench.load_process import CommandResult, LoadProcess
from tests.bench.machine import read_cpu_seconds, read_heap_limit, read_memory
from tests.bench.request_bodies import Target
from tests.bench.servers import NAMES, Servers

BARE = tuple(f"bare-{name}" for name in NAMES)
CREATED = "201"
IDLE_SECONDS = 5.0


@dataclass(frozen=True)
class RunSettings:
    """How long and how much. The defaults take about ten minutes on two cores."""

    runs: int = 5
    seconds: float = 3.0
    warmup: float = 1.0
    measure_cycle: int = 3_000
    backlog: int = 30_000
    rate: float = 100.0
    rate_seconds: float = 30.0
    patience: float = 300.0


@dataclass
class Bench:
    """The servers, the outside world, and a number for each run so that no two share a customer."""

    servers: Servers
    outside: LoadProcess
    shape: RunSettings
    runs: int = field(default=0)

    def run(self) -> str:
        """A new name."""
        self.runs += 1
        return f"r{self.runs:03d}"

    def settle(self, services: Sequence[str]) -> None:
        """Nobody has anything left to do."""
        bootstrap = self.servers.kafka.bootstrap
        run_with_offsets(bootstrap, lambda offsets: offsets.settle(services, self.shape.patience))


def measure_accept(bench: Bench, connections: int) -> dict[str, Any]:
    """Accepted complaints a second: plain and ours by turns. Ours authenticates, deduplicates, tells and relays."""
    servers, shape = bench.servers, bench.shape
    plain, redress = servers.start_plain(), servers.start_ours("intake")
    sides: dict[str, list[CommandResult]] = {"plain": [], "ours": []}
    turns = (("plain", plain, ["intake"]), ("ours", redress, ["plain"]))
    for number in range(shape.runs):
        for side, target, still in turns if number % 2 else reversed(turns):
            bench.settle(["intake"])
            with servers.frozen(still):
                sides[side].append(_run_closed_loop(bench, target, connections))
    servers.stop("plain", "intake")
    return {"connections": connections, **{side: _medians(runs) for side, runs in sides.items()}, "runs": sides}


def _run_closed_loop(bench: Bench, target: Target, connections: int) -> CommandResult:
    shape = bench.shape
    answer = bench.outside(
        "closed",
        target=vars(target),
        run=bench.run(),
        connections=connections,
        seconds=shape.seconds,
        warmup=shape.warmup,
    )
    _check_created(answer)
    return answer


def measure_cycle(bench: Bench) -> dict[str, Any]:
    """Whole life cycles a second, from POST to the mail server's 250: bare and ours by turns."""
    servers, shape = bench.servers, bench.shape
    bare, redress = servers.start_bare(), servers.start_ours()
    sides: dict[str, list[CommandResult]] = {"bare": [], "ours": []}
    turns = (("bare", bare, BARE, NAMES), ("ours", redress, NAMES, BARE))
    for number in range(-1, shape.runs):  # the first of each warms up and is not counted
        for side, target, working, still in turns if number % 2 else reversed(turns):
            bench.settle(NAMES)
            with servers.frozen(still):
                answer = _run_cycle(bench, target, working)
            if number >= 0:
                sides[side].append(answer)
    servers.stop(*BARE)
    bench.settle(NAMES)
    return {"count": shape.cycle, **{side: _medians(runs) for side, runs in sides.items()}, "runs": sides}


def _run_cycle(bench: Bench, target: Target, working: Sequence[str]) -> CommandResult:
    pids = bench.servers.pids(working)
    before = read_cpu_seconds(pids)
    answer = bench.outside(
        "cycle",
        target=vars(target),
        run=bench.run(),
        count=bench.shape.cycle,
        connections=32,
        patience=bench.shape.patience,
    )
    _check_created(answer)
    if answer["missing"]:
        raise RuntimeError(f"{answer['missing']} of {bench.shape.cycle} customers got no mail")
    after = read_cpu_seconds(pids)
    answer["cycle_rate"] = bench.shape.cycle / answer["cycle_seconds"]
    answer["cpu_ms"] = {name: (after[name] - before[name]) / bench.shape.cycle * 1e3 for name in pids}
    return answer


def measure_acknowledgement(bench: Bench) -> dict[str, Any]:
    """How long customers wait for the acknowledgement at a steady rate; all four services run already."""
    shape = bench.shape
    answer = bench.outside(
        "paced",
        target=vars(bench.servers.door()),
        run=bench.run(),
        rate=shape.rate,
        seconds=shape.rate_seconds,
        patience=shape.patience,
    )
    _check_created(answer)
    return answer | {"asked_rate": shape.rate}


def measure_idle(bench: Bench) -> dict[str, Any]:
    """Memory of the four services after work, with nothing to do; and what the broker may take."""
    bench.settle(NAMES)
    pids = bench.servers.pids(NAMES)
    before = read_cpu_seconds(pids)
    time.sleep(IDLE_SECONDS)
    used = {name: (after - before[name]) / IDLE_SECONDS * 100 for name, after in read_cpu_seconds(pids).items()}
    each = {name: read_memory(pids[name][0]) for name in NAMES}
    broker = bench.servers.kafka.pid or 0
    return {
        "services": each,
        "cpu_percent": used,
        "rss_mb": sum(figures["rss_mb"] for figures in each.values()),
        "pss_mb": sum(figures["pss_mb"] for figures in each.values()),
        "kafka": {**read_memory(broker), "heap_limit": read_heap_limit(broker)},
    }


def measure_drain(bench: Bench) -> dict[str, Any]:
    """How fast each consumer works off a backlog that gathered while it was stopped, alone on the machine."""
    servers, shape = bench.servers, bench.shape
    servers.stop(*NAMES)
    door = servers.start_ours("intake")
    answer = bench.outside("cycle", target=vars(door), run=bench.run(), count=shape.backlog, connections=32, patience=0)
    _check_created(answer)
    bench.settle([])
    servers.stop("intake")
    numbers: dict[str, Any] = {"complaints": shape.backlog}
    for name in ("triage", "sla", "notify", "intake"):
        drained = _drain_service(bench, name)
        numbers[name] = {**vars(drained), "rate": drained.rate}
    return numbers


def _drain_service(bench: Bench, name: str) -> DrainResult:
    async def watch(offsets: OffsetReader) -> DrainResult:
        return await offsets.drain(name, bench.shape.patience, lambda: read_cpu_seconds(pids))

    bench.servers.launch(name)
    pids = bench.servers.pids([name])
    drained = run_with_offsets(bench.servers.kafka.bootstrap, watch)
    bench.settle([name])
    bench.servers.stop(name)
    return drained


def _check_created(answer: CommandResult) -> None:
    if set(answer["answers"]) != {CREATED}:
        raise RuntimeError(f"expected only {CREATED}, got {answer['answers']}")


def _medians(runs: Sequence[CommandResult]) -> dict[str, Any]:
    numbers = {name for name, value in runs[0].items() if isinstance(value, float | int)}
    medians: dict[str, Any] = {name: median(run[name] for run in runs) for name in numbers}
    if "cpu_ms" in runs[0]:
        medians["cpu_ms"] = {name: median(run["cpu_ms"][name] for run in runs) for name in runs[0]["cpu_ms"]}
    return medians

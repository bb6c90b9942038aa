"""Measurements: each function returns plain numbers, for a ratio those of both sides."""

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
    """Durations and amounts of the measurements. The defaults take about ten minutes on two cores."""

    runs: int = 5
    seconds: float = 3.0
    warmup: float = 1.0
    cycle: int = 3_000
    backlog: int = 30_000
    rate: float = 100.0
    rate_seconds: float = 30.0
    patience: float = 300.0


@dataclass
class Bench:
    """Servers, load process, and a counter of runs; each run has its own customers."""

    servers: Servers
    load: LoadProcess
    settings: RunSettings
    runs: int = field(default=0)

    def next_run(self) -> str:
        """Return the name of the next run."""
        self.runs += 1
        return f"r{self.runs:03d}"

    def settle(self, services: Sequence[str]) -> None:
        """Wait until these services have no lag."""
        bootstrap = self.servers.kafka.bootstrap
        run_with_offsets(bootstrap, lambda offsets: offsets.settle(services, self.settings.patience))


def measure_accept(bench: Bench, connections: int) -> dict[str, Any]:
    """Measure accepted complaints per second, plain and Redress in turn.

    Redress also authenticates, deduplicates, and writes timeline and outbox.
    """
    servers, settings = bench.servers, bench.settings
    plain, redress = servers.start_plain(), servers.start_services("intake")
    sides: dict[str, list[CommandResult]] = {"plain": [], "redress": []}
    turns = (("plain", plain, ["intake"]), ("redress", redress, ["plain"]))
    for number in range(settings.runs):
        for side, target, still in turns if number % 2 else reversed(turns):
            bench.settle(["intake"])
            with servers.frozen(still):
                sides[side].append(_run_closed_loop(bench, target, connections))
    servers.stop("plain", "intake")
    return {"connections": connections, **{side: _medians(runs) for side, runs in sides.items()}, "runs": sides}


def _run_closed_loop(bench: Bench, target: Target, connections: int) -> CommandResult:
    settings = bench.settings
    answer = bench.load(
        "closed",
        target=vars(target),
        run=bench.next_run(),
        connections=connections,
        seconds=settings.seconds,
        warmup=settings.warmup,
    )
    _check_created(answer)
    return answer


def measure_cycle(bench: Bench) -> dict[str, Any]:
    """Measure complete life cycles per second, from POST to the mail server's 250, bare and Redress in turn."""
    servers, settings = bench.servers, bench.settings
    bare, redress = servers.start_bare(), servers.start_services()
    sides: dict[str, list[CommandResult]] = {"bare": [], "redress": []}
    turns = (("bare", bare, BARE, NAMES), ("redress", redress, NAMES, BARE))
    for number in range(-1, settings.runs):  # run -1 of each side is the warm-up and is not counted
        for side, target, working, still in turns if number % 2 else reversed(turns):
            bench.settle(NAMES)
            with servers.frozen(still):
                answer = _run_cycle(bench, target, working)
            if number >= 0:
                sides[side].append(answer)
    servers.stop(*BARE)
    bench.settle(NAMES)
    return {"count": settings.cycle, **{side: _medians(runs) for side, runs in sides.items()}, "runs": sides}


def _run_cycle(bench: Bench, target: Target, working: Sequence[str]) -> CommandResult:
    pids = bench.servers.pids(working)
    before = read_cpu_seconds(pids)
    answer = bench.load(
        "cycle",
        target=vars(target),
        run=bench.next_run(),
        count=bench.settings.cycle,
        connections=32,
        patience=bench.settings.patience,
    )
    _check_created(answer)
    if answer["missing"]:
        raise RuntimeError(f"{answer['missing']} of {bench.shape.cycle} customers got no mail")
    after = read_cpu_seconds(pids)
    answer["cycle_rate"] = bench.settings.cycle / answer["cycle_seconds"]
    answer["cpu_ms"] = {name: (after[name] - before[name]) / bench.settings.cycle * 1e3 for name in pids}
    return answer


def measure_acknowledgement(bench: Bench) -> dict[str, Any]:
    """Measure the time from POST to acknowledgement at a fixed rate; all four services must be running."""
    settings = bench.settings
    answer = bench.load(
        "paced",
        target=vars(bench.servers.intake_target()),
        run=bench.next_run(),
        rate=settings.rate,
        seconds=settings.rate_seconds,
        patience=settings.patience,
    )
    _check_created(answer)
    return answer | {"requested_rate": settings.rate}


def measure_idle(bench: Bench) -> dict[str, Any]:
    """Measure memory and CPU of the four idle services after the load, and read the broker's heap limit."""
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
    """Measure how fast each service works off a backlog, with the other services stopped."""
    servers, settings = bench.servers, bench.settings
    servers.stop(*NAMES)
    target = servers.start_services("intake")
    answer = bench.load(
        "cycle", target=vars(target), run=bench.next_run(), count=settings.backlog, connections=32, patience=0
    )
    _check_created(answer)
    bench.settle([])
    servers.stop("intake")
    numbers: dict[str, Any] = {"complaints": settings.backlog}
    for name in ("triage", "sla", "notify", "intake"):
        drained = _drain_service(bench, name)
        numbers[name] = {**vars(drained), "rate": drained.rate}
    return numbers


def _drain_service(bench: Bench, name: str) -> DrainResult:
    async def watch(offsets: OffsetReader) -> DrainResult:
        return await offsets.drain(name, bench.settings.patience, lambda: read_cpu_seconds(pids))

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

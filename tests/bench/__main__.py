"""`python -m tests.bench`: all yardsticks in one run, as a table and as a file under .redress/bench/."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from deploy.local.kafka_jars import VERSION as KAFKA_VERSION
from tests.bench import machine, measurements, profile_report, report, timers
from tests.bench.load_process import LoadProcess
from tests.bench.measurements import Bench, RunSettings
from tests.bench.servers import NAMES, Servers

FOLDER = Path(".redress/bench")
# In the order in which they leave the least to each other.
PARTS = ("cycle", "waiting", "idle", "drain", "accept", "timers")
QUICK = RunSettings(runs=2, seconds=1.5, warmup=0.5, cycle=500, backlog=2_000, rate_seconds=5.0)

console = Console(width=150 if not sys.stdout.isatty() else None)


def measure(bench: Bench, parts: set[str]) -> dict[str, Any]:
    """The chosen parts, in order."""
    numbers: dict[str, Any] = {}
    steps: dict[str, Callable[[], Any]] = {
        "cycle": lambda: measurements.measure_cycle(bench),
        "waiting": lambda: measurements.measure_acknowledgement(bench),
        "idle": lambda: measurements.measure_idle(bench),
        "drain": lambda: measurements.measure_drain(bench),
    }
    for name, step in steps.items():
        if name in parts:
            if name in ("waiting", "idle") and "triage" not in bench.servers.children:
                bench.servers.start_ours()
            console.print(f"measuring {name} ...")
            numbers[name] = step()
    if "accept" in parts:
        bench.servers.stop(*NAMES)
        for connections in (16, 64):
            console.print(f"measuring accept at {connections} connections ...")
            numbers[f"accept_{connections}"] = measurements.measure_accept(bench, connections)
    if "timers" in parts:
        bench.servers.stop(*bench.servers.children)
        size = timers.QUICK if bench.shape == QUICK else timers.Size()
        numbers["timers"] = timers.measure(
            bench.servers, size, lambda side: console.print(f"measuring timers: {side} ...")
        )
    return numbers


def main(
    runs: Annotated[int, typer.Option(help="Turns of each side; the median counts.")] = 5,
    only: Annotated[str, typer.Option(help=f"Comma-separated parts of {', '.join(PARTS)}.")] = ",".join(PARTS),
    *,
    quick: Annotated[bool, typer.Option(help="Short runs, to see that it works; the numbers mean little.")] = False,
    profile: Annotated[bool, typer.Option(help="Sample our services' CPU and say where it goes; slows them.")] = False,
    strict: Annotated[bool, typer.Option(help="End with 1 when a goal is missed.")] = False,
) -> None:
    """Measure plain, bare and ours on this machine."""
    facts = machine.describe()
    home = FOLDER / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shape = QUICK if quick else RunSettings(runs=runs)
    with Servers(home.absolute(), profile=profile) as servers:
        with psycopg.connect(servers.postgres.dsn) as connection:
            facts["postgresql"] = connection.info.parameter_status("server_version")
        facts["kafka"] = KAFKA_VERSION
        outside = LoadProcess(servers.smtp_port)
        try:
            numbers = measure(Bench(servers, outside, shape), set(only.split(",")))
        finally:
            servers.stop(*servers.children)
            outside.stop()
    out = FOLDER / f"{facts['at'].replace(':', '')}.json"
    out.write_text(json.dumps({"machine": facts, "shape": vars(shape), "found": numbers}, indent=1), "utf-8")
    reached = report.print_report(console, facts, numbers)
    if profile:
        profile_report.print_profiles(console, home)
    console.print(f"All numbers of all runs: {out}")
    raise SystemExit(1 if strict and not reached else 0)


if __name__ == "__main__":
    typer.run(main)

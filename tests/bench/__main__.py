"""Command `python -m tests.bench`: run all measurements, print a table and write a file in .redress/bench/."""

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
# In the order in which one part leaves the least data and load for the next.
PARTS = ("cycle", "waiting", "idle", "drain", "accept", "timers")
QUICK = RunSettings(runs=2, seconds=1.5, warmup=0.5, cycle=500, backlog=2_000, rate_seconds=5.0)

console = Console(width=150 if not sys.stdout.isatty() else None)


def measure(bench: Bench, parts: set[str]) -> dict[str, Any]:
    """Run the chosen parts in order and return their results by name."""
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
                bench.servers.start_services()
            console.print(f"measuring {name} ...")
            numbers[name] = step()
    if "accept" in parts:
        bench.servers.stop(*NAMES)
        for connections in (16, 64):
            console.print(f"measuring accept at {connections} connections ...")
            numbers[f"accept_{connections}"] = measurements.measure_accept(bench, connections)
    if "timers" in parts:
        bench.servers.stop(*bench.servers.children)
        size = timers.QUICK if bench.settings == QUICK else timers.Size()
        numbers["timers"] = timers.measure(
            bench.servers, size, lambda side: console.print(f"measuring timers: {side} ...")
        )
    return numbers


def main(
    runs: Annotated[int, typer.Option(help="Runs of each side; the report shows medians.")] = 5,
    only: Annotated[str, typer.Option(help=f"Comma-separated parts of {', '.join(PARTS)}.")] = ",".join(PARTS),
    *,
    quick: Annotated[
        bool, typer.Option(help="Short runs to test the benchmark itself; the numbers are not reliable.")
    ] = False,
    profile: Annotated[bool, typer.Option(help="Sample where the services spend CPU time; slows them down.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit with 1 if a goal is missed.")] = False,
) -> None:
    """Measure Redress and the two baselines on this machine."""
    facts = machine.describe()
    home = FOLDER / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    settings = QUICK if quick else RunSettings(runs=runs)
    with Servers(home.absolute(), profile=profile) as servers:
        with psycopg.connect(servers.postgres.dsn) as connection:
            facts["postgresql"] = connection.info.parameter_status("server_version")
        facts["kafka"] = KAFKA_VERSION
        load = LoadProcess(servers.smtp_port)
        try:
            numbers = measure(Bench(servers, load, settings), set(only.split(",")))
        finally:
            servers.stop(*servers.children)
            load.stop()
    out = FOLDER / f"{facts['at'].replace(':', '')}.json"
    out.write_text(json.dumps({"machine": facts, "settings": vars(settings), "results": numbers}, indent=1), "utf-8")
    reached = report.print_report(console, facts, numbers)
    if profile:
        profile_report.print_profiles(console, home)
    console.print(f"All numbers of all runs: {out}")
    raise SystemExit(1 if strict and not reached else 0)


if __name__ == "__main__":
    typer.run(main)

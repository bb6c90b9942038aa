"""Report of a benchmark: both sides of each ratio, the goal, and the result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

Measurements = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """Row of the report: subject, Redress, the other side, the ratio or number for the goal, and the goal."""

    what: str
    redress: str
    other: str
    counts: str
    goal: str
    reached: bool


def build_figures(numbers: Measurements) -> Iterator[Figure]:
    """Build the rows for the measurements that are present."""
    for name in ("accept_16", "accept_64"):
        if name in numbers:
            yield from _accept_figures(numbers[name], goal=1.5 if name == "accept_16" else 2.0)
    if "cycle" in numbers:
        yield _cycle_figure(numbers["cycle"])
    if "waiting" in numbers:
        yield _acknowledgement_figure(numbers["waiting"])
    if "drain" in numbers:
        yield from _drain_figures(numbers["drain"])
    if "idle" in numbers:
        yield from _idle_figures(numbers["idle"])
    if "timers" in numbers:
        from tests.bench.timers.report_rows import report_rows  # it imports Figure from this module

        yield from report_rows(numbers["timers"])


def _accept_figures(numbers: Measurements, *, goal: float) -> Iterator[Figure]:
    redress, plain = numbers["redress"], numbers["plain"]
    ratio = redress["rate"] / plain["rate"]
    yield Figure(
        f"complaints accepted, {numbers['connections']} connections",
        f"{redress['rate']:,.0f}/s",
        f"plain {plain['rate']:,.0f}/s",
        f"{ratio:.2f} x",
        f">= {goal} x plain",
        ratio >= goal,
    )
    yield Figure(
        f"p50 / p99, {numbers['connections']} connections",
        f"{redress['p50_ms']:.1f} / {redress['p99_ms']:.1f} ms",
        f"plain {plain['p50_ms']:.1f} / {plain['p99_ms']:.1f} ms",
        f"{redress['p99_ms'] / plain['p99_ms']:.2f} x",
        "p99 < plain's",
        redress["p99_ms"] < plain["p99_ms"],
    )


def _cycle_figure(numbers: Measurements) -> Figure:
    redress, bare = numbers["redress"]["cycle_rate"], numbers["bare"]["cycle_rate"]
    return Figure(
        f"whole life cycle, {numbers['count']:,} complaints",
        f"{redress:,.0f}/s",
        f"bare {bare:,.0f}/s",
        f"{redress / bare:.2f} x",
        ">= 0.5 x bare",
        redress >= bare / 2,
    )


def _acknowledgement_figure(numbers: Measurements) -> Figure:
    return Figure(
        f"POST to acknowledgement at {numbers['requested_rate']:.0f}/s, p50 / p99",
        f"{numbers['mail_p50_ms']:.0f} / {numbers['mail_p99_ms']:.0f} ms",
        f"{numbers['missing']} missing",
        f"{numbers['mail_p99_ms']:.0f} ms",
        "p99 < 1 s",
        numbers["mail_p99_ms"] < 1000 and not numbers["missing"],
    )


def _drain_figures(numbers: Measurements) -> Iterator[Figure]:
    for name in ("triage", "sla", "notify", "intake"):
        drained = numbers[name]
        yield Figure(
            f"backlog drained by {name}",
            f"{drained['rate']:,.0f} events/s",
            f"{drained['events']:,} in {drained['seconds']:.1f} s; CPU {drained['cpu_us'][name]:.0f} us + PostgreSQL's "
            f"{drained['cpu_us']['postgresql']:.0f} us an event",
            f"{drained['rate']:,.0f}/s",
            ">= 5,000/s",
            drained["rate"] >= 5000,
        )


def _idle_figures(numbers: Measurements) -> Iterator[Figure]:
    each = ", ".join(f"{name} {memory['pss_mb']:.0f}" for name, memory in numbers["services"].items())
    yield Figure(
        "memory of the four services, idle",
        f"RSS {numbers['rss_mb']:.0f} MB, PSS {numbers['pss_mb']:.0f} MB",
        each,
        f"{numbers['rss_mb']:.0f} MB",
        "RSS < 600 MB",
        numbers["rss_mb"] < 600,
    )
    used = numbers["cpu_percent"]
    yield Figure(
        "CPU of the four services, idle",
        f"{sum(used[name] for name in numbers['services']):.1f} % of a core",
        ", ".join(f"{name} {percent:.1f}" for name, percent in used.items()),
        f"{sum(used.values()):.1f} % with servers",
        "no goal",
        reached=True,
    )
    limit = numbers["kafka"]["heap_limit"]
    megabytes = int(limit[4:-1]) * {"m": 1, "g": 1024}[limit[-1].lower()] if limit[4:-1].isdigit() else 10**6
    yield Figure(
        "heap of the embedded Kafka",
        limit,
        f"RSS {numbers['kafka']['rss_mb']:.0f} MB",
        limit,
        "< 512 MB",
        megabytes < 512,
    )


def print_report(console: Console, machine: Measurements, numbers: Measurements) -> bool:
    """Print the report; return True if every goal was reached."""
    lines = list(build_figures(numbers))
    console.print(_format_machine(machine))
    console.print(_build_table(lines))
    if "cycle" in numbers:
        console.print(_build_cost_table(numbers["cycle"]))
    return all(line.reached for line in lines)


def _format_machine(facts: Measurements) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    load = " ".join(f"{value:.2f}" for value in facts["load_before"])
    return (
        f"{facts['at']}  {facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, Linux {facts['runtime']}\n"
        f"Python {facts['python']}, PostgreSQL {facts.get('postgresql', '?')}, Kafka {facts.get('kafka', '?')}, "
        f"{libraries}\nload before: {load}, CPU busy {facts['cpu_busy_before_percent']:.0f} %. "
        "Generator, servers and mail sink share the machine; medians."
    )


def _build_table(lines: list[Figure]) -> Table:
    table = Table(
        "measurement", "Redress", "compared with", "result", "goal", "reached", title="Benchmark", title_style="bold"
    )
    for line in lines:
        verdict = "[green]yes[/]" if line.reached else "[red]no[/]"
        table.add_row(line.what, line.redress, line.other, line.counts, line.goal, verdict)
    return table


def _build_cost_table(numbers: Measurements) -> Table:
    table = Table("CPU ms per complaint", "Redress", "bare", title="CPU time of a life cycle", title_style="bold")
    redress, bare = numbers["redress"]["cpu_ms"], numbers["bare"]["cpu_ms"]
    for name, cost in redress.items():
        other = bare.get(f"bare-{name}", bare.get(name, 0.0))
        table.add_row(name, f"{cost:.2f}", f"{other:.2f}")
    table.add_row("total", f"{sum(redress.values()):.2f}", f"{sum(bare.values()):.2f}", style="bold")
    return table

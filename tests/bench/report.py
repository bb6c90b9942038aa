"""The numbers as a person reads them: both sides of each ratio, what was to be reached, and what was."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One line: what, ours, the other side, the ratio or number that counts, and whether it reaches the goal."""

    what: str
    ours: str
    other: str
    counts: str
    goal: str
    reached: bool


def figures(found: Numbers) -> Iterator[Figure]:
    """All lines that the measured numbers allow."""
    for name in ("accept_16", "accept_64"):
        if name in found:
            yield from _accept(found[name], goal=1.5 if name == "accept_16" else 2.0)
    if "cycle" in found:
        yield _cycle(found["cycle"])
    if "waiting" in found:
        yield _waiting(found["waiting"])
    if "drain" in found:
        yield from _drain(found["drain"])
    if "idle" in found:
        yield from _idle(found["idle"])
    if "timers" in found:
        from tests.bench.timers.lines import lines  # they are made of our figures

        yield from lines(found["timers"])


def _accept(found: Numbers, *, goal: float) -> Iterator[Figure]:
    ours, plain = found["ours"], found["plain"]
    ratio = ours["rate"] / plain["rate"]
    yield Figure(
        f"complaints accepted, {found['connections']} connections",
        f"{ours['rate']:,.0f}/s",
        f"plain {plain['rate']:,.0f}/s",
        f"{ratio:.2f} x",
        f">= {goal} x plain",
        ratio >= goal,
    )
    yield Figure(
        f"p50 / p99, {found['connections']} connections",
        f"{ours['p50_ms']:.1f} / {ours['p99_ms']:.1f} ms",
        f"plain {plain['p50_ms']:.1f} / {plain['p99_ms']:.1f} ms",
        f"{ours['p99_ms'] / plain['p99_ms']:.2f} x",
        "p99 < plain's",
        ours["p99_ms"] < plain["p99_ms"],
    )


def _cycle(found: Numbers) -> Figure:
    ours, bare = found["ours"]["cycle_rate"], found["bare"]["cycle_rate"]
    return Figure(
        f"whole life cycle, {found['count']:,} complaints",
        f"{ours:,.0f}/s",
        f"bare {bare:,.0f}/s",
        f"{ours / bare:.2f} x",
        ">= 0.5 x bare",
        ours >= bare / 2,
    )


def _waiting(found: Numbers) -> Figure:
    return Figure(
        f"POST to acknowledgement at {found['asked_rate']:.0f}/s, p50 / p99",
        f"{found['mail_p50_ms']:.0f} / {found['mail_p99_ms']:.0f} ms",
        f"{found['missing']} missing",
        f"{found['mail_p99_ms']:.0f} ms",
        "p99 < 1 s",
        found["mail_p99_ms"] < 1000 and not found["missing"],
    )


def _drain(found: Numbers) -> Iterator[Figure]:
    for name in ("triage", "sla", "notify", "intake"):
        one = found[name]
        yield Figure(
            f"backlog drained by {name}",
            f"{one['rate']:,.0f} events/s",
            f"{one['events']:,} in {one['seconds']:.1f} s; CPU {one['cpu_us'][name]:.0f} us + PostgreSQL's "
            f"{one['cpu_us']['postgresql']:.0f} us an event",
            f"{one['rate']:,.0f}/s",
            ">= 5,000/s",
            one["rate"] >= 5000,
        )


def _idle(found: Numbers) -> Iterator[Figure]:
    each = ", ".join(f"{name} {one['pss_mb']:.0f}" for name, one in found["services"].items())
    yield Figure(
        "memory of the four services, idle",
        f"RSS {found['rss_mb']:.0f} MB, PSS {found['pss_mb']:.0f} MB",
        each,
        f"{found['rss_mb']:.0f} MB",
        "RSS < 600 MB",
        found["rss_mb"] < 600,
    )
    used = found["cpu_percent"]
    yield Figure(
        "CPU of the four services, idle",
        f"{sum(used[name] for name in found['services']):.1f} % of a core",
        ", ".join(f"{name} {percent:.1f}" for name, percent in used.items()),
        f"{sum(used.values()):.1f} % with servers",
        "no goal",
        reached=True,
    )
    limit = found["kafka"]["heap_limit"]
    megabytes = int(limit[4:-1]) * {"m": 1, "g": 1024}[limit[-1].lower()] if limit[4:-1].isdigit() else 10**6
    yield Figure(
        "heap of the embedded Kafka",
        limit,
        f"RSS {found['kafka']['rss_mb']:.0f} MB",
        limit,
        "< 512 MB",
        megabytes < 512,
    )


def show(console: Console, machine: Numbers, found: Numbers) -> bool:
    """Print it all; whether every goal was reached."""
    lines = list(figures(found))
    console.print(_machine(machine))
    console.print(_table(lines))
    if "cycle" in found:
        console.print(_costs(found["cycle"]))
    return all(line.reached for line in lines)


def _machine(facts: Numbers) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    load = " ".join(f"{one:.2f}" for one in facts["load_before"])
    return (
        f"{facts['at']}  {facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, Linux {facts['runtime']}\n"
        f"Python {facts['python']}, PostgreSQL {facts.get('postgresql', '?')}, Kafka {facts.get('kafka', '?')}, "
        f"{libraries}\nload before: {load}, CPU busy {facts['cpu_busy_before_percent']:.0f} %. "
        "Generator, servers and mail sink share the machine; medians."
    )


def _table(lines: list[Figure]) -> Table:
    table = Table(
        "what", "ours", "the other side", "counts", "to be reached", "", title="Yardsticks", title_style="bold"
    )
    for line in lines:
        verdict = "[green]yes[/]" if line.reached else "[red]no[/]"
        table.add_row(line.what, line.ours, line.other, line.counts, line.goal, verdict)
    return table


def _costs(found: Numbers) -> Table:
    table = Table("CPU ms per complaint", "ours", "bare", title="Where the life cycle's time goes", title_style="bold")
    ours, bare = found["ours"]["cpu_ms"], found["bare"]["cpu_ms"]
    for name, cost in ours.items():
        other = bare.get(f"bare-{name}", bare.get(name, 0.0))
        table.add_row(name, f"{cost:.2f}", f"{other:.2f}")
    table.add_row("together", f"{sum(ours.values()):.2f}", f"{sum(bare.values()):.2f}", style="bold")
    return table

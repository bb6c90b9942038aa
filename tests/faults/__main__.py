"""`python -m tests.faults`: every fault in turn under load, healed, quiet, checked; prints faults × invariants.

Exit 1 on any violation. One stack lives through all of it, so each row is also judged by what came before.
"""

import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.data_dir import home_folder
from tests.faults import injectors as i
from tests.faults.invariants import INVARIANTS, Case, summary
from tests.faults.system_under_test import BRISK, NAMES, Scene
from tests.running_stack import running

RATE = 15.0  # complaints per second, each with up to four facts
FAULTS: dict[str, i.Inject] = {
    "kill -9 intake, three times": i.killed("intake", times=3),
    "kill -9 triage, three times": i.killed("triage", times=3),
    "kill -9 sla, three times": i.killed("sla", times=3),
    "kill -9 notify, three times": i.killed("notify", times=3),
    "SIGTERM, each service": i.terminated(*NAMES),
    "SIGSTOP intake 15 s": i.frozen("intake", 15),
    "SIGSTOP triage 15 s": i.frozen("triage", 15),
    "SIGSTOP notify 60 s": i.frozen("notify", 60),
    "zombie: SIGSTOP sla 60 s, replaced": i.frozen("sla", 60, replaced=True),
    "a member joins and leaves, 60 s": i.come_and_go("triage", 60),
    "two relays, leader cut 5 times": i.two_relays("intake", 5),
    "Kafka restart": i.kafka_restarted,
    "Kafka away 90 s (kill -9)": i.kafka_down(90, count=500),
    "Kafka SIGSTOP 20 s": i.kafka_frozen(20),
    "PostgreSQL fast restart, twice": i.postgres_restarted("fast", "fast"),
    "PostgreSQL immediate restart, twice": i.postgres_restarted("immediate", "immediate"),
    "PostgreSQL kill -9": i.postgres_restarted("kill"),
    "PostgreSQL SIGSTOP 10 s": i.postgres_frozen(10),
    "all backends cut, 5 times": i.backends_killed(5),
    "a writer idle in transaction": i.idle_writer,
    "everything delivered twice": i.everything_twice,
    "offsets back to the beginning, each": i.heard_again(*NAMES),
    "poison, four rounds": i.poisoned(4),
    "SMTP 451 for 15 s": i.mail("defer", 15),
    "SMTP hangs 15 s": i.mail("hang", 15),
    "SMTP cut after DATA 10 s": i.mail("cut", 10),
    "mailbox kill -9": i.mailbox_killed,
    "nothing; and what moved at the last look": lambda _: None,
}


@dataclass(slots=True)
class Row:
    """What became of one fault."""

    fault: str
    violations: dict[str, list[str]] = field(default_factory=dict)
    trouble: str = ""  # the fault could not be injected, or the system did not come back
    seconds: float = 0.0
    quiet: float = 0.0
    complaints: int = 0

    @property
    def is_good(self) -> bool:
        return not self.trouble and not any(self.violations.values())


def suffer(scene: Scene, fault: str) -> Row:
    """One fault: load, inject, heal, quiet, check."""
    row, begun, windows = Row(fault), time.monotonic(), len(scene.without_kafka)
    try:
        with scene.load(rate=RATE, patience=90):
            FAULTS[fault](scene)
            scene.more(20)
        scene.ready()
        row.quiet = scene.quiet(240)
    except Exception as error:  # noqa: BLE001 (a row of the table; the others go on)
        row.trouble = f"{type(error).__name__}: {error}"
    row.seconds = time.monotonic() - begun
    row.complaints = scene.accepted()
    case: Case = scene.case()
    row.violations = {name: summary(check(case)) for name, check in INVARIANTS.items()}
    if len(scene.without_kafka) == windows:
        del row.violations["I11"]  # Kafka was there all the time
    return row


def table(rows: list[Row]) -> Table:
    """Faults × invariants."""
    drawn = Table(title="What was done to it, and what held")
    drawn.add_column("fault")
    for name in (*INVARIANTS, "complaints", "quiet after"):
        drawn.add_column(name, justify="center" if name in INVARIANTS else "right")
    for row in rows:
        cells = [_mark(row.violations.get(name)) for name in INVARIANTS]
        drawn.add_row(row.fault, *cells, str(row.complaints), "[red]never" if row.trouble else f"{row.quiet:.1f} s")
    return drawn


def _mark(violations: list[str] | None) -> str:
    if violations is None:
        return "·"
    return f"[red]{len(violations)}" if violations else "[green]✓"


def main(
    only: Annotated[str, typer.Option(help="Faults whose name contains this; commas between several.")] = "",
    home: Annotated[Path | None, typer.Option(help="Where the stack lives; emptied first.")] = None,
) -> None:
    """The long fault profile: about three quarters of an hour on two cores."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    chosen = [name for name in FAULTS if not only or any(part.strip() in name for part in only.split(","))]
    folder = home or home_folder() / "faults"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows: list[Row] = []
    with running(folder, BRISK) as ground:
        scene = Scene(ground, folder, console.print)
        for number, name in enumerate(chosen, start=1):
            scene.say(f"{number}/{len(chosen)}: {name}")
            rows.append(suffer(scene, name))
            _tell(console, rows[-1])
    console.print(table(rows))
    bad = [row for row in rows if not row.is_good]
    console.print(f"{len(rows) - len(bad)} of {len(rows)} faults did no harm.", style="red" if bad else "green")
    raise typer.Exit(1 if bad else 0)


def _tell(console: Console, row: Row) -> None:
    if row.trouble:
        console.print(f"         {row.trouble}", style="red", markup=False)
    for name, sentences in row.violations.items():
        for sentence in sentences:
            console.print(f"         {name}: {sentence}", style="red", markup=False)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    typer.run(main)

"""Long fault profile, `python -m tests.faults`: inject each fault under load, wait for recovery, check all invariants.

Prints a table of faults × invariants; exits with 1 on any violation. All faults run on one stack, so each check also
covers the faults before it.
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
from tests.faults.invariants import INVARIANTS, Evidence, summarize
from tests.faults.system_under_test import NAMES, SHORT_TIMEOUTS, SystemUnderTest
from tests.running_stack import run_stack

RATE = 15.0  # complaints per second, each with up to four updates
FAULTS: dict[str, i.Injector] = {
    "kill -9 intake, three times": i.kill("intake", times=3),
    "kill -9 triage, three times": i.kill("triage", times=3),
    "kill -9 sla, three times": i.kill("sla", times=3),
    "kill -9 notify, three times": i.kill("notify", times=3),
    "SIGTERM, each service": i.terminate(*NAMES),
    "SIGSTOP intake 15 s": i.freeze("intake", 15),
    "SIGSTOP triage 15 s": i.freeze("triage", 15),
    "SIGSTOP notify 60 s": i.freeze("notify", 60),
    "zombie: SIGSTOP sla 60 s, replaced": i.freeze("sla", 60, replaced=True),
    "a member joins and leaves, 60 s": i.join_and_leave("triage", 60),
    "two relays, leader cut 5 times": i.cut_relay("intake", 5),
    "Kafka restart": i.restart_kafka,
    "Kafka away 90 s (kill -9)": i.stop_kafka(90, count=500),
    "Kafka SIGSTOP 20 s": i.freeze_kafka(20),
    "PostgreSQL fast restart, twice": i.restart_postgres("fast", "fast"),
    "PostgreSQL immediate restart, twice": i.restart_postgres("immediate", "immediate"),
    "PostgreSQL kill -9": i.restart_postgres("kill"),
    "PostgreSQL SIGSTOP 10 s": i.freeze_postgres(10),
    "all backends cut, 5 times": i.cut_database_connections(5),
    "a writer idle in transaction": i.hold_transaction_open,
    "everything delivered twice": i.duplicate_all_events,
    "offsets back to the beginning, each": i.rewind_offsets(*NAMES),
    "malformed records, four rounds": i.publish_malformed_records(4),
    "SMTP 451 for 15 s": i.fail_mail_server("defer", 15),
    "SMTP hangs 15 s": i.fail_mail_server("hang", 15),
    "SMTP cut after DATA 10 s": i.fail_mail_server("cut", 10),
    "mailbox kill -9": i.kill_mail_server,
    "no fault; checks complaints left out by the check before": lambda _: None,
}


@dataclass(slots=True)
class FaultResult:
    """Result of one fault."""

    fault: str
    violations: dict[str, list[str]] = field(default_factory=dict)
    error: str = ""  # the fault could not be injected, or the system did not recover
    seconds: float = 0.0
    seconds_until_idle: float = 0.0
    complaints: int = 0

    @property
    def is_good(self) -> bool:
        return not self.error and not any(self.violations.values())


def run_fault(system: SystemUnderTest, fault: str) -> FaultResult:
    """Run load, inject the fault, wait until the system is idle again, and check the invariants."""
    row, started_at, windows = FaultResult(fault), time.monotonic(), len(system.without_kafka)
    try:
        with system.run_load(rate=RATE, patience=90):
            FAULTS[fault](system)
            system.wait_for_accepted(20)
        system.wait_until_ready()
        row.seconds_until_idle = system.wait_until_idle(240)
    except Exception as error:  # noqa: BLE001 (a row of the table; the others go on)
        row.error = f"{type(error).__name__}: {error}"
    row.seconds = time.monotonic() - started_at
    row.complaints = system.count_accepted()
    evidence: Evidence = system.collect_evidence()
    row.violations = {name: summarize(check(evidence)) for name, check in INVARIANTS.items()}
    if len(system.without_kafka) == windows:
        del row.violations["I11"]  # Kafka was available all the time
    return row


def build_table(rows: list[FaultResult]) -> Table:
    """Build the table of faults × invariants."""
    table = Table(title="Violations by fault and invariant")
    table.add_column("fault")
    for name in (*INVARIANTS, "complaints", "idle after"):
        table.add_column(name, justify="center" if name in INVARIANTS else "right")
    for row in rows:
        cells = [_format_cell(row.violations.get(name)) for name in INVARIANTS]
        duration = "[red]never" if row.error else f"{row.seconds_until_idle:.1f} s"
        table.add_row(row.fault, *cells, str(row.complaints), duration)
    return table


def _format_cell(violations: list[str] | None) -> str:
    if violations is None:
        return "·"
    return f"[red]{len(violations)}" if violations else "[green]✓"


def main(
    only: Annotated[str, typer.Option(help="Faults whose name contains this; commas between several.")] = "",
    home: Annotated[Path | None, typer.Option(help="Folder of the stack; emptied first.")] = None,
) -> None:
    """Run the long fault profile: about 45 minutes on two cores."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    chosen = [name for name in FAULTS if not only or any(part.strip() in name for part in only.split(","))]
    folder = home or home_folder() / "faults"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows: list[FaultResult] = []
    with run_stack(folder, SHORT_TIMEOUTS) as running_stack:
        system = SystemUnderTest(running_stack, folder, console.print)
        for number, name in enumerate(chosen, start=1):
            system.log_progress(f"{number}/{len(chosen)}: {name}")
            rows.append(run_fault(system, name))
            _print_problems(console, rows[-1])
    console.print(build_table(rows))
    bad = [row for row in rows if not row.is_good]
    console.print(
        f"{len(rows) - len(bad)} of {len(rows)} faults violated no invariant.", style="red" if bad else "green"
    )
    raise typer.Exit(1 if bad else 0)


def _print_problems(console: Console, row: FaultResult) -> None:
    if row.error:
        console.print(f"         {row.error}", style="red", markup=False)
    for name, sentences in row.violations.items():
        for sentence in sentences:
            console.print(f"         {name}: {sentence}", style="red", markup=False)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    typer.run(main)

"""`redress doctor`: run all checks and print their findings; exit 1 if a problem must be solved."""

import asyncio
import os
from collections.abc import Iterator
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.doctor import machine, servers
from deploy.cli.doctor.finding import Finding, note
from deploy.cli.endpoints import SERVICE_NAMES, find_dsns, find_kafka
from deploy.cli.output import ExitCode
from deploy.local.data_dir import home_folder
from deploy.local.port_config import DESCRIPTIONS, VARIABLES, PortConfig

SIGNS = {"well": "ok", "note": "note", "todo": "TO DO"}
STYLES = {"well": "", "note": "yellow", "todo": "bold red"}


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check what Redress needs on this machine. Exit 1 if a problem must be solved."""
    findings = list(run_checks())
    todo = [finding for finding in findings if finding.level == "todo"]
    if json:
        output.print_json([_as_document(finding) for finding in findings])
    else:
        for finding in findings:
            output.print_line(
                f"{SIGNS[finding.level]:<6} {finding.what}: {finding.sentence}", style=STYLES[finding.level]
            )
        output.print_line(f"\n{len(todo)} problems must be solved." if todo else "\nNo problem must be solved.")
    if todo:
        raise typer.Exit(ExitCode.PROBLEM)


def _as_document(finding: Finding) -> dict[str, str]:
    return {"what": finding.what, "is_": finding.level, "sentence": finding.sentence}


def run_checks() -> Iterator[Finding]:
    """Run all checks; those of an embedded server are left out if another server is used."""
    kafka, dsns = find_kafka(), find_dsns()
    yield machine.check_python()
    if not os.environ.get("REDRESS_KAFKA"):
        yield machine.check_java()
        yield machine.check_kafka_jars()
    yield machine.check_disk(home_folder())
    yield machine.check_memory()
    yield from machine.check_ports(_ports_to_check())
    if kafka:
        yield from asyncio.run(servers.check_kafka(kafka))
    else:
        yield note("Kafka", "No address is set and the embedded one is not running; `redress up` starts it.")
    if dsns:
        yield from servers.check_postgres(dsns)
    else:
        yield note("PostgreSQL", "No address is set and the embedded one is not running; `redress up` starts it.")


def _ports_to_check() -> Iterator[tuple[str, int, str]]:
    """HTTP ports; the embedded servers check their own ports when they start."""
    ports = PortConfig.from_environment()
    for name in (*SERVICE_NAMES, "mailbox"):
        yield DESCRIPTIONS.get(name, f"the {name} service"), getattr(ports, name), VARIABLES[name]

"""`redress doctor`: all checks, one table, exit 1 when something must be done."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.doctor import machine, servers
from deploy.cli.doctor.finding import Finding, note
from deploy.cli.endpoints import NAMES, dsns_known, kafka_known
from deploy.cli.output import Exit
from deploy.local.data_dir import home_folder
from deploy.local.port_config import MEANING, VARIABLES, PortConfig

SIGNS = {"well": "ok", "note": "note", "todo": "TO DO"}
STYLES = {"well": "", "note": "yellow", "todo": "bold red"}


def doctor(json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """What would keep Redress from working here. Exit 1 when something must be done."""
    findings = list(examine())
    todo = [finding for finding in findings if finding.is_ == "todo"]
    if json:
        output.as_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            output.say(f"{SIGNS[finding.is_]:<6} {finding.what}: {finding.sentence}", style=STYLES[finding.is_])
        output.say(f"\n{len(todo)} things must be done." if todo else "\nNothing must be done.")
    if todo:
        raise typer.Exit(Exit.TO_DO)


def examine() -> Iterator[Finding]:
    """Every check that makes sense here; what only an embedded server needs is left out where one was given."""
    kafka, dsns = kafka_known(), dsns_known()
    yield machine.python()
    if not os.environ.get("REDRESS_KAFKA"):
        yield machine.java()
        yield machine.jars()
    yield machine.disk(home_folder())
    yield machine.memory()
    yield from machine.ports(_ports())
    if kafka:
        yield from asyncio.run(servers.kafka(kafka))
    else:
        yield note("Kafka", "None is given and the embedded one is not running; `redress up` starts it.")
    if dsns:
        yield from servers.postgres(dsns)
    else:
        yield note("PostgreSQL", "None is given and the embedded one is not running; `redress up` starts it.")


def _ports() -> Iterator[tuple[str, int, str]]:
    """HTTP ports always; those of embedded servers are theirs to check when they start."""
    places = PortConfig.from_environment()
    for name in (*NAMES, "mailbox"):
        yield MEANING.get(name, f"the {name} service"), getattr(places, name), VARIABLES[name]

"""`redress up`: everything on this machine, until Ctrl-C."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.progress import Steps
from deploy.local import run
from deploy.local.data_dir import home_folder
from deploy.local.port_config import PortConfig
from deploy.local.stack import Stack

Kafka = Annotated[
    str | None, typer.Option(envvar="REDRESS_KAFKA", help="HOST:PORT of a Kafka you have. Default: an embedded one.")
]
Postgres = Annotated[
    str | None,
    typer.Option(
        envvar="REDRESS_POSTGRES",
        show_envvar=True,
        help="DSN of a PostgreSQL role that may create roles and schemas. Default: an embedded one.",
    ),
]


def up(kafka: Kafka = None, postgres: Postgres = None) -> None:
    """Start PostgreSQL, Kafka, the mailbox and the four services; stay until Ctrl-C. Data survives in `.redress`."""
    raise typer.Exit(keep(kafka, postgres, doing="Starting Redress", work=stay))


def keep(kafka: str | None, postgres: str | None, *, doing: str, work: Callable[[Stack], int]) -> int:
    """Start the stack with its steps shown, do `work`, stop everything. Returns the exit code."""
    stack = Stack(home_folder(), kafka=kafka, postgres=postgres, places=PortConfig.from_environment())
    with Steps(doing) as steps:

        def begin(started: Stack) -> int:
            steps.over()
            return work(started)

        code = run.run(stack, tell=steps.tell, work=begin)
    output.say("Stopped; nothing of it is left running.")
    return code


def stay(stack: Stack) -> int:
    """Show where everything is, and stay until a signal."""
    for line in where(stack):
        output.say(line)
    output.say("\nCtrl-C stops everything; data stays.")
    return run.stay(stack)


def where(stack: Stack) -> list[str]:
    """Where to look, a line each."""
    url = stack.places.url
    return [
        "",
        f"  API, page         {url('intake')}/docs   (OpenAPI 3.1: {url('intake')}/openapi.json)",
        f"  Events            {url('intake')}/asyncapi.json",
        f"  Customers' mail   {url('mailbox')}",
        *(f"  Metrics, {name:<8} {url(name)}/metrics" for name in ("intake", "triage", "sla", "notify")),
        f"  Kafka             {stack.bootstrap}",
        f"  Logs, data        {_short(str(stack.home))}",
        "",
        f"  A token           {program()} token create --client me",
        f"  How it stands     {program()} status",
        f"  Your own data     {program()} submit FILE --map narrative=text --set channel=web ...",
        f"  Dead letters      {program()} dead list",
    ]


def program() -> str:
    """How this person calls us: by name where that is found, else by the path that was typed."""
    name = Path(sys.argv[0]).name
    found = shutil.which(name)
    return name if found and Path(found).samefile(sys.argv[0]) else _short(sys.argv[0])


def _short(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}{os.sep}")

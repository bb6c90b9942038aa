"""`redress up`: run the whole stack on this machine until Ctrl-C."""

import os
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.progress import StepPrinter
from deploy.local import run
from deploy.local.data_dir import home_folder
from deploy.local.port_config import PortConfig
from deploy.local.stack import SERVICE_NAMES, Stack
from shared.errors import Misconfigured

KafkaOption = Annotated[
    str | None, typer.Option(envvar="REDRESS_KAFKA", help="HOST:PORT of a running Kafka. Default: an embedded one.")
]
PostgresOption = Annotated[
    str | None,
    typer.Option(
        envvar="REDRESS_POSTGRES",
        show_envvar=True,
        help="DSN of a PostgreSQL role that may create roles and schemas. Default: an embedded one.",
    ),
]
WithoutOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Service that is not started because you run it yourself, for example in a debugger; repeatable."
    ),
]


def up(kafka: KafkaOption = None, postgres: PostgresOption = None, without: WithoutOption = None) -> None:
    """Start PostgreSQL, Kafka, the mailbox and the four services, and wait for Ctrl-C. Data is kept in `.redress`."""
    for name in without or ():
        if name not in SERVICE_NAMES:
            raise Misconfigured(f"--without {name}: expected one of {', '.join(SERVICE_NAMES)}.")
    raise typer.Exit(run_stack(kafka, postgres, title="Starting Redress", work=show_and_wait, without=without or ()))


def run_stack(
    kafka: str | None,
    postgres: str | None,
    *,
    title: str,
    work: Callable[[Stack], int],
    without: Collection[str] = (),
) -> int:
    """Start the stack and print each step, run `work`, stop everything. Return the exit code."""
    ports = PortConfig.from_environment()
    stack = Stack(home_folder(), kafka=kafka, postgres=postgres, ports=ports, without=without)
    with StepPrinter(title) as steps:

        def work_without_spinner(started: Stack) -> int:
            steps.finish()
            return work(started)

        code = run.run(stack, report=steps.report, work=work_without_spinner)
    output.print_line("Stopped; no process is left running.")
    return code


def show_and_wait(stack: Stack) -> int:
    """Print all endpoints and wait for a signal."""
    for line in describe_endpoints(stack):
        output.print_line(line)
    output.print_line("\nCtrl-C stops everything; the data is kept.")
    return run.wait_for_stop(stack)


def describe_endpoints(stack: Stack) -> list[str]:
    """Return the lines that list the endpoints and useful commands."""
    url = stack.ports.url
    return [
        "",
        f"  API, page         {url('intake')}/docs   (OpenAPI 3.1: {url('intake')}/openapi.json)",
        f"  Events            {url('intake')}/asyncapi.json",
        f"  Mail of customers {url('mailbox')}",
        *(f"  Metrics, {name:<8} {url(name)}/metrics" for name in SERVICE_NAMES),
        *(
            f"  Run {name:<8}      {_shorten_path(str(stack.env_file(name)))} holds its environment"
            for name in stack.without
        ),
        f"  Kafka             {stack.bootstrap}",
        f"  Logs, data        {_shorten_path(str(stack.home))}",
        "",
        f"  A token           {program_name()} token create --client me",
        f"  Status            {program_name()} status",
        f"  Your own data     {program_name()} submit FILE --map narrative=text --set channel=web ...",
        f"  Dead letters      {program_name()} dead list",
    ]


def program_name() -> str:
    """Return the command as this user typed it: its name if that is on PATH, else its path."""
    name = Path(sys.argv[0]).name
    path = shutil.which(name)
    return name if path and Path(path).samefile(sys.argv[0]) else _shorten_path(sys.argv[0])


def _shorten_path(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}{os.sep}")

"""Command line `redress`: all commands, and the exit code of every error."""

import asyncio
import logging
from typing import Any

import typer
from typer.core import TyperGroup

from deploy.cli import calendar, dead, output, sla, token, topics
from deploy.cli.doctor import doctor
from deploy.cli.output import ExitCode
from deploy.cli.status import status
from deploy.cli.submit.command import submit
from deploy.cli.up import up
from deploy.demo.demo import demo
from shared.errors import Misconfigured, RedressError, Unavailable

HELP = """Redress: complaint handling that loses no complaint and keeps the customer informed.

Exit codes: 0 success · 1 the command ran and found a problem · 2 the command line or a setting is wrong ·
3 a service or server does not answer · 130 stopped with Ctrl-C.
"""


class ErrorHandlingGroup(TyperGroup):
    """Command group that prints a `RedressError` as one sentence and sets the exit code."""

    def invoke(self, ctx: Any) -> Any:
        logging.basicConfig(
            handlers=[logging.NullHandler()]
        )  # errors of libraries arrive as exceptions, so their logs are not needed
        try:
            return super().invoke(ctx)
        except RedressError as error:
            raise output.error_exit(error.detail, exit_code(error)) from None
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(ExitCode.OK) from None


def exit_code(error: RedressError) -> ExitCode:
    """Exit code of an error: a wrong setting, a server that does not answer, or a problem with the data."""
    if isinstance(error, Misconfigured):
        return ExitCode.USAGE
    return ExitCode.UNAVAILABLE if isinstance(error, Unavailable) else ExitCode.PROBLEM


app = typer.Typer(
    cls=ErrorHandlingGroup,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(up)
app.command()(demo)
app.command()(status)
app.command()(submit)
app.add_typer(dead.app, name="dead")
app.add_typer(topics.app, name="topics")
app.add_typer(token.app, name="token")
app.add_typer(calendar.app, name="calendar")
app.add_typer(sla.app, name="sla")
app.command()(doctor)

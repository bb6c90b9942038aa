"""The command line `redress`: every command, and every error as a sentence with an exit code."""

import asyncio
import logging
from typing import Any

import typer
from typer.core import TyperGroup

from deploy.cli import calendar, dead, output, sla, token, topics
from deploy.cli.doctor import doctor
from deploy.cli.output import Exit
from deploy.cli.status import status
from deploy.cli.submit.command import submit
from deploy.cli.up import up
from deploy.demo.demo import demo
from shared.errors import Misconfigured, RedressError, Unavailable

HELP = """Redress: complaint handling that loses nothing and tells the customer.

Exit codes: 0 all well · 1 it ran, and something is not as it should be · 2 the command line or a setting is wrong ·
3 something we need does not answer · 130 stopped with Ctrl-C.
"""


class Sentences(TyperGroup):
    """Turns our errors into a sentence and an exit code; a traceback is left for what we did not foresee."""

    def invoke(self, ctx: Any) -> Any:
        logging.basicConfig(handlers=[logging.NullHandler()])  # libraries tell us by raising; people read our sentence
        try:
            return super().invoke(ctx)
        except RedressError as error:
            raise output.stop(error.detail, code_of(error)) from None
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(Exit.STOPPED) from None
        except BrokenPipeError:
            raise typer.Exit(Exit.OK) from None


def code_of(error: RedressError) -> Exit:
    """Who has to act: whoever typed it, whoever runs the servers, or whoever owns the data."""
    if isinstance(error, Misconfigured):
        return Exit.WRONG
    return Exit.AWAY if isinstance(error, Unavailable) else Exit.TO_DO


app = typer.Typer(
    cls=Sentences,
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

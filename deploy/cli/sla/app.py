"""Command group `redress sla`; its commands are in `commands` and `rulebooks`."""

import typer

app = typer.Typer(
    no_args_is_help=True, help="Due dates: explain, list what is at risk, audit. Rulebooks: draft, rehearse, publish."
)

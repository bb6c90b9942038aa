"""The group `redress sla`; its commands stand in the modules beside this one."""

import typer

app = typer.Typer(
    no_args_is_help=True, help="Dates: why, what is at risk, is all right; rulebooks: draft, rehearse, publish."
)

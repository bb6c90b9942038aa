"""The group `redress sla`; its commands stand in the modules beside this one."""

import typer

app = typer.Typer(no_args_is_help=True, help="Clocks and promises: why a date, what is at risk, whether all is right.")

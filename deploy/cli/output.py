"""Output of the commands: tables and sentences on a terminal, plain lines elsewhere, JSON with `--json`."""

import json
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class ExitCode(IntEnum):
    """Exit codes of all commands; `redress --help` lists them."""

    OK = 0
    PROBLEM = 1  # the command ran and found a problem: rejected rows, an unhealthy service, an unmet expectation
    USAGE = 2  # the command line or a setting is wrong; nothing was done
    UNAVAILABLE = 3  # a service, Kafka or PostgreSQL does not answer
    INTERRUPTED = 130  # Ctrl-C


def error_exit(sentence: str, code: ExitCode) -> typer.Exit:
    """Print the sentence to standard error and return the exception that ends the command; the caller raises it."""
    err.print(sentence, style="red", markup=False)
    return typer.Exit(code)


def print_line(sentence: str, *, style: str = "") -> None:
    """Print a line of plain text; brackets in it are not markup."""
    out.print(sentence, style=style, markup=False)


def print_json(value: Any) -> None:
    """Print one JSON document to standard output, without colours or line wrapping."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table: on a terminal in its width, elsewhere as wide as the content needs."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    out.print(grid)


def progress_bar(*, total_known: bool) -> Progress:
    """Progress bar on standard error, so that standard output stays clean; silent if that is not a terminal."""
    share = [BarColumn(bar_width=30), TaskProgressColumn()] if total_known else []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *share, TimeElapsedColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal)

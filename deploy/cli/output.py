"""What a person sees: tables and sentences on a terminal, plain lines elsewhere, JSON where a machine reads."""

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


class Exit(IntEnum):
    """Exit codes of every command; `redress --help` lists them."""

    OK = 0
    TO_DO = 1  # it ran, and something is not as it should be: rejected rows, a sick service, an unmet expectation
    WRONG = 2  # the command line or a setting is wrong; nothing was done
    AWAY = 3  # something we need is not there: a service, Kafka, PostgreSQL
    STOPPED = 130  # Ctrl-C


def stop(sentence: str, code: Exit) -> typer.Exit:
    """Print the sentence where errors go; to be raised."""
    err.print(sentence, style="red", markup=False)
    return typer.Exit(code)


def say(sentence: str, *, style: str = "") -> None:
    """A line of plain text; brackets in it are not markup."""
    out.print(sentence, style=style, markup=False)


def as_json(value: Any) -> None:
    """One JSON document on standard output, never coloured or wrapped."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; on a terminal as wide as it is, elsewhere as wide as it needs."""
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    out.print(drawn)


def bar(*, total_known: bool) -> Progress:
    """A progress bar on standard error, so that standard output stays clean; silent where nobody looks."""
    share = [BarColumn(bar_width=30), TaskProgressColumn()] if total_known else []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *share, TimeElapsedColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal)

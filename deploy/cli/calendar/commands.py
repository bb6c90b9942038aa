"""Commands of `redress calendar`. Modules that a command needs are imported when it runs, so that others start fast."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import output

app = typer.Typer(no_args_is_help=True, help="Opening hours: compute with them, check them, list their holidays.")
YEARS_HELP = "Years to list, such as 2026 or 2026-2028. Default: this year and the two after it."


class Form(StrEnum):
    """Output format of holidays."""

    TOML = "toml"
    JSON = "json"


FormOption = Annotated[Form, typer.Option("--format", help="TOML or JSON, as in a calendar.")]


@app.command()
def compute(
    file: Annotated[Path | None, typer.Argument(help="JSON lines. Default, or with -: standard input.")] = None,
) -> None:
    """Compute due times and elapsed opening time: one JSON line out for each JSON line in, in the same order.

    In: {"tz": "Europe/Oslo", "weekly_hours": {"mon": [["09:00", "17:00"]]}, "holidays": ["*-12-25"],
    "start": "2026-03-02T16:00:00+01:00", "add_seconds": 7200}, or "end" instead of "add_seconds", and optionally
    "pauses": [["2026-03-02T16:30:00+01:00", "2026-03-09T09:30:00+01:00"]].

    Out: {"due": …}, {"elapsed_seconds": …}, or for a line with an error {"error": …}.
    """
    from deploy.cli.calendar.stream import compute_file  # noqa: PLC0415

    compute_file(file)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="TOML or JSON with [[calendar]] sections, or one calendar.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Number of days to describe.")] = 14,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day. Default: today.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the calendars of a file and describe when they are open. Exit code 1 if a calendar is invalid."""
    from deploy.cli.calendar.check import describe_calendar, load_calendars  # noqa: PLC0415
    from deploy.cli.calendar.describe import format_lines  # noqa: PLC0415

    first = since.date() if since else _today()
    calendars = [describe_calendar(calendar, first, days) for calendar in load_calendars(file)]
    if json:
        output.print_json(calendars)
        return
    for calendar in calendars:
        for line in format_lines(calendar):
            output.print_line(line)


@app.command()
def holidays(  # one option for each parameter of the library
    country: Annotated[str, typer.Argument(help="ISO 3166-1 code, such as GB.")],
    subdivision: Annotated[str | None, typer.Option(help="State or province, such as ENG.")] = None,
    years: Annotated[str | None, typer.Option(help=YEARS_HELP)] = None,
    category: Annotated[list[str] | None, typer.Option(help="Category, repeatable. Default: public.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the names. Default: that of the country.")] = None,
    form: FormOption = Form.TOML,
) -> None:
    """Print public holidays of the installed holiday library, to paste into a calendar."""
    from deploy.cli.calendar.public_holidays import HolidayQuery, copy_holidays  # noqa: PLC0415
    from deploy.cli.calendar.snippet import format_holidays  # noqa: PLC0415

    query = HolidayQuery(country, tuple(_years(years)), subdivision, tuple(category or ("public",)), language)
    print(format_holidays(copy_holidays(query), as_json=form is Form.JSON))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="An iCalendar file (.ics).")],
    years: Annotated[str | None, typer.Option(help=YEARS_HELP)] = None,
    form: FormOption = Form.TOML,
) -> None:
    """Print the all-day events of an iCalendar file as holidays, to paste into a calendar.

    Events that are left out are listed on standard error, each with the reason.
    """
    from deploy.cli.calendar.ical_import import holidays_from_ical  # noqa: PLC0415
    from deploy.cli.calendar.snippet import format_holidays, read_bytes  # noqa: PLC0415

    requested = _years(years)
    first, last = date(requested[0], 1, 1), date(requested[-1], 12, 31)
    imported = holidays_from_ical(read_bytes(file), first=first, last=last, source=file.name)
    for reason in imported.ignored:
        output.err.print(f"left out: {reason}", markup=False)
    print(format_holidays(imported.holidays, as_json=form is Form.JSON))


def _years(text: str | None) -> range:
    from deploy.cli.calendar.snippet import parse_years  # noqa: PLC0415

    return parse_years(text) if text else range(_today().year, _today().year + 3)


def _today() -> date:
    return datetime.now(UTC).date()

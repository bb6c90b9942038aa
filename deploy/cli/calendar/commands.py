"""`redress calendar …`: the commands; what they need is imported when they run, so that the others start quickly."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import output

app = typer.Typer(no_args_is_help=True, help="Opening hours: compute with them, check them, make their holidays.")
THE_YEARS = "Years to write down, such as 2026 or 2026-2028. Default: this year and the two after it."


class Form(StrEnum):
    """How holidays are written."""

    TOML = "toml"
    JSON = "json"


FormOption = Annotated[Form, typer.Option("--format", help="As a calendar's TOML or JSON has them.")]


@app.command()
def compute(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; standard input without it, or with -.")] = None,
) -> None:
    """Due times and elapsed opening time: a JSON line in, a JSON line out, in the same order.

    In: {"tz": "Europe/Oslo", "weekly_hours": {"mon": [["09:00", "17:00"]]}, "holidays": ["*-12-25"],
    "start": "2026-03-02T16:00:00+01:00", "add_seconds": 7200}, or "end" instead of "add_seconds", and perhaps
    "pauses": [["2026-03-02T16:30:00+01:00", "2026-03-09T09:30:00+01:00"]].

    Out: {"due": …}, {"elapsed_seconds": …}, or for that line alone {"error": …}.
    """
    from deploy.cli.calendar.stream import compute_file  # noqa: PLC0415

    compute_file(file)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="TOML or JSON with [[calendar]] sections, or one calendar.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days to tell.")] = 14,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Default: today.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check a file of calendars and tell in plain words when they are open. Exit code 1 where one makes no sense."""
    from deploy.cli.calendar.check import calendars_in, told  # noqa: PLC0415
    from deploy.cli.calendar.describe import lines_of  # noqa: PLC0415

    first = since.date() if since else _today()
    calendars = [told(calendar, first, days) for calendar in calendars_in(file)]
    if json:
        output.print_json(calendars)
        return
    for calendar in calendars:
        for line in lines_of(calendar):
            output.print_line(line)


@app.command()
def holidays(  # one option for each thing the library wants to know
    country: Annotated[str, typer.Argument(help="ISO 3166-1 code, such as GB.")],
    subdivision: Annotated[str | None, typer.Option(help="Its state or province, such as ENG.")] = None,
    years: Annotated[str | None, typer.Option(help=THE_YEARS)] = None,
    category: Annotated[list[str] | None, typer.Option(help="Kinds, repeatable. Default: public.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the names. Default: the country's own.")] = None,
    form: FormOption = Form.TOML,
) -> None:
    """Public holidays as they are known today, to paste into a calendar. They stay as they are from then on."""
    from deploy.cli.calendar.public_holidays import HolidayQuery, snapshot  # noqa: PLC0415
    from deploy.cli.calendar.snippet import pasted  # noqa: PLC0415

    asked = HolidayQuery(country, tuple(_years(years)), subdivision, tuple(category or ("public",)), language)
    print(pasted(snapshot(asked), as_json=form is Form.JSON))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="An iCalendar file (.ics).")],
    years: Annotated[str | None, typer.Option(help=THE_YEARS)] = None,
    form: FormOption = Form.TOML,
) -> None:
    """All-day events of an iCalendar file as holidays, to paste into a calendar; what was left out goes to stderr."""
    from deploy.cli.calendar.ical_import import holidays_from_ical  # noqa: PLC0415
    from deploy.cli.calendar.snippet import bytes_of, pasted  # noqa: PLC0415

    wanted = _years(years)
    first, last = date(wanted[0], 1, 1), date(wanted[-1], 12, 31)
    found = holidays_from_ical(bytes_of(file), first=first, last=last, source=file.name)
    for reason in found.ignored:
        output.err.print(f"left out: {reason}", markup=False)
    print(pasted(found.holidays, as_json=form is Form.JSON))


def _years(text: str | None) -> range:
    from deploy.cli.calendar.snippet import years_of  # noqa: PLC0415

    return years_of(text) if text else range(_today().year, _today().year + 3)


def _today() -> date:
    return datetime.now(UTC).date()

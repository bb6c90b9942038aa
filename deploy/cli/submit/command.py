"""`redress submit`: a file of complaints goes in, and the numbers at the end agree."""

import asyncio
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
from rich.progress import Progress, TaskID

from deploy.cli import output
from deploy.cli.endpoints import doors, token
from deploy.cli.output import Exit
from deploy.cli.submit.encode import Order, to_lines
from deploy.cli.submit.keys import secret_for
from deploy.cli.submit.mapping import read_plan
from deploy.cli.submit.rejects import Rejects, rejects_path
from deploy.cli.submit.results import RowResult, SubmitCounts, SubmitLine
from deploy.cli.submit.rows import RowSource, form_of, open_source
from deploy.cli.submit.sender import Pace, SubmitSender
from deploy.cli.submit.wait import Settled, wait_settled
from deploy.local.data_dir import home_folder
from shared.errors import RedressError

AGAIN = "Run the same command again: rows that were taken are recognised by their keys and not filed twice."
REASONS_SHOWN = 5


@dataclass(slots=True)
class SubmitRun:
    """One submission under way."""

    order: Order
    pace: Pace
    source: RowSource
    rejects: Rejects
    wait: float | None
    tally: SubmitCounts
    settled: Settled | None = None
    begun: float = field(default_factory=time.monotonic)
    sent: float | None = None  # seconds until the last row was answered


def submit(  # noqa: PLR0913 (each is an option of the command line)
    file: Annotated[Path, typer.Argument(help="JSONL or CSV, .gz too; - is standard input.")],
    *,
    mapped: Annotated[list[str] | None, typer.Option("--map", help="FIELD=COLUMN, e.g. narrative=text.")] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="FIELD=TEXT where its column is empty or absent; {column} and {line} are filled in."
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Column that identifies a row. Default: its whole content.")] = None,
    form: Annotated[
        Literal["jsonl", "csv"] | None, typer.Option("--format", help="Default: by its name, else by its content.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of times without offset.")] = "UTC",
    from_line: Annotated[int, typer.Option(min=1, help="Skip what stands before.")] = 1,
    rejects: Annotated[
        Path | None, typer.Option(help="Where refused rows are listed. Default: NAME.rejects.jsonl")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at a time.")] = 4,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for an intake that is away.")] = 300.0,
    keep_going: Annotated[bool, typer.Option(help="Go on although every row so far was refused.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until all are triaged and acknowledged.")] = False,
    wait_seconds: Annotated[float, typer.Option(min=0, help="How long --wait waits.")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="The summary for machines.")] = False,
) -> None:
    """File every row of FILE as a complaint. Exit 1 when some were refused or, with --wait, the counts differ.

    Columns become fields with --map, constants with --set. Fields: channel, subject, narrative, product,
    expected_outcome, received_at, customer.name|email|phone|locale|timezone,
    on_behalf_of.name|email|phone|authority, attributes.NAME.
    """
    order = Order(read_plan(mapped or [], fixed or [], timezone), secret_for(home_folder()), key, from_line)
    pace = Pace(at_once=at_once, patience=patience, keep_going=keep_going)
    with open_source(file, lambda: sys.stdin.buffer) as source, Rejects(rejects or rejects_path(file)) as listed:
        run = SubmitRun(order, pace, source, listed, wait_seconds if wait else None, SubmitCounts())
        try:
            asyncio.run(_run(run, form or form_of(file.name)))
        except (RedressError, KeyboardInterrupt, asyncio.CancelledError) as error:
            _summary(run, json=json)
            output.err.print(AGAIN)
            raise error if isinstance(error, RedressError) else typer.Exit(Exit.STOPPED) from None
    _summary(run, json=json)
    if run.tally.good < run.tally.answered or (run.settled and not run.settled.agrees):
        raise typer.Exit(Exit.TO_DO)


async def _run(run: SubmitRun, form: Literal["jsonl", "csv"] | None) -> None:
    with output.bar(total_known=run.source.size is not None) as progress:
        task = progress.add_task("starting", total=run.source.size)
        async with doors().client("intake", token=token(), seconds=60) as client:
            sender = SubmitSender(client, run.tally, run.pace, report=run.rejects.add)
            with closing(_lines(run, form)) as lines:
                await sender.send_all(_watched(lines, run, progress, task))
            run.sent = time.monotonic() - run.begun
            progress.update(task, description=_rate(run))
            await _wait(run, client, progress)


def _lines(run: SubmitRun, form: Literal["jsonl", "csv"] | None) -> Generator[SubmitLine, None, None]:
    def bad(answer: RowResult) -> None:
        run.tally.add(answer)
        run.rejects.add(answer)

    def cleaned() -> None:
        run.tally.cleaned += 1

    yield from to_lines(run.source.rows(form), run.order, bad=bad, cleaned=cleaned)


def _watched(lines: Iterator[SubmitLine], run: SubmitRun, progress: Progress, task: TaskID) -> Iterator[SubmitLine]:
    for line in lines:
        yield line
        progress.update(task, completed=run.source.position, description=_rate(run))


def _rate(run: SubmitRun) -> str:
    seconds = run.sent or time.monotonic() - run.begun
    return f"{run.tally.answered:,} rows, {run.tally.answered / max(seconds, 0.001):,.0f}/s"


async def _wait(run: SubmitRun, client: httpx.AsyncClient, progress: Progress) -> None:
    if run.wait is None:
        return
    task = progress.add_task("waiting", total=len(set(run.tally.ids)))

    def told(found: Settled) -> None:
        words = f"{found.triaged:,} triaged, {found.acknowledged:,} acknowledged"
        progress.update(task, completed=found.acknowledged, description=words)

    run.settled = await wait_settled(client, run.tally.ids, seconds=run.wait, told=told)


def _summary(run: SubmitRun, *, json: bool) -> None:
    tally, settled = run.tally, run.settled
    refused = tally.fates["rejected"] + tally.fates["unreadable"]
    counts: dict[str, object] = {
        "rows": tally.answered,
        "accepted": tally.fates["accepted"],
        "replayed": tally.fates["replayed"],
        "rejected": refused,
        "cleaned": tally.cleaned,
        "seconds": round(run.sent or time.monotonic() - run.begun, 1),
    }
    if settled:
        counts["seconds_until_settled"] = round(time.monotonic() - run.begun, 1)
        counts |= {"complaints": settled.asked, "triaged": settled.triaged, "acknowledged": settled.acknowledged}
    if refused:
        counts["rejects_file"] = str(run.rejects.path)
    if json:
        output.as_json(counts)
        return
    output.table("Submitted", ("what", "how many"), ((name, _number(value)) for name, value in counts.items()))
    for reason, times in tally.reasons.most_common(REASONS_SHOWN):
        output.say(f"  {times:,} × {reason}")
    if settled:
        agreed = (
            "The counts agree." if settled.agrees else "The counts do not agree yet; `redress status` shows what waits."
        )
        output.say(agreed)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

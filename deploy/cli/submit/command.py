"""`redress submit`: file every row of a file as a complaint, and print the counts."""

import asyncio
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
from rich.progress import Progress, TaskID

from deploy.cli import output
from deploy.cli.endpoints import find_endpoints, obtain_token
from deploy.cli.output import ExitCode
from deploy.cli.submit.encode import SubmitOptions, encode_rows
from deploy.cli.submit.keys import load_secret
from deploy.cli.submit.mapping import parse_plan
from deploy.cli.submit.rejects import RejectsFile, rejects_path
from deploy.cli.submit.results import RowResult, SubmitCounts, SubmitLine
from deploy.cli.submit.rows import RowSource, guess_format, open_source
from deploy.cli.submit.sender import SendOptions, SubmitSender
from deploy.cli.submit.wait import ProcessedCounts, wait_until_processed
from deploy.local.data_dir import home_folder
from shared.errors import RedressError

REPEAT_HINT = "Run the same command again: rows filed already are recognised by their keys and not filed twice."
REASONS_SHOWN = 5


@dataclass(slots=True)
class SubmitRun:
    """State of one submission."""

    options: SubmitOptions
    send_options: SendOptions
    source: RowSource
    rejects: RejectsFile
    wait: float | None
    counts: SubmitCounts
    processed: ProcessedCounts | None = None
    started_at: float = field(default_factory=time.monotonic)
    sent: float | None = None  # seconds until the last row had a response


def submit(  # noqa: PLR0913 (each is an option of the command line)
    file: Annotated[Path, typer.Argument(help="JSONL or CSV, may be compressed (.gz); - is standard input.")],
    *,
    mapped: Annotated[list[str] | None, typer.Option("--map", help="FIELD=COLUMN, e.g. narrative=text.")] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="FIELD=TEXT for rows whose column is empty or absent; {column} and {line} are replaced."
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Column that identifies a row. Default: its whole content.")] = None,
    form: Annotated[
        Literal["jsonl", "csv"] | None,
        typer.Option("--format", help="Default: guessed from the name, else from the content."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of times without offset.")] = "UTC",
    from_line: Annotated[int, typer.Option(min=1, help="Skip the lines before.")] = 1,
    rejects: Annotated[
        Path | None, typer.Option(help="File for the list of rejected rows. Default: NAME.rejects.jsonl")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Number of parallel requests.")] = 4,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for intake while it does not answer.")
    ] = 300.0,
    keep_going: Annotated[bool, typer.Option(help="Continue although every row so far was rejected.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until all complaints are triaged and acknowledged.")] = False,
    wait_seconds: Annotated[float, typer.Option(min=0, help="Maximum time of --wait.")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """File every row of FILE as a complaint. Exit 1 if some were rejected or, with --wait, the counts differ.

    Columns become fields with --map, constants with --set. Fields: channel, subject, narrative, product,
    expected_outcome, received_at, customer.name|email|phone|locale|timezone,
    on_behalf_of.name|email|phone|authority, attributes.NAME.
    """
    options = SubmitOptions(parse_plan(mapped or [], fixed or [], timezone), load_secret(home_folder()), key, from_line)
    send_options = SendOptions(at_once=at_once, patience=patience, keep_going=keep_going)
    with (
        open_source(file, lambda: sys.stdin.buffer) as source,
        RejectsFile(rejects or rejects_path(file)) as rejects_file,
    ):
        run = SubmitRun(options, send_options, source, rejects_file, wait_seconds if wait else None, SubmitCounts())
        try:
            asyncio.run(_submit(run, form or guess_format(file.name)))
        except (RedressError, KeyboardInterrupt, asyncio.CancelledError) as error:
            _print_summary(run, json=json)
            output.err.print(REPEAT_HINT)
            raise error if isinstance(error, RedressError) else typer.Exit(ExitCode.INTERRUPTED) from None
    _print_summary(run, json=json)
    if run.counts.good < run.counts.answered or (run.processed and not run.processed.is_complete):
        raise typer.Exit(ExitCode.PROBLEM)


async def _submit(run: SubmitRun, form: Literal["jsonl", "csv"] | None) -> None:
    with output.progress_bar(total_known=run.source.size is not None) as progress:
        task = progress.add_task("starting", total=run.source.size)
        async with find_endpoints().client("intake", token=obtain_token(), seconds=60) as client:
            sender = SubmitSender(client, run.counts, run.send_options, report=run.rejects.add)
            with closing(_read_lines(run, form)) as lines:
                await sender.send_all(_with_progress(lines, run, progress, task))
            run.sent = time.monotonic() - run.started_at
            progress.update(task, description=_rate_text(run))
            await _wait_for_processing(run, client, progress)


def _read_lines(run: SubmitRun, form: Literal["jsonl", "csv"] | None) -> Generator[SubmitLine, None, None]:
    def reject(result: RowResult) -> None:
        run.counts.add(result)
        run.rejects.add(result)

    def count_cleaned() -> None:
        run.counts.cleaned += 1

    yield from encode_rows(run.source.rows(form), run.options, reject=reject, count_cleaned=count_cleaned)


def _with_progress(
    lines: Iterator[SubmitLine], run: SubmitRun, progress: Progress, task: TaskID
) -> Iterator[SubmitLine]:
    for line in lines:
        yield line
        progress.update(task, completed=run.source.position, description=_rate_text(run))


def _rate_text(run: SubmitRun) -> str:
    seconds = run.sent or time.monotonic() - run.started_at
    return f"{run.counts.answered:,} rows, {run.counts.answered / max(seconds, 0.001):,.0f}/s"


async def _wait_for_processing(run: SubmitRun, client: httpx.AsyncClient, progress: Progress) -> None:
    if run.wait is None:
        return
    task = progress.add_task("waiting", total=len(set(run.counts.ids)))

    def show(counts: ProcessedCounts) -> None:
        description = f"{counts.triaged:,} triaged, {counts.acknowledged:,} acknowledged"
        progress.update(task, completed=counts.acknowledged, description=description)

    run.processed = await wait_until_processed(client, run.counts.ids, seconds=run.wait, report=show)


def _print_summary(run: SubmitRun, *, json: bool) -> None:
    counts, processed = run.counts, run.processed
    rejected = counts.outcomes["rejected"] + counts.outcomes["unreadable"]
    summary: dict[str, object] = {
        "rows": counts.answered,
        "accepted": counts.outcomes["accepted"],
        "replayed": counts.outcomes["replayed"],
        "rejected": rejected,
        "cleaned": counts.cleaned,
        "seconds": round(run.sent or time.monotonic() - run.started_at, 1),
    }
    if processed:
        summary["seconds_until_settled"] = round(time.monotonic() - run.started_at, 1)
        summary["complaints"] = processed.submitted
        summary |= {"triaged": processed.triaged, "acknowledged": processed.acknowledged}
    if rejected:
        summary["rejects_file"] = str(run.rejects.path)
    if json:
        output.print_json(summary)
    else:
        _print_table(summary, counts, processed)


def _print_table(summary: Mapping[str, object], counts: SubmitCounts, processed: ProcessedCounts | None) -> None:
    rows = ((name, _number_text(value)) for name, value in summary.items())
    output.print_table("Submitted", ("what", "how many"), rows)
    for reason, times in counts.reasons.most_common(REASONS_SHOWN):
        output.print_line(f"  {times:,} × {reason}")
    if processed and processed.is_complete:
        output.print_line("The counts agree.")
    elif processed:
        output.print_line("The counts do not agree yet; `redress status` shows the backlog.")


def _number_text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

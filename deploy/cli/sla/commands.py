"""Commands `redress sla explain`, `at-risk` and `check`. Modules are imported when a command runs."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from deploy.cli import output
from deploy.cli.endpoints import find_dsns
from deploy.cli.output import ExitCode
from deploy.cli.sla.app import app
from deploy.cli.sla.client import run_request
from deploy.cli.topics import require_kafka
from shared.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from services.sla.audit.run import AuditReport

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LISTED_MAX = 50  # complaints with differences that are listed; --json prints all


@app.command()
def explain(
    complaint: Annotated[UUID, typer.Argument(help="The complaint's id.")],
    as_of: Annotated[str | None, typer.Option(help="State known at that time, such as 2026-03-03T09:00Z.")] = None,
    reader: Annotated[
        Literal["handler", "customer"], typer.Option("--for", help="Reader of the explanation.")
    ] = "handler",
    as_json: JsonOption = False,
) -> None:
    """Explain each date of a complaint: goal, versions, and each pause and holiday that moved it."""
    from deploy.cli.sla.explain import explanations, parse_as_of  # noqa: PLC0415

    at = parse_as_of(as_of)
    query = {"for": reader} | ({"at": at.isoformat()} if at else {})
    answer = run_request(lambda sla: sla.get(f"/v1/complaints/{complaint}/clocks", query))
    if as_json:
        output.print_json(answer)
        return
    output.print_line(f"As of {answer['as_of'][:19].replace('T', ' ')} UTC")
    for heading, why in explanations(answer):
        output.print_line(heading, style="bold")
        output.print_line(f"  {why}")


@app.command("at-risk")
def at_risk(
    within: Annotated[str, typer.Option(help="Period ahead, such as PT4H, or a number of hours.")] = "PT4H",
    team: Annotated[str | None, typer.Option(help="Only complaints of this team.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what is late or due soon, late first, with the reason. Exit code 1 if something is late."""
    within = f"PT{within}H" if within.isdigit() else within
    query = {"within": within} | ({"team": team} if team else {})
    answer = run_request(lambda sla: sla.get("/v1/at-risk", query))
    items: list[dict[str, Any]] = answer["items"]
    if as_json:
        output.print_json(answer)
    elif items:
        for item in items:
            output.print_line(_headline(item), style="bold")
            output.print_line(f"  {item['because']}")
    else:
        output.print_line(f"Nothing is late or due within {within}.")
    if any(item["is_late"] for item in items):
        raise typer.Exit(ExitCode.PROBLEM)


@app.command()
def check(
    kafka: Annotated[str | None, typer.Option(help="HOST:PORT. Default: REDRESS_KAFKA, else the embedded one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild every complaint from its events and compare it with the stored state. Exit code 1 if they differ."""
    dsn = find_dsns().get("sla")
    if dsn is None:
        raise Misconfigured("The database of sla is not configured; set SLA_POSTGRES, or start one: `redress up`.")
    report = asyncio.run(_audit(require_kafka(kafka), dsn))
    differing = {
        str(complaint): [{"what": item.what, "stored": item.stored, "refolded": item.rebuilt} for item in differences]
        for complaint, differences in report.differing.items()
    }
    if as_json:
        figures = {"complaints": report.complaints, "events": report.events, "unread": report.unread}
        cut = {"cut": sorted(report.cut), "short": sorted(map(str, report.short))}
        output.print_json(figures | cut | {"differing": differing, "well": report.is_well})
    else:
        for sentence in _sentences(report, differing):
            output.print_line(sentence)
    if not report.is_well:
        raise typer.Exit(ExitCode.PROBLEM)


async def _audit(bootstrap_servers: str, dsn: str) -> "AuditReport":
    """Run the audit with a progress bar. Raises `Unavailable` if Kafka or PostgreSQL does not answer."""
    import asyncpg  # noqa: PLC0415

    from services.sla.audit.run import audit  # noqa: PLC0415
    from shared.messaging.reader import open_reader  # noqa: PLC0415
    from shared.settings import ServiceSettings, load_settings  # noqa: PLC0415
    from shared.storage import postgres  # noqa: PLC0415

    settings = load_settings(ServiceSettings, kafka=bootstrap_servers, postgres=dsn)
    try:
        async with open_reader(settings) as reader, await postgres.connect(settings, "check") as pool:
            with output.progress_bar(total_known=True) as progress:
                task = progress.add_task("checking", total=None)
                return await audit(reader, pool, lambda done, total: progress.update(task, completed=done, total=total))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Unavailable(f"The audit was interrupted ({type(error).__name__}).") from None


def _sentences(report: "AuditReport", differing: Mapping[str, list[dict[str, object]]]) -> Iterator[str]:
    for complaint, differences in list(differing.items())[:LISTED_MAX]:
        for item in differences:
            yield f"{complaint}: {item['what']} is stored as {item['stored']}, but the events give {item['refolded']}"
    if len(differing) > LISTED_MAX:
        yield f"… and {len(differing) - LISTED_MAX:,} more; --json prints all."
    yield (
        f"{report.complaints:,} complaints from {report.events:,} events: {len(differing):,} differ, "
        f"{report.unread:,} are stored and not in the topics."
    )
    if report.cut:
        yield (
            f"The first events of {', '.join(sorted(report.cut))} are deleted: of {len(report.short):,} complaints "
            "only what is left could be compared, and those that are in no topic not at all."
        )


def _headline(item: Mapping[str, Any]) -> str:
    due = item["due_at"][:16].replace("T", " ")
    what = ", ".join(part for part in (item["what"], item["item"], item["pack"]) if part)
    late = "late since" if item["is_late"] else "due"
    return f"{what}, {late} {due} UTC, {item['team'] or 'no team yet'}, {item['complaint_id']}"

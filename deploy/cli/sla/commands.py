"""`redress sla explain`, `at-risk` and `check`; what they need is imported when they run, so that others are quick."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from deploy.cli import output
from deploy.cli.endpoints import find_dsns
from deploy.cli.output import ExitCode
from deploy.cli.sla.app import app
from deploy.cli.sla.client import open_doorway
from deploy.cli.topics import require_kafka
from shared.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from services.sla.audit.run import AuditReport

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
SHOWN = 50  # complaints with differences that are listed; --json has all


@app.command()
def explain(
    complaint: Annotated[UUID, typer.Argument(help="The complaint's id.")],
    as_of: Annotated[str | None, typer.Option(help="What was believed then, such as 2026-03-03T09:00Z.")] = None,
    reader: Annotated[Literal["handler", "customer"], typer.Option("--for", help="In whose words.")] = "handler",
    as_json: JsonOption = False,
) -> None:
    """Why every date of a complaint is what it is: goal, versions, and every pause and holiday that counted."""
    from deploy.cli.sla.explain import instant, sentences  # noqa: PLC0415

    at = instant(as_of)
    answer = _get(f"/v1/complaints/{complaint}/clocks", {"for": reader} | ({"at": at.isoformat()} if at else {}))
    if as_json:
        output.print_json(answer)
        return
    output.print_line(f"As of {answer['as_of'][:19].replace('T', ' ')} UTC")
    for heading, why in sentences(answer):
        output.print_line(heading, style="bold")
        output.print_line(f"  {why}")


@app.command("at-risk")
def at_risk(
    within: Annotated[str, typer.Option(help="How far ahead, such as PT4H, or a number of hours.")] = "PT4H",
    team: Annotated[str | None, typer.Option(help="Only what this team has.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What is late or due soon, what is late first, and why. Exit 1 when something is late."""
    within = f"PT{within}H" if within.isdigit() else within
    answer = _get("/v1/at-risk", {"within": within} | ({"team": team} if team else {}))
    items: list[dict[str, Any]] = answer["items"]
    if as_json:
        output.print_json(answer)
    elif items:
        for one in items:
            output.print_line(_headline(one), style="bold")
            output.print_line(f"  {one['because']}")
    else:
        output.print_line(f"Nothing is late or due within {within}.")
    if any(one["is_late"] for one in items):
        raise typer.Exit(ExitCode.PROBLEM)


@app.command()
def check(
    kafka: Annotated[str | None, typer.Option(help="HOST:PORT. Default: REDRESS_KAFKA, else the embedded one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild every complaint from its events and compare it with what is stored. Exit 1 if anything differs."""
    dsn = find_dsns().get("sla")
    if dsn is None:
        raise Misconfigured("Where is the database of sla? Set SLA_POSTGRES, or start one: `redress up`.")
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
    for complaint, differences in list(differing.items())[:SHOWN]:
        for item in differences:
            yield f"{complaint}: {item['what']} is stored as {item['stored']}, but the events give {item['refolded']}"
    if len(differing) > SHOWN:
        yield f"… and {len(differing) - SHOWN:,} more; --json has all."
    yield (
        f"{report.complaints:,} complaints from {report.events:,} events: {len(differing):,} differ, "
        f"{report.unread:,} are stored and not in the topics."
    )
    if report.cut:
        yield (
            f"The first events of {', '.join(sorted(report.cut))} are deleted: of {len(report.short):,} complaints "
            "only what is left could be compared, and those that are in no topic not at all."
        )


def _headline(one: Mapping[str, Any]) -> str:
    due = one["due_at"][:16].replace("T", " ")
    what = ", ".join(part for part in (one["what"], one["item"], one["pack"]) if part)
    late = "late since" if one["is_late"] else "due"
    return f"{what}, {late} {due} UTC, {one['team'] or 'nobody yet'}, {one['complaint_id']}"


def _get(path: str, query: dict[str, str]) -> Any:
    async def asked() -> Any:
        async with open_doorway() as sla:
            return await sla.get(path, query)

    return asyncio.run(asked())

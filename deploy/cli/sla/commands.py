"""Commands `redress sla explain`, `at-risk` and `check`. Modules are imported when a command runs."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from deploy.cli import output
from deploy.cli.endpoints import find_dsns
from deploy.cli.output import ExitCode
from deploy.cli.sla.app import app
from deploy.cli.sla.client import open_doorway
from deploy.cli.topics import require_kafka
from shared.errors import Misconfigured

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
    answer = _get(f"/v1/complaints/{complaint}/clocks", {"for": reader} | ({"at": at.isoformat()} if at else {}))
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
    answer = _get("/v1/at-risk", {"within": within} | ({"team": team} if team else {}))
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
    from services.sla.audit.run import check as run_audit  # noqa: PLC0415

    dsn = find_dsns().get("sla")
    if dsn is None:
        raise Misconfigured("The database of sla is not configured; set SLA_POSTGRES, or start one: `redress up`.")
    report = asyncio.run(run_audit(require_kafka(kafka), dsn))
    differing = {
        str(complaint): [difference._asdict() for difference in differences]
        for complaint, differences in report.differing.items()
    }
    if as_json:
        figures = {"complaints": report.complaints, "events": report.events, "unread": report.unread}
        cut = {"cut": sorted(report.cut), "short": sorted(map(str, report.short))}
        output.print_json(figures | cut | {"differing": differing, "well": report.is_well})
    else:
        for sentence in _differences(differing):
            output.print_line(sentence)
        output.print_line(
            f"{report.complaints:,} complaints from {report.events:,} events: {len(differing):,} differ, "
            f"{report.unread:,} are stored but not in the topics."
        )
        if report.cut:
            output.print_line(
                f"The first events of {', '.join(sorted(report.cut))} are deleted: {len(report.short):,} complaints "
                "were compared in part, and complaints that are in no topic were not compared."
            )
    if not report.is_well:
        raise typer.Exit(ExitCode.PROBLEM)


def _differences(differing: Mapping[str, list[dict[str, object]]]) -> list[str]:
    shown = list(differing.items())[:LISTED_MAX]
    lines = [
        f"{complaint}: {difference['what']} is stored as {difference['stored']}, "
        f"but the events result in {difference['refolded']}"
        for complaint, differences in shown
        for difference in differences
    ]
    if len(differing) > LISTED_MAX:
        lines.append(f"… and {len(differing) - LISTED_MAX:,} more; --json prints all.")
    return lines


def _headline(item: Mapping[str, Any]) -> str:
    due = item["due_at"][:16].replace("T", " ")
    what = ", ".join(part for part in (item["what"], item["item"], item["pack"]) if part)
    late = "late since" if item["is_late"] else "due"
    return f"{what}, {late} {due} UTC, {item['team'] or 'no team yet'}, {item['complaint_id']}"


def _get(path: str, query: dict[str, str]) -> Any:
    async def request() -> Any:
        async with open_doorway() as sla:
            return await sla.get(path, query)

    return asyncio.run(request())

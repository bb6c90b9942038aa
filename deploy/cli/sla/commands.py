"""`redress sla explain`, `at-risk` and `check`; what they need is imported when they run, so that others are quick."""

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
    """Fold every event anew and compare with what is stored, for every clock and promise. Exit 1 where they differ."""
    from services.sla.audit.run import check as checked  # noqa: PLC0415

    dsn = find_dsns().get("sla")
    if dsn is None:
        raise Misconfigured("Where is the database of sla? Set SLA_POSTGRES, or start one: `redress up`.")
    report = asyncio.run(checked(require_kafka(kafka), dsn))
    differing = {str(one): [wrong._asdict() for wrong in found] for one, found in report.differing.items()}
    if as_json:
        figures = {"complaints": report.complaints, "events": report.events, "unread": report.unread}
        cut = {"cut": sorted(report.cut), "short": sorted(map(str, report.short))}
        output.print_json(figures | cut | {"differing": differing, "well": report.is_well})
    else:
        for sentence in _differences(differing):
            output.print_line(sentence)
        output.print_line(
            f"{report.complaints:,} complaints from {report.events:,} events: {len(differing):,} differ, "
            f"{report.unread:,} are stored and not in the topics."
        )
        if report.cut:
            output.print_line(
                f"The first events of {', '.join(sorted(report.cut))} are gone: of {len(report.short):,} complaints "
                "only what is left could be compared, and those that are in no topic not at all."
            )
    if not report.is_well:
        raise typer.Exit(ExitCode.PROBLEM)


def _differences(differing: Mapping[str, list[dict[str, object]]]) -> list[str]:
    shown = list(differing.items())[:SHOWN]
    lines = [
        f"{one}: {wrong['what']} is stored as {wrong['stored']}, but the events say {wrong['refolded']}"
        for one, found in shown
        for wrong in found
    ]
    return [*lines, f"… and {len(differing) - SHOWN:,} more; --json has all."] if len(differing) > SHOWN else lines


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

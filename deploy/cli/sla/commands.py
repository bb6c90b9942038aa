"""`redress sla explain`, `at-risk` and `check`; what they need is imported when they run, so that others are quick."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from deploy.cli import screen
from deploy.cli.doors import dsns_known, kafka_known
from deploy.cli.screen import Exit
from deploy.cli.sla.app import app
from deploy.cli.sla.doorway import open_doorway
from shared.errors import Unavailable

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def explain(
    complaint: Annotated[UUID, typer.Argument(help="The complaint's id.")],
    as_of: Annotated[str | None, typer.Option(help="What was believed then, such as 2026-03-03T09:00Z.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Why every clock and promise of a complaint is due when it is, now or as it was believed at an earlier moment."""
    from deploy.cli.sla.explain import instant, sentences  # noqa: PLC0415

    at = instant(as_of)
    query = {"at": at.isoformat()} if at else {}
    answer = _get(f"/v1/complaints/{complaint}/clocks", query)
    if as_json:
        screen.as_json(answer)
        return
    for heading, why in sentences(answer):
        screen.say(heading, style="bold")
        screen.say(f"  {why}")


@app.command("at-risk")
def at_risk(
    within: Annotated[str, typer.Option(help="How far ahead, such as PT4H.")] = "PT4H",
    team: Annotated[str | None, typer.Option(help="Only what this team has.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What is late or due soon, what is late first, and why. Exit 1 when something is late."""
    query = {"within": within} | ({"team": team} if team else {})
    answer = _get("/v1/at-risk", query)
    items: list[dict[str, Any]] = answer["items"]
    if as_json:
        screen.as_json(answer)
    else:
        rows = [
            (one["complaint_id"], one["team"] or "", one["what"], one["due_at"][:16], "late" if one["is_late"] else "")
            for one in items
        ]
        screen.table("Late, or due soon", ("complaint", "team", "what", "due (UTC)", ""), rows)
    if any(one["is_late"] for one in items):
        raise typer.Exit(Exit.TO_DO)


@app.command()
def check(as_json: JsonOption = False) -> None:
    """Fold every event anew and compare with what is stored, for every clock and promise. Exit 1 where they differ."""
    from deploy.cli.sla.check import check as checked  # noqa: PLC0415

    kafka, dsn = kafka_known(), dsns_known().get("sla")
    if kafka is None or dsn is None:
        raise Unavailable("The check needs Kafka and PostgreSQL; REDRESS_KAFKA and SLA_POSTGRES say where they are.")
    report = asyncio.run(checked(kafka, dsn))
    differing = {str(one): [wrong._asdict() for wrong in found] for one, found in report.differing.items()}
    if as_json:
        figures = {"complaints": report.complaints, "events": report.events, "unread": report.unread}
        screen.as_json(figures | {"differing": differing, "well": report.is_well})
    else:
        for one, found in differing.items():
            for wrong in found:
                screen.say(f"{one}: {wrong['what']} is stored as {wrong['stored']}, refolded {wrong['refolded']}")
        screen.say(
            f"{report.complaints:,} complaints from {report.events:,} events: {len(differing):,} differ, "
            f"{report.unread:,} are stored and not in the topics."
        )
    if not report.is_well:
        raise typer.Exit(Exit.TO_DO)


def _get(path: str, query: dict[str, str]) -> Any:
    async def asked() -> Any:
        async with open_doorway() as sla:
            return await sla.get(path, query)

    return asyncio.run(asked())

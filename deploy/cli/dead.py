"""`redress dead`: list, show, replay and discard dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from deploy.cli import output
from deploy.cli.endpoints import SERVICE_NAMES, Endpoints, find_endpoints, obtain_token
from deploy.cli.output import ExitCode
from deploy.cli.problems import read_body
from shared.errors import Unavailable

app = typer.Typer(no_args_is_help=True, help="Dead letters: events that could not be applied, stored for a replay.")
Letters = list[dict[str, Any]]
ServiceOption = Annotated[str | None, typer.Option(help="Only this service: intake, triage, sla or notify.")]
RequiredServiceOption = Annotated[str, typer.Option(help="The service that stores it: intake, triage, sla or notify.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COLUMNS = ("service", "number", "complaint", "status", "tries", "since", "where", "error")
PAGE_SIZE = 1000


@app.command("list")
def list_(service: ServiceOption = None, json: JsonOption = False) -> None:
    """List all open dead letters, oldest first, without their contents. Exit 1 if there are any."""
    letters = asyncio.run(_load_open_letters(find_endpoints(), service))
    if json:
        output.print_json(letters)
    elif letters:
        output.print_table("Dead letters", COLUMNS, map(_table_row, letters))
    else:
        output.print_line("No dead letters.")
    if letters:
        raise typer.Exit(ExitCode.PROBLEM)


@app.command()
def show(
    number: int,
    service: RequiredServiceOption,
    reveal: Annotated[bool, typer.Option(help="Include the contents, which hold personal data.")] = False,
) -> None:
    """Show one dead letter as JSON."""
    query = {"reveal": "true"} if reveal else {}
    output.print_json(asyncio.run(_request(service, lambda client: client.get(f"/admin/dead/{number}", params=query))))


@app.command()
def replay(
    complaint: Annotated[UUID | None, typer.Argument(help="Only the dead letters of this complaint.")] = None,
    service: ServiceOption = None,
    json: JsonOption = False,
) -> None:
    """Apply dead letters again, complaint by complaint, in order. Exit 1 if some are left."""
    results = asyncio.run(_replay_all(find_endpoints(), service, complaint))
    applied, left = sum(item["applied"] for item in results), sum(item["left"] for item in results)
    if json:
        output.print_json({"applied": applied, "left": left, "complaints": results})
    else:
        output.print_line(f"{applied} applied, {left} left." if results else "No dead letters of a complaint.")
    if left:
        raise typer.Exit(ExitCode.PROBLEM)


@app.command()
def discard(number: int, service: RequiredServiceOption) -> None:
    """Discard one dead letter for ever; those that wait behind it can then be replayed."""
    asyncio.run(_request(service, lambda client: client.delete(f"/admin/dead/{number}")))
    output.print_line(f"{service}: dead letter {number} is discarded.")


async def _load_open_letters(endpoints: Endpoints, service: str | None, complaint: UUID | None = None) -> Letters:
    letters: Letters = []
    query: dict[str, str | int] = {"limit": PAGE_SIZE} | ({"subject": str(complaint)} if complaint else {})
    for name in [service] if service else SERVICE_NAMES:
        page = await _request(name, lambda client: client.get("/admin/dead", params=query), endpoints)
        letters += [{"service": name, **letter} for letter in page]
    return letters


async def _replay_all(endpoints: Endpoints, service: str | None, complaint: UUID | None) -> Letters:
    letters = await _load_open_letters(endpoints, service, complaint)
    subjects = dict.fromkeys((item["service"], item["subject"]) for item in letters if item["subject"])
    results = []
    for name, subject in subjects:
        counts = await _request(name, _replay_request(subject), endpoints)
        results.append({"service": name, "complaint": subject, **counts})
    return results


def _replay_request(subject: str) -> Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]:
    return lambda client: client.post(f"/admin/dead/{subject}/replay")


async def _request(
    service: str, send: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], endpoints: Endpoints | None = None
) -> Any:
    """Send one request to one service. Raises the error of a problem document, and `Unavailable` without an answer."""
    async with (endpoints or find_endpoints()).client(service, token=obtain_token(), seconds=60) as client:
        try:
            response = await send(client)
        except httpx.HTTPError as error:
            raise Unavailable(f"{service} does not answer ({type(error).__name__}).") from None
    return read_body(service, response)


def _table_row(letter: dict[str, Any]) -> tuple[object, ...]:
    where = f"{letter['topic']}/{letter['partition']}/{letter['record_offset']}"
    return (
        letter["service"],
        letter["id"],
        letter["subject"] or "",
        letter["status"],
        letter["attempts"],
        letter["buried_at"][:19],
        where,
        letter["error"],
    )

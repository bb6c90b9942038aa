"""`redress dead`: what could not be applied, and how to apply it after all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from deploy.cli import output
from deploy.cli.endpoints import Endpoints, doors, token
from deploy.cli.output import Exit
from shared.contracts import SERVICES
from shared.errors import Misconfigured, NotFound, Rejected, Unavailable

app = typer.Typer(no_args_is_help=True, help="Dead letters: records that a service laid aside instead of losing them.")
Letters = list[dict[str, Any]]
Service = Annotated[str | None, typer.Option(help="Only this service: intake, triage, sla or notify.")]
One = Annotated[str, typer.Option(help="The service that holds it: intake, triage, sla or notify.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
COLUMNS = ("service", "number", "complaint", "status", "tries", "since", "where", "error")
PAGE = 1000


@app.command("list")
def list_(service: Service = None, json: Json = False) -> None:
    """All that are open, oldest first, without their contents. Exit 1 when there are any."""
    letters = asyncio.run(_open(doors(), service))
    if json:
        output.as_json(letters)
    elif letters:
        output.table("Dead letters", COLUMNS, map(_row, letters))
    else:
        output.say("No dead letters.")
    if letters:
        raise typer.Exit(Exit.TO_DO)


@app.command()
def show(
    number: int,
    service: One,
    reveal: Annotated[bool, typer.Option(help="Contents too. They hold personal data: mind who looks.")] = False,
) -> None:
    """One dead letter as JSON."""
    query = {"reveal": "true"} if reveal else {}
    output.as_json(asyncio.run(_with(service, lambda client: client.get(f"/admin/dead/{number}", params=query))))


@app.command()
def replay(
    complaint: Annotated[UUID | None, typer.Argument(help="Only this complaint's.")] = None,
    service: Service = None,
    json: Json = False,
) -> None:
    """Apply dead letters again, complaint by complaint, in order. Exit 1 when some are left."""
    done = asyncio.run(_replay(doors(), service, complaint))
    applied, left = sum(item["applied"] for item in done), sum(item["left"] for item in done)
    if json:
        output.as_json({"applied": applied, "left": left, "complaints": done})
    else:
        output.say(f"{applied} applied, {left} left." if done else "No dead letters of a complaint.")
    if left:
        raise typer.Exit(Exit.TO_DO)


@app.command()
def discard(number: int, service: One) -> None:
    """Give one dead letter up for good; what waits behind it can then be replayed."""
    asyncio.run(_with(service, lambda client: client.delete(f"/admin/dead/{number}")))
    output.say(f"{service}: dead letter {number} is given up.")


async def _open(places: Endpoints, service: str | None, complaint: UUID | None = None) -> Letters:
    letters: Letters = []
    query: dict[str, str | int] = {"limit": PAGE} | ({"subject": str(complaint)} if complaint else {})
    for name in [service] if service else [one.name for one in SERVICES]:
        found = await _with(name, lambda client: client.get("/admin/dead", params=query), places)
        letters += [{"service": name, **letter} for letter in found]
    return letters


async def _replay(places: Endpoints, service: str | None, complaint: UUID | None) -> Letters:
    letters = await _open(places, service, complaint)
    subjects = dict.fromkeys((item["service"], item["subject"]) for item in letters if item["subject"])
    done = []
    for name, subject in subjects:
        told = await _with(name, _replay_one(subject), places)
        done.append({"service": name, "complaint": subject, **told})
    return done


def _replay_one(subject: str) -> Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]:
    return lambda client: client.post(f"/admin/dead/{subject}/replay")


async def _with(
    service: str, ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], places: Endpoints | None = None
) -> Any:
    """One question to one service, its problem documents turned into our errors."""
    async with (places or doors()).client(service, token=token(), seconds=60) as client:
        try:
            response = await ask(client)
        except httpx.HTTPError as error:
            raise Unavailable(f"{service} does not answer ({type(error).__name__}).") from None
    return judged(service, response)


def judged(service: str, response: httpx.Response) -> Any:
    """The body of a good answer. Raises what the problem document means."""
    if response.is_success:
        return response.json() if response.content else None
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"it answered {response.status_code}"
    sentence = f"{service}: {detail}"
    if response.status_code == 404:
        raise NotFound(sentence)
    if response.status_code in (401, 403):
        raise Misconfigured(sentence)
    raise (Unavailable if response.status_code >= 500 else Rejected)(sentence)


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
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

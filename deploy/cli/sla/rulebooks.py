"""`redress sla …`: the commands. A draft is rehearsed before it counts; an old revision is a draft like any other."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from deploy.cli import output
from deploy.cli.calendar.snippet import bytes_of
from deploy.cli.output import ExitCode
from deploy.cli.sla import tables
from deploy.cli.sla.app import app
from deploy.cli.sla.client import DRAFTS, Json, SlaClient, open_doorway
from shared.errors import Misconfigured

REVISIONS = "/v1/rulebook/revisions"


class Mode(StrEnum):
    """What a publication does to complaints that are open."""

    NEW_ONLY = "new_only"
    REBASE_OPEN = "rebase_open"
    REBASE_REMAINING = "rebase_remaining"


ModeOption = Annotated[
    Mode,
    typer.Option(
        help="new_only: new complaints alone. rebase_open: what is open is counted again from its beginning. "
        "rebase_remaining: what is open gets what would be left of the new goal."
    ),
]
DraftArgument = Annotated[str | None, typer.Argument(help="A draft's id; not needed while there is only one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
FileArgument = Annotated[Path, typer.Argument(help="A rulebook, TOML or JSON, with calendars and policies.")]


@app.command()
def draft(
    file: FileArgument,
    pack: Annotated[list[str] | None, typer.Option(help="Add a regulator pack that ships with us, repeatable.")] = None,
    replace: Annotated[str | None, typer.Option(help="A draft whose contents it takes the place of.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a rulebook file, keep it as a draft, say what it would change. Nothing counts before it is published."""
    document = _document(file, tuple(pack or ()))

    async def ask(sla: SlaClient) -> Json:
        if replace is None:
            made: Json = await sla.post(DRAFTS, document)
        else:
            made = await sla.put(
                f"{DRAFTS}/{_safe(replace)}", document, seen=(await sla.draft(_safe(replace)))["version"]
            )
        return made | {"diff": await sla.get(f"{DRAFTS}/{made['draft_id']}/diff")}

    _drafted(_run(ask), as_json=as_json)


@app.command("roll-back")
def roll_back(
    revision: Annotated[int, typer.Argument(min=1, help="The revision to go back to.")], as_json: JsonOption = False
) -> None:
    """A draft with the contents of an old revision; rehearse and publish it like any other."""

    async def ask(sla: SlaClient) -> Json:
        made: Json = await sla.post(f"{DRAFTS}:copy?revision={revision}")
        return made | {"diff": await sla.get(f"{DRAFTS}/{made['draft_id']}/diff")}

    _drafted(_run(ask), as_json=as_json)


@app.command()
def drafts(as_json: JsonOption = False) -> None:
    """All drafts, what was changed last first."""
    listed = _run(lambda sla: sla.get(DRAFTS))["drafts"]
    output.print_json(listed) if as_json else tables.tell_drafts(listed)


@app.command()
def diff(draft_id: DraftArgument = None, as_json: JsonOption = False) -> None:
    """What a draft changes of the rulebook that counts now."""

    async def ask(sla: SlaClient) -> Json:
        found = await sla.draft(_safe(draft_id))
        answer: Json = await sla.get(f"{DRAFTS}/{found['draft_id']}/diff")
        return answer

    answer = _run(ask)
    output.print_json(answer) if as_json else tables.tell_diff(answer)


@app.command("dry-run")
def dry_run(mode: ModeOption, draft_id: DraftArgument = None, as_json: JsonOption = False) -> None:
    """What publishing a draft would do to everything that is open. Exit 1 when it would touch a promise."""

    async def ask(sla: SlaClient) -> Json:
        return await sla.rehearse(await sla.draft(_safe(draft_id)), "dry-run", {"mode": mode.value}, "The dry run")

    answer = _run(ask)
    output.print_json(answer) if as_json else tables.tell_dry_run(answer)
    if answer["report"]["promises_touched"]:
        raise typer.Exit(ExitCode.PROBLEM)


@app.command("back-test")
def back_test(
    days: Annotated[int, typer.Option(min=1, max=3660, help="Complaints received in the last so many days.")] = 90,
    draft_id: DraftArgument = None,
    as_json: JsonOption = False,
) -> None:
    """What would have happened if a draft had always been in force: breaches, promises, warnings, letters."""

    async def ask(sla: SlaClient) -> Json:
        return await sla.rehearse(await sla.draft(_safe(draft_id)), "back-test", {"days": days}, "The back-test")

    answer = _run(ask)
    output.print_json(answer) if as_json else tables.tell_back_test(answer)


@app.command()
def publish(
    mode: ModeOption,
    reason: Annotated[str, typer.Option(help="Why; it is told with every date that moves.")],
    draft_id: DraftArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Put a draft in force. Refused without a dry run of just this draft and mode on the revision that counts now."""

    async def ask(sla: SlaClient) -> Json:
        found = await sla.draft(_safe(draft_id))
        form = {"mode": mode.value, "reason": reason}
        answer: Json = await sla.post(f"{DRAFTS}/{found['draft_id']}:publish", form, seen=found["version"])
        return answer

    answer = _run(ask)
    if as_json:
        output.print_json(answer)
        return
    moving = "" if mode is Mode.NEW_ONLY else " Open complaints are being moved; the service goes on meanwhile."
    output.print_line(f"Revision {answer['revision']} is in force.{moving}")


@app.command()
def revisions(as_json: JsonOption = False) -> None:
    """Everything that was published, the newest first."""
    listed = _run(lambda sla: sla.get(REVISIONS))["revisions"]
    output.print_json(listed) if as_json else tables.tell_revisions(listed)


@app.command()
def show(revision: Annotated[int | None, typer.Argument(min=1, help="Default: the current one.")] = None) -> None:
    """A revision's document as JSON, to be changed and drafted again."""
    path = f"{REVISIONS}/{revision}" if revision else "/v1/rulebook"
    output.print_json(_run(lambda sla: sla.get(path))["document"])


@app.command()
def discard(draft_id: DraftArgument = None) -> None:
    """Away with a draft."""

    async def ask(sla: SlaClient) -> str:
        found = await sla.draft(_safe(draft_id))
        await sla.delete(f"{DRAFTS}/{found['draft_id']}", seen=found["version"])
        return str(found["draft_id"])

    output.print_line(f"Draft {_run(ask)} is gone.")


def _drafted(made: Json, *, as_json: bool) -> None:
    if as_json:
        output.print_json({name: value for name, value in made.items() if name != "document"})
        return
    tables.tell_diff(made["diff"])
    output.print_line(f"Draft {made['draft_id']} is kept. Next: redress sla dry-run --mode MODE {made['draft_id']}")


def _document(file: Path, packs: tuple[str, ...]) -> Json:
    from services.sla.policies import read_file  # noqa: PLC0415  # only who drafts waits for calendars to be imported

    if file.suffix == ".json":
        if packs:
            raise Misconfigured("--pack goes with a TOML file; a JSON file is taken as it is")
        return _json(file)
    data = read_file(file, packs)
    plain: Json = json.loads(json.dumps(data, default=str))  # dates and times of TOML as text
    return plain


def _json(file: Path) -> Json:
    try:
        document: Json = json.loads(bytes_of(file))
    except ValueError as error:
        raise Misconfigured(f"{file.name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Misconfigured(f'{file.name}: expected an object such as {{"calendar": […], "policy": […]}}')
    return document


def _safe(draft_id: str | None) -> str | None:
    return quote(draft_id, safe="") if draft_id else None


def _run(ask: Callable[[SlaClient], Awaitable[Any]]) -> Any:
    async def asked() -> Any:
        async with open_doorway() as sla:
            return await ask(sla)

    return asyncio.run(asked())

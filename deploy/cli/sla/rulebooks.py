"""Commands of `redress sla` for rulebooks.

A draft must be rehearsed before it is published. To return to an old revision, copy it into a draft.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from deploy.cli import output
from deploy.cli.calendar.snippet import read_bytes
from deploy.cli.output import ExitCode
from deploy.cli.sla import tables
from deploy.cli.sla.app import app
from deploy.cli.sla.client import DRAFTS, Json, SlaClient, run_request
from shared.errors import Misconfigured

REVISIONS = "/v1/rulebook/revisions"


class Mode(StrEnum):
    """Effect of a publication on open complaints."""

    NEW_ONLY = "new_only"
    REBASE_OPEN = "rebase_open"
    REBASE_REMAINING = "rebase_remaining"


ModeOption = Annotated[
    Mode,
    typer.Option(
        help="new_only: applies to new complaints only. rebase_open: open clocks are computed again from their start. "
        "rebase_remaining: open clocks get the part of the new goal that is not used up."
    ),
]
DraftArgument = Annotated[str | None, typer.Argument(help="Id of a draft; optional while there is only one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FileArgument = Annotated[Path, typer.Argument(help="A rulebook in TOML or JSON, with calendars and policies.")]


@app.command()
def draft(
    file: FileArgument,
    pack: Annotated[list[str] | None, typer.Option(help="Add a regulator pack of Redress, repeatable.")] = None,
    replace: Annotated[str | None, typer.Option(help="Id of a draft whose contents are replaced.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a rulebook file, store it as a draft and print its changes. A draft has no effect until it is published."""
    document = _document(file, tuple(pack or ()))

    async def request(sla: SlaClient) -> Json:
        if replace is None:
            stored: Json = await sla.post(DRAFTS, document)
        else:
            stored = await sla.put(
                f"{DRAFTS}/{_quote_id(replace)}", document, version=(await sla.draft(_quote_id(replace)))["version"]
            )
        return stored | {"diff": await sla.get(f"{DRAFTS}/{stored['draft_id']}/diff")}

    _print_draft(run_request(request), as_json=as_json)


@app.command("roll-back")
def roll_back(
    revision: Annotated[int, typer.Argument(min=1, help="Revision to copy.")], as_json: JsonOption = False
) -> None:
    """Create a draft with the contents of an old revision, to rehearse and publish it."""

    async def request(sla: SlaClient) -> Json:
        stored: Json = await sla.post(f"{DRAFTS}:copy?revision={revision}")
        return stored | {"diff": await sla.get(f"{DRAFTS}/{stored['draft_id']}/diff")}

    _print_draft(run_request(request), as_json=as_json)


@app.command()
def drafts(as_json: JsonOption = False) -> None:
    """List the drafts, the last changed first."""
    listed = run_request(lambda sla: sla.get(DRAFTS))["drafts"]
    output.print_json(listed) if as_json else tables.print_drafts(listed)


@app.command()
def diff(draft_id: DraftArgument = None, as_json: JsonOption = False) -> None:
    """Print the changes of a draft against the current rulebook."""

    async def request(sla: SlaClient) -> Json:
        draft_ = await sla.draft(_quote_id(draft_id))
        answer: Json = await sla.get(f"{DRAFTS}/{draft_['draft_id']}/diff")
        return answer

    answer = run_request(request)
    output.print_json(answer) if as_json else tables.print_diff(answer)


@app.command("dry-run")
def dry_run(mode: ModeOption, draft_id: DraftArgument = None, as_json: JsonOption = False) -> None:
    """Compute the effect of publishing a draft on open complaints. Exit code 1 if it would change a promise."""

    async def request(sla: SlaClient) -> Json:
        return await sla.rehearse(await sla.draft(_quote_id(draft_id)), "dry-run", {"mode": mode.value}, "The dry run")

    answer = run_request(request)
    output.print_json(answer) if as_json else tables.print_dry_run(answer)
    if answer["report"]["promises_touched"]:
        raise typer.Exit(ExitCode.PROBLEM)


@app.command("back-test")
def back_test(
    days: Annotated[int, typer.Option(min=1, max=3660, help="Use complaints received in so many past days.")] = 90,
    draft_id: DraftArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Compute past breaches, promises, warnings and letters as if a draft had always been in force."""

    async def request(sla: SlaClient) -> Json:
        return await sla.rehearse(await sla.draft(_quote_id(draft_id)), "back-test", {"days": days}, "The back-test")

    answer = run_request(request)
    output.print_json(answer) if as_json else tables.print_back_test(answer)


@app.command()
def publish(
    mode: ModeOption,
    reason: Annotated[str, typer.Option(help="Reason; it is published with each date that changes.")],
    draft_id: DraftArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a draft. Refused without a dry run of this draft version and mode on the current revision."""

    async def request(sla: SlaClient) -> Json:
        draft_ = await sla.draft(_quote_id(draft_id))
        form = {"mode": mode.value, "reason": reason}
        answer: Json = await sla.post(f"{DRAFTS}/{draft_['draft_id']}:publish", form, version=draft_["version"])
        return answer

    answer = run_request(request)
    if as_json:
        output.print_json(answer)
        return
    moving = "" if mode is Mode.NEW_ONLY else " The service now computes the open complaints again."
    output.print_line(f"Revision {answer['revision']} is in force.{moving}")


@app.command()
def revisions(as_json: JsonOption = False) -> None:
    """List the published revisions, the newest first."""
    listed = run_request(lambda sla: sla.get(REVISIONS))["revisions"]
    output.print_json(listed) if as_json else tables.print_revisions(listed)


@app.command()
def show(revision: Annotated[int | None, typer.Argument(min=1, help="Default: the current revision.")] = None) -> None:
    """Print the document of a revision as JSON, to edit it and create a draft."""
    path = f"{REVISIONS}/{revision}" if revision else "/v1/rulebook"
    output.print_json(run_request(lambda sla: sla.get(path))["document"])


@app.command()
def discard(draft_id: DraftArgument = None) -> None:
    """Delete a draft."""

    async def request(sla: SlaClient) -> str:
        draft_ = await sla.draft(_quote_id(draft_id))
        await sla.delete(f"{DRAFTS}/{draft_['draft_id']}", version=draft_["version"])
        return str(draft_["draft_id"])

    output.print_line(f"Draft {run_request(request)} is deleted.")


def _print_draft(draft_: Json, *, as_json: bool) -> None:
    if as_json:
        output.print_json({name: value for name, value in draft_.items() if name != "document"})
        return
    tables.print_diff(draft_["diff"])
    draft_id = draft_["draft_id"]
    output.print_line(f"Draft {draft_id} is stored. Next: redress sla dry-run --mode MODE {draft_id}")


def _document(file: Path, packs: tuple[str, ...]) -> Json:
    from services.sla.policies import read_file  # noqa: PLC0415  # importing calendars is slow

    if file.suffix == ".json":
        if packs:
            raise Misconfigured("--pack is accepted only with a TOML file")
        return _json(file)
    data = read_file(file, packs)
    plain: Json = json.loads(json.dumps(data, default=str))  # TOML dates and times become text
    return plain


def _json(file: Path) -> Json:
    try:
        document: Json = json.loads(read_bytes(file))
    except ValueError as error:
        raise Misconfigured(f"{file.name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Misconfigured(f'{file.name}: expected an object such as {{"calendar": […], "policy": […]}}')
    return document


def _quote_id(draft_id: str | None) -> str | None:
    return quote(draft_id, safe="") if draft_id else None

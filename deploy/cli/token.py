"""`redress token create`: a bearer token for a system that is to talk to Redress."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.endpoints import AUDIENCE, private_key
from shared.auth import SCOPES, create_token
from shared.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="Tokens for systems that talk to Redress.")
UNITS = {"h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=366)


@app.command()
def create(
    client: Annotated[str, typer.Option(help="Name of the system; complaints remember it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do, repeatable: {', '.join(SCOPES)}. Default: write and read."),
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it is good for: 12h, 30d, 8w; a year at most.")] = "30d",
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print a token. It cannot be taken back before it expires, so keep it short-lived."""
    key = private_key()
    if not key.exists():
        raise Misconfigured(
            f"No signing key at {key}. Start the embedded stack once with `redress up`, or set "
            "REDRESS_AUTH_PRIVATE_KEY_FILE."
        )
    scopes = frozenset(scope or ("complaints:write", "complaints:read"))
    lasts = duration(expires)
    made = create_token(
        key, client=_name(client), scopes=scopes, lasts=lasts, audience=os.environ.get(AUDIENCE, "redress")
    )
    if json:
        until = datetime.now(UTC) + lasts
        output.as_json({"token": made, "client": client, "scopes": sorted(scopes), "expires_at": until.isoformat()})
    else:
        print(made)


def duration(text: str) -> timedelta:
    """`12h`, `30d` or `8w`. Raises `Misconfigured`."""
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text.strip().lower())
    lasts = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
    if lasts is None or lasts > LONGEST:
        raise Misconfigured(f"--expires {text}: expected hours, days or weeks such as 12h, 30d or 8w, a year at most.")
    return lasts


def _name(client: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", client):
        raise Misconfigured("--client: expected letters, digits, dots and dashes, 64 at most, such as shop-web.")
    return client

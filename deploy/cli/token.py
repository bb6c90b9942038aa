"""`redress token create`: create a bearer token for a client system."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from deploy.cli import output
from deploy.cli.endpoints import AUDIENCE, private_key_file
from shared.auth import SCOPES, create_token
from shared.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="Tokens for client systems.")
UNITS = {"h": "hours", "d": "days", "w": "weeks"}
MAX_LIFETIME = timedelta(days=366)


@app.command()
def create(
    client: Annotated[str, typer.Option(help="Name of the client system; it is stored with the complaints it files.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Permission, repeatable: {', '.join(SCOPES)}. Default: write and read complaints."),
    ] = None,
    expires: Annotated[str, typer.Option(help="Lifetime: 12h, 30d, 8w; a year at most.")] = "30d",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a token. It cannot be revoked before it expires, so choose a short lifetime."""
    key = private_key_file()
    if not key.exists():
        raise Misconfigured(
            f"No signing key at {key}. Start the embedded stack once with `redress up`, or set "
            "REDRESS_AUTH_PRIVATE_KEY_FILE."
        )
    scopes = frozenset(scope or ("complaints:write", "complaints:read"))
    lifetime = parse_lifetime(expires)
    token = create_token(
        key, client=_valid_client(client), scopes=scopes, lasts=lifetime, audience=os.environ.get(AUDIENCE, "redress")
    )
    if json:
        until = datetime.now(UTC) + lifetime
        output.print_json({"token": token, "client": client, "scopes": sorted(scopes), "expires_at": until.isoformat()})
    else:
        print(token)


def parse_lifetime(text: str) -> timedelta:
    """Parse `12h`, `30d` or `8w`. Raises `Misconfigured`."""
    match = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text.strip().lower())
    lifetime = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None
    if lifetime is None or lifetime > MAX_LIFETIME:
        raise Misconfigured(f"--expires {text}: expected hours, days or weeks such as 12h, 30d or 8w, a year at most.")
    return lifetime


def _valid_client(client: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", client):
        raise Misconfigured("--client: expected letters, digits, dots and dashes, 64 at most, such as shop-web.")
    return client

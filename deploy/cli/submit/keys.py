"""Idempotency keys: the same row always gets the same key, and nobody can guess a row's content from its key."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from deploy.cli.submit.mapping import pick
from deploy.cli.submit.rows import SourceRow
from shared.errors import Rejected

VARIABLE = "REDRESS_SUBMIT_SECRET"
FILE = Path("secrets") / "submit"


def secret_for(home: Path) -> bytes:
    """What keys the hash: from the environment, else from a file in `home` that is made on first use.

    Machines that must recognise each other's rows need the same one.
    """
    if given := os.environ.get(VARIABLE):
        return given.encode()
    path = home / FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), "ascii")
    return path.read_bytes().strip()


def key_of(row: SourceRow, secret: bytes, *, column: str | None = None) -> str:
    """A keyed hash of the row's `column`, or of its whole content. Raises `Rejected` where the column is empty."""
    if column is None:
        told = json.dumps(row.values, ensure_ascii=True, sort_keys=True)
    else:
        value = pick(row.values, column)
        if value is None or str(value).strip() == "":
            raise Rejected(f"the key column {column} is empty")
        told = f"{column}={value}"
    return "row-" + hmac.new(secret, told.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()[:40]

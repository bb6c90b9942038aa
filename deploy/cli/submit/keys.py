"""Idempotency keys of rows: equal rows have equal keys, and a key does not reveal the content of its row."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from deploy.cli.submit.mapping import column_value
from deploy.cli.submit.rows import SourceRow
from shared.errors import Rejected

VARIABLE = "REDRESS_SUBMIT_SECRET"
FILE = Path("secrets") / "submit"


def load_secret(home: Path) -> bytes:
    """Return the secret of the keyed hash: from the environment, else from a file in `home`, created on first use.

    Machines that submit the same rows need the same secret.
    """
    if secret := os.environ.get(VARIABLE):
        return secret.encode()
    path = home / FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), "ascii")
    return path.read_bytes().strip()


def compute_key(row: SourceRow, secret: bytes, *, column: str | None = None) -> str:
    """Return a keyed hash of the row's `column`, or of the whole row. Raises `Rejected` if the column is empty."""
    if column is None:
        text = json.dumps(row.values, ensure_ascii=True, sort_keys=True)
    else:
        value = column_value(row.values, column)
        if value is None or str(value).strip() == "":
            raise Rejected(f"the key column {column} is empty")
        text = f"{column}={value}"
    return "row-" + hmac.new(secret, text.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()[:40]

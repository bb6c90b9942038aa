"""What must stay secret, in `home/secrets`: made once, readable by its owner only."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from shared.auth import create_keys

PRIVATE, PUBLIC = "token-private.pem", "token-public.pem"


def token_keys(home: Path) -> tuple[Path, Path]:
    """The pair that tokens are signed and verified with, private first; what exists stays."""
    folder = secrets_folder(home)
    private, public = folder / PRIVATE, folder / PUBLIC
    if not (private.exists() and public.exists()):
        create_keys(private, public)
    return private, public


def passwords_file(home: Path, admin_dsn: str) -> Path:
    """Where the services' passwords at a server that the user gave are kept, apart for each server and database."""
    parts = urlsplit(admin_dsn)
    place = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    return secrets_folder(home) / f"postgres-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"


def secrets_folder(home: Path) -> Path:
    """`home/secrets`, closed to others."""
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder

"""Key files and password files in `home/secrets`: created once, readable by their owner only."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from shared.auth import create_keys

PRIVATE, PUBLIC = "token-private.pem", "token-public.pem"


def ensure_token_keys(home: Path) -> tuple[Path, Path]:
    """Return the files of the key pair that signs and verifies tokens, private first. Creates them if missing."""
    folder = ensure_secrets_folder(home)
    private, public = folder / PRIVATE, folder / PUBLIC
    if not (private.exists() and public.exists()):
        create_keys(private, public)
    return private, public


def passwords_file(home: Path, admin_dsn: str) -> Path:
    """File with the services' passwords at a PostgreSQL of the user; each server and database has its own file."""
    parts = urlsplit(admin_dsn)
    location = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    return ensure_secrets_folder(home) / f"postgres-{hashlib.sha256(location.encode()).hexdigest()[:12]}.json"


def ensure_secrets_folder(home: Path) -> Path:
    """Return `home/secrets`, created if missing and closed to other users."""
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder

"""Data directory of the embedded stack."""

import os
import shutil
from pathlib import Path

from shared.errors import Misconfigured

MIN_FREE_BYTES = 1024**3  # for Kafka's and PostgreSQL's logs, with some reserve


def home_folder() -> Path:
    """Return `REDRESS_HOME`, or `.redress` in the current folder."""
    return Path(os.environ.get("REDRESS_HOME") or ".redress").expanduser().absolute()


def require_space(home: Path, *, needed: int = MIN_FREE_BYTES) -> None:
    """Raise `Misconfigured` if the disk under `home` has fewer than `needed` bytes free, or `home` is not writable."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"The folder {home} cannot be created: {error.strerror}. Set REDRESS_HOME to a writable folder."
        ) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise Misconfigured(f"The folder {home} is not writable. Set REDRESS_HOME to a writable folder.")
    free = shutil.disk_usage(home).free
    if free < needed:
        raise Misconfigured(
            f"The disk under {home} has {free // 1024**2} MB left and {needed // 1024**2} MB are needed. Free some "
            "space, or set REDRESS_HOME to a folder on another disk."
        )

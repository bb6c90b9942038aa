"""The folder that holds everything the embedded stack keeps."""

import os
import shutil
from pathlib import Path

from shared.errors import Misconfigured

SPACE = 1024**3  # bytes: Kafka's and PostgreSQL's logs, and room to work


def home_folder() -> Path:
    """`REDRESS_HOME`, or `.redress` where we stand."""
    return Path(os.environ.get("REDRESS_HOME") or ".redress").expanduser().absolute()


def require_space(home: Path, *, needed: int = SPACE) -> None:
    """Raises `Misconfigured` when the disk under `home` has fewer than `needed` bytes left, or is not ours."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"The folder {home} cannot be made: {error.strerror}. Set REDRESS_HOME to a folder that you may write to."
        ) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise Misconfigured(f"The folder {home} may not be written to. Set REDRESS_HOME to one that you may write to.")
    free = shutil.disk_usage(home).free
    if free < needed:
        raise Misconfigured(
            f"The disk under {home} has {free // 1024**2} MB left and {needed // 1024**2} MB are needed. Make room, or "
            "set REDRESS_HOME to a folder on another disk."
        )

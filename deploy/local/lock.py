"""Lock on the data directory: one supervisor at a time. The lock ends with the process that holds it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from shared.errors import Misconfigured


class DataDirLock:
    """Lock on `home`. Raises `Misconfigured` if another process holds it."""

    def __init__(self, home: Path) -> None:
        path = home / "run" / "supervisor"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise Misconfigured(
                f"Redress already runs in {home} (process {holder}). Stop it with Ctrl-C there, or choose another "
                "folder with REDRESS_HOME."
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Release the lock for other processes."""
        self._file.close()

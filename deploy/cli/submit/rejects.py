"""Rejects file: one JSON object with line and reason for each row that intake did not accept, without its content."""

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.cli.submit.results import RowResult


def rejects_path(source: Path) -> Path:
    """Path in the current folder, named after the source."""
    name = source.name.removesuffix(".gz") if str(source) != "-" else "stdin"
    return Path(f"{Path(name).stem}.rejects.jsonl")


class RejectsFile:
    """File created with the first rejected row. A run without any deletes the file of an earlier run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def add(self, result: RowResult) -> None:
        """Write one row."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        row = {"line": result.line, "fate": result.outcome, "reason": result.reason}
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

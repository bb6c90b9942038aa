"""The rejects file: one JSON object per row that intake does not have: its line and the reason, not its words."""

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.cli.submit.results import RowResult


def rejects_path(source: Path) -> Path:
    """In the current folder, named after the source."""
    name = source.name.removesuffix(".gz") if str(source) != "-" else "stdin"
    return Path(f"{Path(name).stem}.rejects.jsonl")


class Rejects:
    """Opened with its first row; a run without any removes what an earlier run left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def add(self, answer: RowResult) -> None:
        """Write one row down."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        told = {"line": answer.line, "fate": answer.fate, "reason": answer.reason}
        self._file.write(json.dumps(told, ensure_ascii=False) + "\n")

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

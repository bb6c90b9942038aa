"""Progress of a long start: a spinner on a terminal, and a plain line for each step everywhere."""

import time
from types import TracebackType
from typing import Self

from deploy.cli import output


class StepPrinter:
    """Print each finished step with the seconds since the beginning; `finish` ends the spinner."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started_at = time.monotonic()
        self._status = output.out.status(title) if output.out.is_terminal else None

    def report(self, sentence: str) -> None:
        """Print one step."""
        output.print_line(f"[{time.monotonic() - self._started_at:5.1f} s] {sentence}")

    def finish(self) -> None:
        """End the spinner."""
        if self._status:
            self._status.stop()
            self._status = None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        else:
            output.print_line(f"{self._title} ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

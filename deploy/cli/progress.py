"""What happens while something long starts: a spinner on a terminal, a plain line for each step everywhere."""

import time
from types import TracebackType
from typing import Self

from deploy.cli import output


class Steps:
    """Prints each step that is done with the seconds since the beginning, until `over`."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._begun = time.monotonic()
        self._status = output.out.status(doing) if output.out.is_terminal else None

    def tell(self, sentence: str) -> None:
        """One step."""
        output.say(f"[{time.monotonic() - self._begun:5.1f} s] {sentence}")

    def over(self) -> None:
        """Everything is there; no spinner any more."""
        if self._status:
            self._status.stop()
            self._status = None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        else:
            output.say(f"{self._doing} ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over()

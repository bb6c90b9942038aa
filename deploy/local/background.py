"""Background task for a part of the start that runs in parallel and can be abandoned when the user interrupts."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.errors import RedressError

T = TypeVar("T")
POLL_SECONDS = 0.05


class Interrupted(RedressError):
    """The start was interrupted."""


class BackgroundTask(Generic[T]):
    """Run `function` in a daemon thread, which does not keep the process alive."""

    def __init__(self, name: str, function: Callable[[], T], stopping: threading.Event) -> None:
        self._function, self._stopping = function, stopping
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """True while the function has not returned."""
        return self._thread.is_alive()

    def wait(self) -> T:
        """Wait for the result. Raises what `function` raised, and `Interrupted` as soon as `stopping` is set."""
        while self._thread.is_alive():
            self._thread.join(POLL_SECONDS)
            if self._stopping.is_set():
                raise Interrupted
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except BaseException as error:  # noqa: BLE001 (raised again in `wait`)
            self._error = error

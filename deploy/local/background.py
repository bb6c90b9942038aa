"""A piece of the start that runs beside the others and can be abandoned when the user has had enough."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.errors import RedressError

T = TypeVar("T")
LOOK_SECONDS = 0.05


class Interrupted(RedressError):
    """The start was interrupted."""


class Work(Generic[T]):
    """Runs `do` in a daemon thread, which does not keep the process alive."""

    def __init__(self, name: str, do: Callable[[], T], stopping: threading.Event) -> None:
        self._do, self._stopping = do, stopping
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def wait(self) -> T:
        """The result. Raises what `do` raised, and `Interrupted` as soon as `stopping` is set."""
        while self._thread.is_alive():
            self._thread.join(LOOK_SECONDS)
            if self._stopping.is_set():
                raise Interrupted
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._do())
        except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
            self._error = error

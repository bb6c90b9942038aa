"""Common part of the embedded servers (Kafka and PostgreSQL): one child process with start, stop, kill and restart."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.processes import Child


class EmbeddedServer(ABC):
    """Server whose data is in a folder of `home`. `child` is its process, None before the first start."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id while the server runs."""
        return self.child.pid if self.child else None

    @abstractmethod
    def start(self) -> Self:
        """Start the server and wait until it accepts requests."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the server in an orderly way."""

    def kill(self) -> None:
        """Send SIGKILL to the server and to the processes that it started, as a crash would end them."""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Stop the server and start it on the same ports."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

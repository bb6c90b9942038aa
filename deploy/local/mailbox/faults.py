"""Faults on demand, for tests of what a sender does: off unless the mailbox was started with `--faults`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["defer", "refuse", "hang", "cut"]


class Fault(BaseModel):
    """What goes wrong, for whom, and for how long; whichever of `seconds` and `count` is used up first ends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        description="defer: 451 · refuse: 550 · hang: no answer and nothing kept · cut: kept, then the line is cut"
    )
    to: str = Field(default="", description="Only recipients whose address contains this.")
    seconds: float = Field(default=60.0, gt=0, le=3600, description="How long it lasts; a hang ends with it.")
    count: int | None = Field(default=None, ge=1, description="Mails hit at most.")


class Faults:
    """The fault in force, if any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fault: Fault | None = None
        self._until = 0.0
        self._left: int | None = None
        self.hit = 0
        self.changed = asyncio.Event()  # of the fault in force: set when another takes its place

    def set(self, fault: Fault | None) -> None:
        """Put a fault in force, or with None heal."""
        self._fault = fault
        self._until = self._clock() + fault.seconds if fault else 0.0
        self._left = fault.count if fault else None
        self.changed.set()
        self.changed = asyncio.Event()
        self.hit = 0

    @property
    def current(self) -> Fault | None:
        """What is in force now."""
        return self._fault if self._clock() < self._until and self._left != 0 else None

    @property
    def remaining(self) -> float:
        """Seconds until it heals by itself."""
        return max(0.0, self._until - self._clock())

    def strike(self, recipients: Sequence[str]) -> Kind | None:
        """What happens to this mail; a hit is counted."""
        fault = self.current
        if fault is None or not any(fault.to.casefold() in recipient.casefold() for recipient in recipients):
            return None
        self.hit += 1
        if self._left is not None:
            self._left -= 1
        return fault.kind

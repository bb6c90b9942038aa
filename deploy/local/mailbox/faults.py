"""Faults of the mailbox, for tests of senders. Enabled only by the option `--faults`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["defer", "refuse", "hang", "cut"]


class Fault(BaseModel):
    """Fault, its recipients and its end: after `seconds` or after `count` mails, whichever is first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind = Field(
        description="defer: 451 · refuse: 550 · hang: no answer, nothing stored · cut: stored, then disconnected"
    )
    to: str = Field(default="", description="Only mail to addresses that contain this text.")
    seconds: float = Field(default=60.0, gt=0, le=3600, description="Duration of the fault; a hang ends with it.")
    count: int | None = Field(default=None, ge=1, description="Maximum number of affected mails.")


class Faults:
    """Current fault, if there is one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fault: Fault | None = None
        self._until = 0.0
        self._left: int | None = None
        self.hit = 0
        self.changed = asyncio.Event()  # set when another fault replaces the current one

    def set(self, fault: Fault | None) -> None:
        """Set the fault; None removes it."""
        self._fault = fault
        self._until = self._clock() + fault.seconds if fault else 0.0
        self._left = fault.count if fault else None
        self.changed.set()
        self.changed = asyncio.Event()
        self.hit = 0

    @property
    def current(self) -> Fault | None:
        """Current fault; None if there is none or it has ended."""
        return self._fault if self._clock() < self._until and self._left != 0 else None

    @property
    def remaining(self) -> float:
        """Seconds until the fault ends by itself."""
        return max(0.0, self._until - self._clock())

    def affect(self, recipients: Sequence[str]) -> FaultKind | None:
        """Return the kind of fault for a mail to these recipients, and count it; None if the mail is not affected."""
        fault = self.current
        if fault is None or not any(fault.to.casefold() in recipient.casefold() for recipient in recipients):
            return None
        self.hit += 1
        if self._left is not None:
            self._left -= 1
        return fault.kind

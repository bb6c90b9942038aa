"""State of triage for one complaint."""

from pydantic import AwareDatetime

from shared.contracts.events import Severity, Signal
from shared.runner.types import State


class TriageState(State):
    """A complaint as a case of a team. Contains no text of the customer.

    Events of several topics arrive in any order, so `received` and `closed` are two fields: an event that arrives
    before the complaint itself is stored here and takes effect when the complaint is received.

    `grounds` holds the reasons for which the case was escalated, one level each; `noted` holds clocks that ran out
    without an escalation. The keys of both are built by `escalation_ground`. Both are sorted, so that the order in
    which the events arrived does not change the state.
    """

    received: bool = False
    closed: bool = False
    since: AwareDatetime | None = None  # when the complaint was received
    category: tuple[str, ...] = ()
    severity: Severity | None = None
    language: str | None = None
    signals: tuple[Signal, ...] = ()
    large_amount: bool = False
    confidence: float | None = None
    decided_by: str | None = None
    decider_version: str | None = None
    why: tuple[str, ...] = ()
    screening: bool = False  # a person still has to decide the category
    candidates: tuple[str, ...] = ()
    team: str | None = None
    handler: str | None = None
    grounds: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """True if the complaint was received and is not closed."""
        return self.received and not self.closed

    @property
    def is_waiting(self) -> bool:
        """True if the case is open without a handler, because its team was full."""
        return self.is_open and self.handler is None

    @property
    def level(self) -> int:
        """Number of escalations; 0 is the handler, 1 the lead of the team."""
        return len(self.grounds)

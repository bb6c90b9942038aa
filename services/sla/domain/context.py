"""Context of a decision: what it may read besides state and input."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from services.sla.policies import Rulebook
from shared.contracts.events import BreachCause
from shared.runner.types import Context


class Outage(NamedTuple):
    """Period in which a part of the system was down; `until` None: it still is."""

    cause: BreachCause
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SlaContext(Context):
    """`now`, the rulebook (policies, packs and compiled calendars), and recent outages."""

    rulebook: Rulebook
    outages: tuple[Outage, ...] = ()

    def cause(self, due_at: datetime) -> BreachCause:
        """Return the cause of a missed date: an outage at its due time, or else the handling of the complaint."""
        for outage in self.outages:
            if outage.since <= due_at and (outage.until is None or due_at <= outage.until):
                return outage.cause
        return "handling"


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """Cause of a change: an event or command (`late`: later entries were stored already), time, or a publication."""

    why: Literal["input", "time", "published"] = "time"
    late: bool = False
    event: str | None = None
    actor: str = ""
    reason: str = ""

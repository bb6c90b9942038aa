"""What a decision of sla may know besides state and input."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.sla.policies import Rulebook
from shared.contracts.events import BreachCause
from shared.runner.types import Context


class Outage(NamedTuple):
    """A time in which something of ours was down; `until` absent: still so."""

    cause: BreachCause
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SlaContext(Context):
    """`now`, the rulebook (policies, packs and compiled calendars), and what was down lately."""

    rulebook: Rulebook
    outages: tuple[Outage, ...] = ()

    def cause(self, due_at: datetime) -> BreachCause:
        """Why a date was missed: something of ours was down when it fell due, or else how it was handled."""
        covering = (one for one in self.outages if one.since <= due_at and (one.until is None or due_at <= one.until))
        return next((one.cause for one in covering), "handling")

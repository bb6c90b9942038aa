"""What a decision of sla may know besides state and input."""

from dataclasses import dataclass

from services.sla.policies import Rulebook
from shared.runner.decision import Context


@dataclass(frozen=True, slots=True)
class SlaContext(Context):
    """`now` and the rulebook: policies and compiled calendars."""

    rulebook: Rulebook

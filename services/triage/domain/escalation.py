"""Escalation: which clocks raise a case by a level when they run out, and how a repeated reason is recognized.

A case is escalated for what its handler cannot repair alone. A missed update or a late supplier can be repaired by the
handler: such a breach is only noted, and the case is escalated when an escalation step of the policy is reached.

The level of a case is the number of its reasons, and each reason may count once. Several events can report the same
reason: an event can arrive twice, and a recomputation in sla can publish the same breach again. Comparing event ids is
therefore not enough. Each reason has a deduplication key, its ground, built from everything that makes it a reason of
its own (see `escalation_ground`). The grounds are stored as a sorted set, so the level does not depend on the order in
which events arrive.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.triage.domain.decision_builder import DecisionBuilder
from services.triage.domain.state import TriageState
from shared.contracts.events import ClockBreached, ClockEscalated, ClockKind

URGENT: Final = "urgent"  # the ground of an escalation for severity or signals
URGENT_SIGNALS: Final = ("vulnerable", "abuse")  # escalated to a lead at once, at any severity


class EscalationRule(NamedTuple):
    """Rule for one clock type: `escalates` is True if a breach raises the level at once."""

    escalates: bool
    why: str


ON_BREACH: Final[Mapping[ClockKind, EscalationRule]] = {
    "assignment": EscalationRule(escalates=True, why="the case has no handler who could notice it"),
    "acknowledge": EscalationRule(escalates=True, why="the customer has no sign that the complaint was received"),
    "agent_work": EscalationRule(escalates=True, why="only time of the organisation was counted"),
    "requester_wait": EscalationRule(escalates=True, why="the customer waited all this time for the organisation"),
    "total_resolution": EscalationRule(escalates=True, why="the longest time that the policy allows is over"),
    "regulatory_final": EscalationRule(escalates=True, why="the time limit of the law is over"),
    "stage2": EscalationRule(escalates=True, why="the review of the first answer was late as well"),
    "ombudsman_reply": EscalationRule(escalates=True, why="the whole organisation is responsible for this reply"),
    "first_response": EscalationRule(escalates=False, why="the handler can still reply"),
    "next_reply": EscalationRule(escalates=False, why="the handler can still reply"),
    "periodic_update": EscalationRule(escalates=False, why="the handler can still write"),
    "pausable_update": EscalationRule(escalates=False, why="the handler can still write"),
    "summary_resolution": EscalationRule(escalates=False, why="only the short procedure is over, the long one is open"),
    "action_completion": EscalationRule(escalates=False, why="the handler can still complete the action"),
    "supplier": EscalationRule(escalates=False, why="the handler can still remind the supplier"),
}


def escalate(draft: DecisionBuilder, ground: str, reason: str) -> None:
    """Raise the level by one, once per ground. A closed case counts the level but publishes nothing."""
    if ground in draft.case.grounds:
        return
    draft.add_ground(ground)
    if draft.case.is_open:
        draft.publish_escalated(reason)


def urgent_reason(case: TriageState) -> str:
    """Return why a lead has to see the case at once: critical severity or signals; empty if there is no reason."""
    reasons = ["critical"] if case.severity == "critical" else []
    return ", ".join(reasons + [signal for signal in case.signals if signal in URGENT_SIGNALS])


def is_escalated(event: ClockBreached | ClockEscalated) -> bool:
    """Return True if the event raises the level. An escalation step that only reminds the handler does not.

    The cause of a breach does not matter: the customer waits as long when the cause is an outage.
    """
    if isinstance(event, ClockEscalated):
        return event.to != "handler"
    return ON_BREACH[event.clock].escalates


def escalation_ground(event: ClockBreached | ClockEscalated) -> str:
    """Return the deduplication key of a reason: clock, pack, item, cycle and, for an escalation step, the step.

    Two packs can define a clock of the same name, a case can have the same clock for several items, and after a
    reopening each clock starts a new cycle. Each of these is a reason of its own.
    """
    clock = f"{event.clock}:{event.pack or ''}:{event.item}:{event.cycle}"
    return f"rung:{clock}:{event.rung}" if isinstance(event, ClockEscalated) else f"breach:{clock}"


def escalation_reason(event: ClockBreached | ClockEscalated) -> str:
    """Return the reason as text for the lead who receives the case."""
    item = f" of {event.item}" if event.item else ""
    pack = f" ({event.pack})" if event.pack else ""
    clock = f"the {event.clock} clock{item}{pack}"
    return f"{clock} reached {event.rung}" if isinstance(event, ClockEscalated) else f"{clock} was breached"

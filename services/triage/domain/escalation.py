"""Which clocks send a case up when they run out, and how each reason is told apart from the others.

A level up is for what the owner cannot mend alone. A missed update or a late supplier is theirs to mend: such a breach
is noted beside the case, and goes up when a rung of the policy itself says that it has lasted too long.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.contracts.events import ClockBreached, ClockEscalated, ClockKind


class EscalationRule(NamedTuple):
    """Whether a breach goes a level up at once, and why."""

    climbs: bool
    why: str


ON_BREACH: Final[Mapping[ClockKind, EscalationRule]] = {
    "assignment": EscalationRule(climbs=True, why="nobody owns it, so nobody else would notice"),
    "acknowledge": EscalationRule(climbs=True, why="the customer does not even know that we have it"),
    "agent_work": EscalationRule(climbs=True, why="the time was ours alone: no waiting explains it"),
    "requester_wait": EscalationRule(climbs=True, why="the customer has waited that long for us alone"),
    "total_resolution": EscalationRule(climbs=True, why="the customer has waited as long as we allow ourselves"),
    "regulatory_final": EscalationRule(climbs=True, why="the law's time is over"),
    "stage2": EscalationRule(climbs=True, why="the second look was late as well"),
    "ombudsman_reply": EscalationRule(climbs=True, why="the whole organisation answers for it"),
    "first_response": EscalationRule(climbs=False, why="the owner can still reply"),
    "next_reply": EscalationRule(climbs=False, why="the owner can still reply"),
    "periodic_update": EscalationRule(climbs=False, why="the owner can still write"),
    "pausable_update": EscalationRule(climbs=False, why="the owner can still write"),
    "summary_resolution": EscalationRule(
        climbs=False, why="only the short way of closing it is over; the long one is open"
    ),
    "action_completion": EscalationRule(climbs=False, why="the owner can still see to it"),
    "supplier": EscalationRule(climbs=False, why="the owner can still press the supplier"),
}


def climbs(event: ClockBreached | ClockEscalated) -> bool:
    """Whether this goes a level up. A rung does, unless it only reminds the handler who has the case already."""
    if isinstance(event, ClockEscalated):
        return event.to != "handler"
    return ON_BREACH[event.clock].climbs  # whatever caused it: the customer waits no less while our machines are down


def ground(event: ClockBreached | ClockEscalated) -> str:
    """What makes this reason one of its own: the clock, whose rule it is, what it is about, its cycle, the rung."""
    clock = f"{event.clock}:{event.pack or ''}:{event.item}:{event.cycle}"
    return f"rung:{clock}:{event.rung}" if isinstance(event, ClockEscalated) else f"breach:{clock}"


def reason(event: ClockBreached | ClockEscalated) -> str:
    """The same in words, for whoever it goes up to."""
    about = f" of {event.item}" if event.item else ""
    whose = f" ({event.pack})" if event.pack else ""
    clock = f"the {event.clock} clock{about}{whose}"
    return f"{clock} reached {event.rung}" if isinstance(event, ClockEscalated) else f"{clock} was breached"

"""The decisions of triage.

    received              what changes                                        what is published
    ─────────────────────────────────────────────────────────────────────────────────────────────────────
    ComplaintReceived     category, severity, signals; a team and a handler   Triaged, (ScreeningRequested),
                                                                              Assigned, (Escalated)
    ClockBreached         one level up or a note, see `escalation`; once      Escalated, if open
    ClockEscalated        one level up or a note, once per clock, cycle, step Escalated, if open
    Resolved, Withdrawn   closed; the handler has one case less
    Reopened              open, same handler; one level up                    Escalated, (Assigned)
    Tick                  a waiting case is assigned to a free handler        Assigned
    DecideCase            what the person decided; the owning team            Triaged, (Assigned), (Escalated)

An event that arrives twice changes nothing the second time. Levels only go up, and each level has one `ground`.
"""

from services.triage.domain.apply import apply
from services.triage.domain.assignment import assign_waiting
from services.triage.domain.context import TriageContext, TriageDecision
from services.triage.domain.handle import handle
from services.triage.domain.state import TriageState
from shared.runner.types import Command, Input, Tick


def decide(state: TriageState | None, input_: Input, context: TriageContext) -> TriageDecision:
    """Decide on an event, a tick or a command. Raises `NotFound`, `IllegalMove` or `Rejected`, for commands only."""
    # `isinstance` with pydantic's generic models is slow, so the two plain classes are tested and the rest is an event.
    if isinstance(input_, Tick):
        return assign_waiting(state, context)
    if isinstance(input_, Command):
        return handle(state, input_, context)
    return apply(state, input_, context)

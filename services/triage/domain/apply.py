"""Effects of events on a case. An event that was applied before, or is of another type, changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.triage.classifier.interface import Classification
from services.triage.domain.assignment import assign
from services.triage.domain.context import TriageContext, TriageDecision
from services.triage.domain.decision_builder import DecisionBuilder
from services.triage.domain.escalation import (
    URGENT,
    escalate,
    escalation_ground,
    escalation_reason,
    is_escalated,
    urgent_reason,
)
from services.triage.domain.state import TriageState
from shared.contracts.envelope import Event, Fact
from shared.contracts.events import (
    ClockBreached,
    ClockEscalated,
    ComplaintReceived,
    Reopened,
    Resolved,
    ScreeningRequested,
    Withdrawn,
)


def apply(state: TriageState | None, event: Event[Any], context: TriageContext) -> TriageDecision:
    """Apply an event of intake or sla. Return the new state and the events that follow from it."""
    draft = DecisionBuilder(state or TriageState(complaint_id=event.subject), context)
    if apply_event := _APPLY.get(type(event.facts)):
        apply_event(draft, event)
    return draft.build()


def _apply_received(draft: DecisionBuilder, event: Event[Any]) -> None:
    """Triage and assign the complaint; escalate it if it is urgent or a clock ran out before it was received."""
    if draft.case.received:
        return
    classification = draft.context.classifications[event.id]
    _classify(draft, event, classification)
    draft.publish_triaged()
    if draft.case.screening:
        draft.publish(ScreeningRequested(candidates=classification.candidates, confidence=classification.confidence))
    if draft.case.is_open:
        assign(draft)
    urgent = urgent_reason(draft.case)
    has_early_grounds = draft.case.level > 0
    if urgent:
        draft.add_ground(URGENT)
    if urgent or has_early_grounds:
        draft.publish_escalated(urgent or "a clock was breached")


def _classify(draft: DecisionBuilder, event: Event[Any], classification: Classification) -> None:
    """Store the classification with its severity and its team: the screening team if the confidence is too low."""
    rules = draft.context.rules
    category, signals = classification.category, classification.signals
    is_unsure = classification.confidence < draft.context.threshold
    draft.change(
        received=True,
        since=event.time,
        category=(category,),
        severity=rules.severity_of(category, signals, large_amount=classification.large_amount),
        language=classification.language,
        signals=signals,
        large_amount=classification.large_amount,
        confidence=classification.confidence,
        decided_by=classification.decided_by,
        decider_version=classification.version,
        why=classification.why,
        screening=is_unsure,
        candidates=classification.candidates,
        team=rules.screening if is_unsure else rules.team_of(category),
    )


def _apply_closed(draft: DecisionBuilder, event: Event[Any]) -> None:
    del event
    if draft.case.closed:
        return
    if draft.case.received:
        draft.roster = draft.roster.release(draft.case.handler)
    draft.change(closed=True)


def _apply_reopened(draft: DecisionBuilder, event: Event[Any]) -> None:
    """Return the case to its former handler, also over capacity, and escalate it: the first answer was not enough."""
    del event
    if not draft.case.closed:
        return
    draft.change(closed=False)
    number = sum(ground.startswith("reopened:") for ground in draft.case.grounds) + 1
    if draft.case.received:
        if draft.case.handler is None:
            assign(draft)
        else:
            draft.roster = draft.roster.take(draft.case.handler)
    escalate(draft, f"reopened:{number}", "it was reopened")


def _apply_clock(draft: DecisionBuilder, event: Event[Any]) -> None:
    """Escalate the case, or note the clock, when a clock was breached or reached an escalation step."""
    clock: ClockBreached | ClockEscalated = event.facts
    if is_escalated(clock):
        escalate(draft, escalation_ground(clock), escalation_reason(clock))
    else:
        draft.note(escalation_ground(clock))


_APPLY: Final[Mapping[type[Fact], Callable[[DecisionBuilder, Event[Any]], None]]] = {
    ComplaintReceived: _apply_received,
    Resolved: _apply_closed,
    Withdrawn: _apply_closed,
    Reopened: _apply_reopened,
    ClockBreached: _apply_clock,
    ClockEscalated: _apply_clock,
}

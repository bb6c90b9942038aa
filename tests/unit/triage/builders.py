"""Builders of contexts, classifications and events for triage, valid by default; no text is classified.

A builder of an event is named after the event that it returns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.triage.classifier import Classification
from services.triage.domain import Roster, TriageContext, TriageState, decide
from services.triage.rulebook import TriageRulebook
from shared.contracts import Event
from shared.contracts.events import ClockBreached, ClockEscalated, Reopened, Resolved, Withdrawn
from shared.runner.types import Decision, Input
from tests.factories import NOON, complaint_id, event, received

CLEAR_CLASSIFICATION = Classification(
    category="delivery", confidence=0.9, language="en", candidates=("delivery", "refund"), version="1-test"
)


def classification(**changes: Any) -> Classification:
    return replace(CLEAR_CLASSIFICATION, **changes)


def context(
    rules: TriageRulebook, classified: Mapping[Any, Classification] | None = None, **load: int
) -> TriageContext:
    open_cases = {name.replace("_", "-"): number for name, number in load.items()}
    return TriageContext(NOON, rules, Roster(rules.teams, open_cases), classified or {})


def complaint_received(subject: Any = None) -> Event[Any]:
    return event(received(), subject=subject or complaint_id())


CLOCK_FIELDS = {"cycle": 1, "due_at": NOON, "late_by": timedelta(seconds=1)}


def clock_breached(subject: Any, clock: str = "total_resolution", **changes: Any) -> Event[Any]:
    return event(ClockBreached(**CLOCK_FIELDS | {"clock": clock} | changes), subject=subject)


def clock_escalated(subject: Any, clock: str = "supplier", **changes: Any) -> Event[Any]:
    return event(ClockEscalated(**CLOCK_FIELDS | {"clock": clock, "rung": "+PT4H"} | changes), subject=subject)


def resolved(subject: Any) -> Event[Any]:
    return event(Resolved(outcome="upheld", resolved_at=NOON), subject=subject)


def reopened(subject: Any) -> Event[Any]:
    return event(Reopened(), subject=subject)


def withdrawn(subject: Any) -> Event[Any]:
    return event(Withdrawn(), subject=subject)


def fold(
    inputs: Iterable[Input], initial: TriageContext, state: TriageState | None = None
) -> tuple[TriageState | None, list[Any], TriageContext]:
    """Fold inputs about one complaint. Return the state, the published facts, and the context after the last input."""
    published: list[Any] = []
    current = initial
    for input_ in inputs:
        decision: Decision[TriageState, TriageContext] = decide(state, input_, current)
        state, current = decision.state, decision.context or current
        published.extend(event.facts for event in decision.events)
    return state, published, current

"""Handling of the decision of a person on a case."""

from services.triage.domain.assignment import reassign
from services.triage.domain.commands import DecideCase
from services.triage.domain.context import TriageContext, TriageDecision
from services.triage.domain.decision_builder import DecisionBuilder
from services.triage.domain.escalation import URGENT, escalate, urgent_reason
from services.triage.domain.state import TriageState
from shared.contracts.events import Severity
from shared.errors import IllegalMove, NotFound, Rejected
from shared.runner.types import Command


def handle(state: TriageState | None, command: Command, context: TriageContext) -> TriageDecision:
    """Store what a person decided and move the case to the team that owns the category.

    Raises `NotFound` for an unknown complaint, `IllegalMove` for a closed case, and `Rejected` for an unknown command,
    category or handler.
    """
    if not isinstance(command, DecideCase):
        raise Rejected(f"expected DecideCase, got {type(command).__name__}")
    if state is None or not state.received:
        raise NotFound
    if state.closed:
        raise IllegalMove("expected an open case, got a closed one; reopen the complaint first")
    category = command.category or state.category[0]
    team = _check(command, category, context)
    draft = DecisionBuilder(state, context)
    draft.change(
        category=(category,),
        severity=command.severity or _severity(state, category, context),
        confidence=1.0,
        decided_by=f"handler:{command.by}",
        decider_version=context.rules.version,
        why=("decided by a person",),
        screening=False,
        candidates=(category,),
    )
    draft.publish_triaged()
    reassign(draft, team, command.handler)
    if urgent := urgent_reason(draft.case):
        escalate(draft, URGENT, urgent)
    return draft.build()


def _check(command: DecideCase, category: str, context: TriageContext) -> str:
    """Return the team that owns the category. Raises `Rejected` if the category or the handler is not valid."""
    rules = context.rules
    if category not in rules.categories:
        raise Rejected(f"category: expected one of {', '.join(rules.categories)}")
    team = rules.team_of(category)
    if command.handler is not None and context.roster.member(team, command.handler) is None:
        handlers = ", ".join(handler.id for handler in rules.teams[team].handlers)
        raise Rejected(f"handler: expected one of the team {team} that owns {category}: {handlers}")
    return team


def _severity(state: TriageState, category: str, context: TriageContext) -> Severity:
    """Return the present severity if the category is the same, else the severity that the rulebook assigns."""
    if state.severity is not None and (category,) == state.category:
        return state.severity
    return context.rules.severity_of(category, state.signals, large_amount=state.large_amount)

"""Assignment of cases to teams and handlers.

A case belongs to the team that owns its category. Within the team it is assigned to the handler with the lowest load
relative to their capacity, so that a handler with twice the capacity receives twice the cases.

If every handler of the team is full, the case belongs to the team alone and waits. No event will arrive when another
case is closed and a handler becomes free: the store finds waiting cases of teams with a free handler and sends a tick
for each, and the tick assigns the case. Two decisions ignore capacity, because the right person matters more there: a
reopened case returns to its former handler, and a person may choose any handler of the team.
"""

from typing import Final

from services.triage.domain.context import TriageContext, TriageDecision
from services.triage.domain.decision_builder import DecisionBuilder
from services.triage.domain.state import TriageState
from shared.runner.types import Decision

ALL_FULL: Final = "every handler of the team is full; the first one below capacity gets the case"


def assign(draft: DecisionBuilder) -> None:
    """Assign the case to the least loaded handler of its team, or to the team alone if all are full."""
    team = draft.case.team or draft.context.rules.screening
    handler = draft.roster.least_loaded(team)
    if handler is None:
        draft.publish_assigned(None, ALL_FULL)
        return
    load = draft.roster.load(handler.id)
    draft.assign_to(handler.id)
    draft.publish_assigned(handler, f"least loaded: {load} of {handler.capacity} open cases before this one")


def assign_waiting(state: TriageState | None, context: TriageContext) -> TriageDecision:
    """Assign a waiting case if a handler of its team is below capacity; otherwise change nothing."""
    if state is None or not state.is_waiting or state.team is None:
        return Decision(state)
    if context.roster.least_loaded(state.team) is None:
        return Decision(state)
    draft = DecisionBuilder(state, context)
    assign(draft)
    return draft.build()


def reassign(draft: DecisionBuilder, team: str, handler: str | None) -> None:
    """Move the case to `team`, and to `handler` if a person chose one. The former handler has one case less.

    Without a chosen handler the case stays with the present one if the team is the same.
    """
    before = draft.case.handler
    is_unchanged = team == draft.case.team and before is not None and handler in (None, before)
    if is_unchanged:
        return
    draft.roster = draft.roster.release(before)
    draft.change(team=team, handler=None)
    chosen = draft.roster.member(team, handler)
    if chosen is None:
        assign(draft)
        return
    draft.assign_to(chosen.id)
    draft.publish_assigned(chosen, "chosen by a person")

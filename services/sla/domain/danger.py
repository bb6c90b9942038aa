"""Something of ours is down: promises that fall due meanwhile are named in time, once per cause."""

from services.sla.domain.commands import Endanger
from services.sla.domain.context import SlaContext
from services.sla.domain.promises import pledges
from services.sla.domain.state import Complaint
from shared.contracts.envelope import Fact
from shared.contracts.events import PromiseAtRisk


def endanger(state: Complaint, given: Endanger, context: SlaContext) -> tuple[Complaint, tuple[Fact, ...]]:
    """The state that remembers which promises were named, and those to name now."""
    marks: list[str] = []
    facts: list[Fact] = []
    for pledge in pledges(state):
        promise = pledge.promise
        mark = f"risk:{promise.number}:{given.cause}"
        if pledge.status != "open" or not context.now < promise.due_at <= given.until or mark in state.fired:
            continue
        marks.append(mark)
        facts.append(
            PromiseAtRisk(
                promise=promise.number,
                due_at=promise.due_at,
                cause=given.cause,
                subject=promise.subject,
                item=promise.item,
            )
        )
    return (state.but(fired=tuple(sorted({*state.fired, *marks}))) if marks else state), tuple(facts)

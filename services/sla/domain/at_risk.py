"""At-risk promises: mark promises that fall due during an outage, once per cause.

Notify can then tell the customer before the date passes. A promise is at risk if the customer was told its date, it is
open, and it falls due before the outage is expected to end. After a finished downtime it is at risk only if business
hours between its making and its due time were lost in it; a downtime at night costs it nothing.

Events that waited during a downtime are consumer lag afterwards. For the customer both are one outage, so a promise
marked for one of them is not marked again for the other. Marks are stored in `SlaState.fired`.
"""

from services.sla.domain.commands import MarkAtRisk
from services.sla.domain.context import SlaContext
from services.sla.domain.promise_status import promise_statuses
from services.sla.domain.state import Promise, SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import PromiseAtRisk

SAME_OUTAGE = ("downtime", "lag")


def mark_at_risk(state: SlaState, command: MarkAtRisk, context: SlaContext) -> tuple[SlaState, tuple[Fact, ...]]:
    """Return the state with the marks of the promises at risk, and the facts to publish."""
    at_risk = [
        status.promise
        for status in promise_statuses(state)
        if status.status == "open"
        and context.now < status.promise.due_at <= command.until
        and not _is_marked(state, status.promise, command)
        and _has_lost_time(status.promise, command, context.rulebook)
    ]
    if not at_risk:
        return state, ()
    marks = {_mark(promise, command.cause) for promise in at_risk}
    facts = tuple(_fact(promise, command) for promise in at_risk)
    return state.replace(fired=tuple(sorted({*state.fired, *marks}))), facts


def _is_marked(state: SlaState, promise: Promise, command: MarkAtRisk) -> bool:
    causes = SAME_OUTAGE if command.cause in SAME_OUTAGE else (command.cause,)
    return any(_mark(promise, cause) in state.fired for cause in causes)


def _mark(promise: Promise, cause: str) -> str:
    return f"risk:{promise.number}:{cause}"


def _has_lost_time(promise: Promise, command: MarkAtRisk, rulebook: Rulebook) -> bool:
    """Return True if business hours of the promise are lost; during an outage any promise may lose some."""
    if command.lost is None:
        return True
    since, until = max(command.lost[0], promise.made_at), command.lost[1]
    return since < until and rulebook.promise_calendar(promise.terms).elapsed(seconds(since), seconds(until)) > 0


def _fact(promise: Promise, command: MarkAtRisk) -> PromiseAtRisk:
    return PromiseAtRisk(
        promise=promise.number,
        due_at=promise.due_at,
        cause=command.cause,
        subject=promise.subject,
        item=promise.item,
    )

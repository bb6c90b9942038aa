"""Something of ours is down: promises that fall due meanwhile are named in time, once per cause.

Events that waited while nobody of us lived are lag afterwards: for the customer that is one and the same.
"""

from services.sla.domain.commands import MarkAtRisk
from services.sla.domain.context import SlaContext
from services.sla.domain.promise_status import promise_statuses
from services.sla.domain.state import Promise, SlaState
from services.sla.policies import Rulebook
from services.sla.policies.deadlines import seconds
from shared.contracts.envelope import Fact
from shared.contracts.events import PromiseAtRisk

BEHIND = ("downtime", "lag")


def endanger(state: SlaState, given: MarkAtRisk, context: SlaContext) -> tuple[SlaState, tuple[Fact, ...]]:
    """The state that remembers which promises were named, and those to name now."""
    named: list[Promise] = []
    for pledge in promise_statuses(state):
        promise = pledge.promise
        near = pledge.status == "open" and context.now < promise.due_at <= given.until
        if near and not _was_named(state, promise, given) and _has_lost(promise, given, context.rulebook):
            named.append(promise)
    if not named:
        return state, ()
    marks = {_mark(promise, given.cause) for promise in named}
    return state.replace(fired=tuple(sorted({*state.fired, *marks}))), tuple(_fact(promise, given) for promise in named)


def _was_named(state: SlaState, promise: Promise, given: MarkAtRisk) -> bool:
    causes = BEHIND if given.cause in BEHIND else (given.cause,)
    return any(_mark(promise, cause) in state.fired for cause in causes)


def _mark(promise: Promise, cause: str) -> str:
    return f"risk:{promise.number}:{cause}"


def _has_lost(promise: Promise, given: MarkAtRisk, rulebook: Rulebook) -> bool:
    """Whether working time that it counted on is gone; while something is still down, anybody may lose it."""
    if given.lost is None:
        return True
    since, until = max(given.lost[0], promise.made_at), given.lost[1]
    return since < until and rulebook.promise_calendar(promise.terms).elapsed(seconds(since), seconds(until)) > 0


def _fact(promise: Promise, given: MarkAtRisk) -> PromiseAtRisk:
    return PromiseAtRisk(
        promise=promise.number,
        due_at=promise.due_at,
        cause=given.cause,
        subject=promise.subject,
        item=promise.item,
    )

"""What the other services said, kept for the public record. Each writes its own part of the state and no other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from services.intake.domain.state import CaseOwner, IntakeState, PublicPromise, TimelineEntry, TriageSummary
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

INTERNAL: Final = frozenset({e.ScreeningRequested, e.MessageFailed, e.MessageSuppressed})

Update = dict[str, Any]


def hear(state: IntakeState, event: Event[Any]) -> IntakeState:
    """The state with this news in it, and a line in the timeline. News about a complaint unknown here waits for it."""
    facts = event.data.facts
    update = _HEARERS.get(type(facts))
    if update is None:
        return state
    staff = event.staff()
    entry = TimelineEntry.model_construct(
        at=event.time,
        kind=facts.kind,
        facts=facts,
        words=staff.name if staff else None,
        public=type(facts) not in INTERNAL,
    )
    return state.replace(**update(state, event), fresh=(*state.fresh, entry))


def _triaged(_: IntakeState, event: Event[e.Triaged]) -> Update:
    facts = event.facts
    triage = TriageSummary.model_construct(**{name: getattr(facts, name) for name in TriageSummary.model_fields})
    return {"triage": triage, "screening": False}


def _assigned(_: IntakeState, event: Event[e.Assigned]) -> Update:
    facts, staff = event.facts, event.staff()
    name = staff.name if staff else None
    return {"owner": CaseOwner.model_construct(team=facts.team, handler=facts.handler, name=name, since=event.time)}


def _promise_made(_: IntakeState, event: Event[e.PromiseMade]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}  # of the other promises the record has a line in its story only
    promise = PublicPromise(number=facts.promise, due_at=facts.due_at, first_due_at=facts.due_at)
    return {"promise": promise, "first_promise": facts.promise}


def _promise_revised(state: IntakeState, event: Event[e.PromiseRevised]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}
    first = state.promise.first_due_at if state.promise else facts.old_due_at
    return {
        "promise": PublicPromise(number=facts.promise, due_at=facts.due_at, first_due_at=first, reason=facts.reason)
    }


def _promise_settled(state: IntakeState, event: Event[e.PromiseKept] | Event[e.PromiseBroken], *, kept: bool) -> Update:
    facts = event.facts
    if facts.subject != "outcome" or state.promise is None:
        return {}
    if facts.promise < state.first_promise:
        return {}  # a date of before the reopening: its answer was told, or came back, before sla heard of it
    return {"promise": state.promise.replace(kept=kept)}


def _accepted(state: IntakeState, event: Event[e.MessageAccepted]) -> Update:
    facts, known = event.facts, state.told
    changes: Update = {"last_at": facts.accepted_at}
    if facts.message_kind == "acknowledgement":
        changes["acknowledged_at"] = known.acknowledged_at or facts.accepted_at
    elif facts.message_kind == "resolution":
        changes["resolution_at"] = facts.accepted_at
    return {"told": known.replace(**changes)}


def _not_told(state: IntakeState, _: Event[Any]) -> Update:
    return {"told": state.told.replace(failed=state.told.failed + 1)}


_HEARERS: Final[Mapping[type[Fact], Callable[[IntakeState, Event[Any]], Update]]] = {
    e.Triaged: _triaged,
    e.ScreeningRequested: lambda _, __: {"screening": True},
    e.Assigned: _assigned,
    e.Escalated: lambda _, event: {"level": event.facts.level},
    e.PromiseMade: _promise_made,
    e.PromiseRevised: _promise_revised,
    e.PromiseKept: partial(_promise_settled, kept=True),
    e.PromiseBroken: partial(_promise_settled, kept=False),
    e.MessageAccepted: _accepted,
    e.MessageFailed: _not_told,
    e.MessageSuppressed: _not_told,
}

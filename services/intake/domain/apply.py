"""What the other services said, kept for the public record. Each writes its own part of the state and no other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from services.intake.domain.state import Entry, Owner, Promise, State, Triage
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

INTERNAL: Final = frozenset({e.ScreeningRequested, e.MessageFailed, e.MessageSuppressed})

Update = dict[str, Any]


def hear(state: State, event: Event[Any]) -> State:
    """The state with this news in it, and a line in the timeline. News about a complaint unknown here waits for it."""
    facts = event.data.facts
    update = _HEARERS.get(type(facts))
    if update is None:
        return state
    staff = event.staff()
    entry = Entry.model_construct(
        at=event.time,
        kind=facts.kind,
        facts=facts,
        words=staff.name if staff else None,
        public=type(facts) not in INTERNAL,
    )
    return state.but(**update(state, event), fresh=(*state.fresh, entry))


def _triaged(_: State, event: Event[e.Triaged]) -> Update:
    facts = event.facts
    triage = Triage.model_construct(**{name: getattr(facts, name) for name in Triage.model_fields})
    return {"triage": triage, "screening": False}


def _assigned(_: State, event: Event[e.Assigned]) -> Update:
    facts, staff = event.facts, event.staff()
    name = staff.name if staff else None
    return {"owner": Owner.model_construct(team=facts.team, handler=facts.handler, name=name, since=event.time)}


def _promise_made(_: State, event: Event[e.PromiseMade]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}  # of the other promises the record has a line in its story only
    promise = Promise(number=facts.promise, due_at=facts.due_at, first_due_at=facts.due_at)
    return {"promise": promise, "first_promise": facts.promise}


def _promise_revised(state: State, event: Event[e.PromiseRevised]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}
    first = state.promise.first_due_at if state.promise else facts.old_due_at
    return {"promise": Promise(number=facts.promise, due_at=facts.due_at, first_due_at=first, reason=facts.reason)}


def _promise_settled(state: State, event: Event[e.PromiseKept] | Event[e.PromiseBroken], *, kept: bool) -> Update:
    facts = event.facts
    if facts.subject != "outcome" or state.promise is None:
        return {}
    if facts.promise < state.first_promise:
        return {}  # a date of before the reopening: its answer was told, or came back, before sla heard of it
    return {"promise": state.promise.but(kept=kept)}


def _accepted(state: State, event: Event[e.MessageAccepted]) -> Update:
    facts, known = event.facts, state.told
    changes: Update = {"last_at": facts.accepted_at}
    if facts.message_kind == "acknowledgement":
        changes["acknowledged_at"] = known.acknowledged_at or facts.accepted_at
    elif facts.message_kind == "resolution":
        changes["resolution_at"] = facts.accepted_at
    return {"told": known.but(**changes)}


def _not_told(state: State, _: Event[Any]) -> Update:
    return {"told": state.told.but(failed=state.told.failed + 1)}


_HEARERS: Final[Mapping[type[Fact], Callable[[State, Event[Any]], Update]]] = {
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

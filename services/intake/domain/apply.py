"""Application of other services' events to the state. Each event writes the part of its own source and no other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from services.intake.domain.state import CaseOwner, IntakeState, PublicPromise, TimelineEntry, TriageSummary
from shared.contracts import events as e
from shared.contracts.envelope import Event, Fact

INTERNAL: Final = frozenset({e.ScreeningRequested, e.MessageFailed, e.MessageSuppressed})

Update = dict[str, Any]


def apply(state: IntakeState, event: Event[Any]) -> IntakeState:
    """Return the state with the event applied and an entry for the timeline.

    An event of a complaint that intake has not stored yet is kept in its state until the complaint is created.
    """
    facts = event.data.facts
    update = _APPLY.get(type(facts))
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
    return state.replace(**update(state, event), new_entries=(*state.new_entries, entry))


def _apply_triaged(_: IntakeState, event: Event[e.Triaged]) -> Update:
    facts = event.facts
    triage = TriageSummary.model_construct(**{name: getattr(facts, name) for name in TriageSummary.model_fields})
    return {"triage": triage, "screening": False}


def _apply_assigned(_: IntakeState, event: Event[e.Assigned]) -> Update:
    facts, staff = event.facts, event.staff()
    name = staff.name if staff else None
    return {"owner": CaseOwner.model_construct(team=facts.team, handler=facts.handler, name=name, since=event.time)}


def _apply_promise_made(_: IntakeState, event: Event[e.PromiseMade]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}  # promises of other subjects appear in the timeline only
    promise = PublicPromise(number=facts.promise, due_at=facts.due_at, first_due_at=facts.due_at)
    return {"promise": promise, "first_promise": facts.promise}


def _apply_promise_revised(state: IntakeState, event: Event[e.PromiseRevised]) -> Update:
    facts = event.facts
    if facts.subject != "outcome":
        return {}
    first = state.promise.first_due_at if state.promise else facts.old_due_at
    return {
        "promise": PublicPromise(number=facts.promise, due_at=facts.due_at, first_due_at=first, reason=facts.reason)
    }


def _apply_promise_ended(
    state: IntakeState, event: Event[e.PromiseKept] | Event[e.PromiseBroken], *, kept: bool
) -> Update:
    facts = event.facts
    if facts.subject != "outcome" or state.promise is None:
        return {}
    # A promise of the cycle before the reopening may end after the reopening. It must not end the current promise.
    if facts.promise < state.first_promise:
        return {}
    return {"promise": state.promise.replace(kept=kept)}


def _apply_accepted(state: IntakeState, event: Event[e.MessageAccepted]) -> Update:
    facts, delivery = event.facts, state.delivery
    changes: Update = {"last_at": facts.accepted_at}
    if facts.message_kind == "acknowledgement":
        changes["acknowledged_at"] = delivery.acknowledged_at or facts.accepted_at
    elif facts.message_kind == "resolution":
        changes["resolution_at"] = facts.accepted_at
    return {"delivery": delivery.replace(**changes)}


def _count_undelivered(state: IntakeState, _: Event[Any]) -> Update:
    return {"delivery": state.delivery.replace(failed=state.delivery.failed + 1)}


_APPLY: Final[Mapping[type[Fact], Callable[[IntakeState, Event[Any]], Update]]] = {
    e.Triaged: _apply_triaged,
    e.ScreeningRequested: lambda _, __: {"screening": True},
    e.Assigned: _apply_assigned,
    e.Escalated: lambda _, event: {"level": event.facts.level},
    e.PromiseMade: _apply_promise_made,
    e.PromiseRevised: _apply_promise_revised,
    e.PromiseKept: partial(_apply_promise_ended, kept=True),
    e.PromiseBroken: partial(_apply_promise_ended, kept=False),
    e.MessageAccepted: _apply_accepted,
    e.MessageFailed: _count_undelivered,
    e.MessageSuppressed: _count_undelivered,
}

"""What the other services said, kept for the public record. Each writes its own part of the state and no other."""

from typing import Any

from services.intake.domain.states import Entry, Owner, Promise, State, Told, Triage
from shared.contracts import events as e
from shared.contracts.envelope import Event

INTERNAL = (e.ScreeningRequested, e.MessageFailed, e.MessageSuppressed)


def hear(state: State, event: Event[Any]) -> State:
    """The state with this news in it, and a line in the timeline. News about a complaint unknown here waits for it."""
    update = _update(state, event)
    if update is None:
        return state
    staff = event.staff()
    entry = Entry(
        at=event.time,
        kind=event.facts.kind,
        facts=event.facts.model_dump(mode="json", exclude_none=True),
        words=staff.name if staff else None,
        public=not isinstance(event.facts, INTERNAL),
    )
    return state.model_copy(update={**update, "fresh": (*state.fresh, entry)})


def _update(state: State, event: Event[Any]) -> dict[str, Any] | None:
    match event.facts:
        case e.Triaged() | e.ScreeningRequested() | e.Assigned() | e.Escalated():
            return _from_triage(event)
        case e.PromiseMade() | e.PromiseRevised() | e.PromiseKept() | e.PromiseBroken():
            return {"promise": _promise(state.promise, event.facts)}
        case e.MessageAccepted():
            return {"told": _told(state.told, event.facts)}
        case e.MessageFailed() | e.MessageSuppressed():
            return {"told": state.told.model_copy(update={"failed": state.told.failed + 1})}
    return None


def _from_triage(event: Event[Any]) -> dict[str, Any]:
    match event.facts:
        case e.Triaged() as facts:
            return {"triage": Triage.model_validate(dict(facts)), "screening": False}
        case e.Assigned() as facts:
            staff = event.staff()
            name = staff.name if staff else None
            return {"owner": Owner(team=facts.team, handler=facts.handler, name=name, since=event.time)}
        case e.Escalated() as facts:
            return {"level": facts.level}
    return {"screening": True}


def _promise(known: Promise | None, facts: Any) -> Promise | None:
    match facts:
        case e.PromiseMade():
            return Promise(number=facts.promise, due_at=facts.due_at, first_due_at=facts.due_at)
        case e.PromiseRevised():
            first = known.first_due_at if known else facts.old_due_at
            return Promise(number=facts.promise, due_at=facts.due_at, first_due_at=first, reason=facts.reason)
        case _ if known is None:
            return None
        case e.PromiseKept():
            return known.model_copy(update={"kept": True})
    return known.model_copy(update={"kept": False})


def _told(known: Told, facts: e.MessageAccepted) -> Told:
    update: dict[str, Any] = {"last_at": facts.accepted_at}
    if facts.message_kind == "acknowledgement":
        update["acknowledged_at"] = known.acknowledged_at or facts.accepted_at
    elif facts.message_kind == "resolution":
        update["resolution_at"] = facts.accepted_at
    return known.model_copy(update=update)

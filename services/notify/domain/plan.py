"""Planning: pending messages become messages for the sender.

An opening message (acknowledgement, reopened) should name the category, the handler and the date of the answer. These
come from other services shortly after the complaint, as separate events. The opening message therefore waits for them,
but not longer than `wait_until`. While it waits, promises are merged into it: a promise that arrives in time changes
the state only, and the acknowledgement states it, so that the customer receives one message instead of three. If it
had to be sent without a date, `owes_date` is set, and the first promise after that gets a message of its own.

The queue keeps its order: while an opening message waits, everything behind it waits too. An answer does not wait. If
one is in the queue, the opening message is sent at once, incomplete if need be, with the answer behind it.
"""

from datetime import datetime
from typing import Any, Final

from services.notify.domain.compose import OPENING, compose, has_date, stated_promise
from services.notify.domain.state import Intent, NewMessage, NotifyState, PendingMessage
from services.notify.domain.superseded import is_superseded
from shared.contracts.envelope import NewEvent
from shared.contracts.events import MessageKind, MessageSuppressed

CLOSING: Final[frozenset[MessageKind]] = frozenset({"resolution", "withdrawn"})


def plan(state: NotifyState, now: datetime, default_locale: str) -> tuple[NotifyState, tuple[NewEvent[Any], ...]]:
    """Compose the pending messages that need not wait. Return the new state and the events about suppressed messages.

    The rest stays in the queue; `due_at` is set to the time at which its first message stops waiting.
    """
    if state.received is None or not state.waiting:
        return state, ()
    count = _count_ready(state, now)
    ready, rest = state.waiting[:count], state.waiting[count:]
    due_at = rest[0].wait_until if rest else None
    if not count:
        return (state if state.due_at == due_at else state.replace(due_at=due_at)), ()
    stated = _stated_number(ready, state)
    planned: list[NewMessage] = []
    intents = dict(state.intents)
    for pending in ready:
        message = compose(state, state.received, pending, now=now, default_locale=default_locale)
        is_dropped = not message.suppressed and is_superseded(pending, state, batch=ready, stated=stated)
        intents[message.intent] = _intent(pending, message)
        if not is_dropped:
            planned.append(message)
    after = state.replace(
        waiting=rest,
        intents=intents,
        planned=(*state.planned, *planned),
        owes_date=_owes_date(state, ready),
        due_at=due_at,
    )
    return after, tuple(_suppressed(intents, message) for message in planned if message.suppressed)


def _count_ready(state: NotifyState, now: datetime) -> int:
    """Return how many messages at the head of the queue need not wait."""
    for position, pending in enumerate(state.waiting):
        if not _is_waiting(state, pending, now):
            continue
        is_closing_queued = any(later.kind in CLOSING for later in state.waiting[position + 1 :])
        if not is_closing_queued:
            return position
    return len(state.waiting)


def _is_waiting(state: NotifyState, pending: PendingMessage, now: datetime) -> bool:
    """Return True for an opening message that is not complete and whose time is not over."""
    if pending.kind not in OPENING or pending.wait_until is None or now >= pending.wait_until:
        return False
    is_complete = has_date(state, pending) and state.owner is not None and bool(state.category)
    return not is_complete


def _stated_number(ready: tuple[PendingMessage, ...], state: NotifyState) -> int:
    """Return the highest number of a promise that an opening message among `ready` states; 0 for none."""
    promises = (stated_promise(state, pending) for pending in ready if pending.kind in OPENING)
    return max((promise.number for promise in promises if promise), default=0)


def _owes_date(state: NotifyState, ready: tuple[PendingMessage, ...]) -> bool:
    """Return True if the customer still expects a date: the last opening message had none and none was sent since."""
    owes_date = state.owes_date
    for pending in ready:
        if pending.kind in OPENING:
            owes_date = not has_date(state, pending)
        elif pending.kind in CLOSING or pending.kind == "promise_moved":
            owes_date = False
    return owes_date


def _intent(pending: PendingMessage, message: NewMessage) -> Intent:
    return Intent(
        kind=pending.kind,
        cause=pending.origin.id,
        caused_at=pending.origin.time,
        recipient=message.recipient,
        letter=pending.letter,
        result="suppressed" if message.suppressed else None,
    )


def _suppressed(intents: dict[str, Intent], message: NewMessage) -> NewEvent[MessageSuppressed]:
    intent = intents[message.intent]
    facts = MessageSuppressed(
        message=str(message.message_id),
        message_kind=message.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=message.recipient,
        reason=message.suppressed or "",
    )
    return NewEvent(facts=facts)

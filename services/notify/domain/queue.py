"""Queue of pending messages of one complaint.

Topics arrive in any order, so the position of a message in the queue is computed from the message alone, and not from
the time of its arrival.
"""

from datetime import datetime
from typing import Any

from services.notify.domain.state import NotifyState, Origin, PendingMessage
from shared.contracts.envelope import Event, PartyId


def enqueue(state: NotifyState, pending: PendingMessage) -> NotifyState:
    """Return the state with the message queued, unless it is in the queue or was composed before."""
    is_composed = any(intent.startswith(f"{pending.key}:") for intent in state.intents)
    if is_composed or any(other.key == pending.key for other in state.waiting):
        return state
    return state.replace(waiting=tuple(sorted((*state.waiting, pending), key=queue_order)))


def queue_order(pending: PendingMessage) -> tuple[bool, datetime, str, int, str]:
    """Return the sort key of the queue: the acknowledgement first, then by the time of the events."""
    is_later = pending.kind != "acknowledgement"
    return (is_later, pending.origin.time, pending.kind, pending.origin.sequence, pending.key)


def build_intent(pending: PendingMessage, recipient: PartyId) -> str:
    """Return the intent: the key of the message and its recipient, unique within the complaint."""
    return f"{pending.key}:{recipient}"


def build_origin(event: Event[Any]) -> Origin:
    """Return the reference from a message to the event that caused it."""
    return Origin(id=event.id, sequence=event.sequence, time=event.time)

"""What waits to be told: each news in its place in the queue, once and for ever.

Topics arrive in any interleaving, so a place follows from the news alone.
"""

from datetime import datetime
from typing import Any

from services.notify.domain.state import NotifyState, Origin, PendingMessage
from shared.contracts.envelope import Event, PartyId


def enqueue(state: NotifyState, news: PendingMessage) -> NotifyState:
    """The state with the news in the queue, unless it waits there or was told before."""
    told = any(key.startswith(f"{news.mark}:") for key in state.intents)
    if told or any(other.mark == news.mark for other in state.waiting):
        return state
    return state.replace(waiting=tuple(sorted((*state.waiting, news), key=queue_order)))


def queue_order(news: PendingMessage) -> tuple[bool, datetime, str, int, str]:
    """The order of telling: the acknowledgement before everything, then as things happened."""
    return (news.kind != "acknowledgement", news.origin.time, news.kind, news.origin.sequence, news.mark)


def build_intent(news: PendingMessage, recipient: PartyId) -> str:
    """The part of an intent key that is unique within its complaint."""
    return f"{news.mark}:{recipient}"


def build_origin(event: Event[Any]) -> Origin:
    """What of an event a message remembers of its cause."""
    return Origin(id=event.id, sequence=event.sequence, time=event.time)

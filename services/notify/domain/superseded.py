"""Superseded messages: pending messages that a newer fact made untrue or unnecessary. They are not sent.

A message can wait: for its complaint to be received, or behind an opening message. Meanwhile the complaint can be
closed, a date can be moved again, or another message can end a silence. Sending it then would give the customer wrong
or useless news, so it is dropped when it would be composed. Its intent is stored all the same, so that the event that
caused it does not queue it again.

Topics arrive in any order, but the result must not depend on it for messages that have to be sent. Opening messages,
answers and confirmations are therefore never superseded; the others compare times and promise numbers, and not the
order of arrival.
"""

from typing import Final

from services.notify.domain.state import Intent, NotifyState, PendingMessage
from shared.contracts.events import MessageKind

SUPERSEDABLE: Final[frozenset[MessageKind]] = frozenset(
    {"progress", "promise_moved", "delay", "holding", "handler_changed"}
)


def is_superseded(
    pending: PendingMessage, state: NotifyState, *, batch: tuple[PendingMessage, ...], stated: int
) -> bool:
    """Return True if the message must not be sent.

    `batch`: the pending messages that are composed together with it. `stated`: highest promise number that an opening
    message of the batch states, 0 for none.
    """
    if pending.kind not in SUPERSEDABLE:
        return False
    if _is_closed(pending, state):
        return True
    if pending.silent_since is not None:
        return _is_silence_over(pending, state) or any(other.silent_since is None for other in batch)
    return _names_date(pending) and _is_date_outdated(pending, state, stated)


def _is_closed(pending: PendingMessage, state: NotifyState) -> bool:
    """Return True if the complaint is closed, or was closed and reopened after the event of the message.

    A message about agreed actions or about a second stage is still true after the answer, but not after a withdrawal.
    """
    if pending.is_valid_after_answer:
        return state.closed == "withdrawn"
    is_before_closing = state.closed_at is not None and pending.origin.time <= state.closed_at
    return state.closed is not None or is_before_closing


def _is_silence_over(pending: PendingMessage, state: NotifyState) -> bool:
    """Return True if another message was accepted since the silence began, or waits to be sent."""
    return any(_ends_silence(intent, pending) for intent in state.intents.values())


def _ends_silence(intent: Intent, pending: PendingMessage) -> bool:
    since = pending.silent_since
    if since is None or intent.cause == pending.origin.id or intent.result in ("failed", "suppressed"):
        return False
    if intent.accepted_at is not None:
        return intent.accepted_at > since
    return intent.caused_at > since or intent.kind not in SUPERSEDABLE


def _names_date(pending: PendingMessage) -> bool:
    has_date = pending.kind == "progress" and pending.due_at is not None
    return pending.kind == "promise_moved" or pending.is_risk or has_date


def _is_date_outdated(pending: PendingMessage, state: NotifyState, stated: int) -> bool:
    """Return True if a newer date of the same subject exists, the date is over, or an opening message states it.

    Several actions have dates at the same time, and no order between them, so the date of an action is never outdated.
    """
    current = {"outcome": state.promise, "next_update": state.next_update, "action": None}[pending.about]
    number = pending.promise or 0
    is_stated = pending.kind == "promise_moved" and number <= stated
    return is_stated or (current is not None and (number < current.number or current.broken))

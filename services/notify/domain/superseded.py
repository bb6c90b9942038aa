"""News that something later has made pointless, and that is therefore not written.

Nothing here depends on which topic was read first as far as anything that must be told is concerned: opening letters,
answers and confirmations are never overtaken.
"""

from typing import Final

from services.notify.domain.state import Intent, NotifyState, PendingMessage
from shared.contracts.events import MessageKind

SUPERSEDABLE: Final[frozenset[MessageKind]] = frozenset({"progress", "promise_moved", "delay", "holding", "handler_changed"})


def is_superseded(
    news: PendingMessage, state: NotifyState, *, together: tuple[PendingMessage, ...], told: int
) -> bool:
    """Whether it is better left unsaid. `together`: what is written with it; `told`: a promise stated there anyway."""
    if news.kind not in SUPERSEDABLE:
        return False
    if _is_closed(news, state):
        return True
    if news.silent_since is not None:
        return _is_spoken_to(news, state) or any(other.silent_since is None for other in together)
    return _names_date(news) and _is_older(news, state, told)


def _is_closed(news: PendingMessage, state: NotifyState) -> bool:
    if news.outlives_answer:
        return state.closed == "withdrawn"
    before_the_end = state.closed_at is not None and news.origin.time <= state.closed_at
    return state.closed is not None or before_the_end


def _is_spoken_to(news: PendingMessage, state: NotifyState) -> bool:
    """Whether the silence is over: another message arrived since it began, or is on its way."""
    return any(_breaks(intent, news) for intent in state.intents.values())


def _breaks(intent: Intent, news: PendingMessage) -> bool:
    since = news.silent_since
    if since is None or intent.cause == news.origin.id or intent.result in ("failed", "suppressed"):
        return False
    if intent.accepted_at is not None:
        return intent.accepted_at > since
    return intent.caused_at > since or intent.kind not in SUPERSEDABLE


def _names_date(news: PendingMessage) -> bool:
    return news.kind == "promise_moved" or news.is_risk or (news.kind == "progress" and news.due_at is not None)


def _is_older(news: PendingMessage, state: NotifyState, told: int) -> bool:
    """Whether a newer date of the same subject is known, or that it was not kept; of actions neither is."""
    current = {"outcome": state.promise, "next_update": state.next_update, "action": None}[news.about]
    number = news.promise or 0
    stated = news.kind == "promise_moved" and number <= told
    return stated or (current is not None and (number < current.number or current.broken))

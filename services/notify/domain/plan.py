"""What is to be written now, out of what is known.

An opening letter (acknowledgement, reopened) waits a moment for owner and date to be known, and holds back what comes
after it; an answer never waits, it takes the opening letter along. News that something has overtaken is not written.
"""

from datetime import datetime
from typing import Any, Final

from services.notify.domain.compose import OPENING, has_date, stated_promise, compose
from services.notify.domain.state import Intent, NewMessage, NotifyState, PendingMessage
from services.notify.domain.superseded import is_superseded
from shared.contracts.envelope import NewEvent
from shared.contracts.events import MessageKind, MessageSuppressed

CLOSING: Final[frozenset[MessageKind]] = frozenset({"resolution", "withdrawn"})

Saying = tuple[NewEvent[Any], ...]


def plan(state: NotifyState, now: datetime, default_locale: str) -> tuple[NotifyState, Saying]:
    """Turn news that is ripe into messages; the rest stays in the queue and sets the timer."""
    if state.received is None or not state.waiting:
        return state, ()
    ripe = _ripe(state, now)
    ready, held = state.waiting[:ripe], state.waiting[ripe:]
    due_at = held[0].wait_until if held else None
    if not ripe:
        return (state if state.due_at == due_at else state.replace(due_at=due_at)), ()
    told = _date_told(ready, state)
    planned: list[NewMessage] = []
    intents = dict(state.intents)
    for news in ready:
        message = compose(state, state.received, news, now=now, default_locale=default_locale)
        overtaken = not message.suppressed and is_superseded(news, state, together=ready, told=told)
        intents[message.intent] = _intent(news, message)
        if not overtaken:
            planned.append(message)
    after = state.replace(
        waiting=held,
        intents=intents,
        planned=(*state.planned, *planned),
        owes_date=_owes_date(state, ready),
        due_at=due_at,
    )
    return after, tuple(_suppressed(intents, m) for m in planned if m.suppressed)


def _ripe(state: NotifyState, now: datetime) -> int:
    """How many of the queue, from its head, can be written now."""
    for position, news in enumerate(state.waiting):
        if news.kind not in OPENING or news.wait_until is None or now >= news.wait_until or _is_complete(state, news):
            continue
        hurried = any(later.kind in CLOSING for later in state.waiting[position + 1 :])
        if not hurried:
            return position
    return len(state.waiting)


def _is_complete(state: NotifyState, news: PendingMessage) -> bool:
    """Whether everything an opening letter wants to say is known."""
    return has_date(state, news) and state.owner is not None and bool(state.category)


def _date_told(ready: tuple[PendingMessage, ...], state: NotifyState) -> int:
    """The number of the promise that an opening letter of this round states; 0 when none does."""
    promises = (stated_promise(state, news) for news in ready if news.kind in OPENING)
    return max((promise.number for promise in promises if promise), default=0)


def _owes_date(state: NotifyState, ready: tuple[PendingMessage, ...]) -> bool:
    owes = state.owes_date
    for news in ready:
        if news.kind in OPENING:
            owes = not has_date(state, news)
        elif news.kind in CLOSING or news.kind == "promise_moved":
            owes = False
    return owes


def _intent(news: PendingMessage, message: NewMessage) -> Intent:
    return Intent(
        kind=news.kind,
        cause=news.origin.id,
        caused_at=news.origin.time,
        recipient=message.recipient,
        letter=news.letter,
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

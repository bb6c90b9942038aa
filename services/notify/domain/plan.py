"""What is to be written now, out of what is known.

An opening letter (acknowledgement, reopened) waits a moment for owner and date to be known, and holds back what comes
after it; an answer never waits, it takes the opening letter along. News that an answer has overtaken is not written.
"""

from datetime import datetime
from typing import Any, Final
from uuid import uuid5

from services.notify.domain.address import unreachable
from services.notify.domain.content import Content
from services.notify.domain.languages import choose
from services.notify.domain.state import Intent, NewMessage, News, Notices, Promise, Received, intent_of
from shared.contracts.envelope import Say
from shared.contracts.events import MessageKind, MessageSuppressed

OPENING: Final[frozenset[MessageKind]] = frozenset({"acknowledgement", "reopened"})
CLOSING: Final[frozenset[MessageKind]] = frozenset({"resolution", "withdrawn"})
PASSING: Final[frozenset[MessageKind]] = frozenset({"progress", "promise_moved", "delay", "handler_changed"})

Saying = tuple[Say[Any], ...]


def plan(state: Notices, now: datetime, default_locale: str) -> tuple[Notices, Saying]:
    """Turn news that is ripe into messages; the rest stays in the queue and sets the timer."""
    if state.received is None or not state.waiting:
        return state, ()
    ripe = _ripe(state, now)
    held = state.waiting[ripe:]
    due_at = held[0].wait_until if held else None
    if not ripe:
        return (state if state.due_at == due_at else state.but(due_at=due_at)), ()
    told = _date_told(state.waiting[:ripe], state)
    planned: list[NewMessage] = []
    intents = dict(state.intents)
    for news in state.waiting[:ripe]:
        message = _message(state, state.received, news, default_locale)
        overtaken = not message.suppressed and _is_overtaken(news, state, told)
        intents[message.intent] = Intent(
            kind=news.kind,
            cause=news.origin.id,
            recipient=message.recipient,
            result="suppressed" if message.suppressed else None,
        )
        if not overtaken:
            planned.append(message)
    after = state.but(
        waiting=held,
        intents=intents,
        planned=(*state.planned, *planned),
        owes_date=_owes_date(state, state.waiting[:ripe]),
        due_at=due_at,
    )
    return after, tuple(_suppressed(intents, m) for m in planned if m.suppressed)


def _ripe(state: Notices, now: datetime) -> int:
    """How many of the queue, from its head, can be written now."""
    for position, news in enumerate(state.waiting):
        if news.kind not in OPENING or news.wait_until is None or now >= news.wait_until or _is_complete(state, news):
            continue
        hurried = any(later.kind in CLOSING for later in state.waiting[position + 1 :])
        if not hurried:
            return position
    return len(state.waiting)


def _is_complete(state: Notices, news: News) -> bool:
    """Whether everything an opening letter wants to say is known."""
    return _has_date(state, news) and state.owner is not None and bool(state.category)


def _has_date(state: Notices, news: News) -> bool:
    """Whether a date was set for what this opening letter opens: a case opened again wants a date of its own."""
    if state.promise is None:
        return False
    return news.kind == "acknowledgement" or state.promise.made_at >= news.origin.time


def _is_overtaken(news: News, state: Notices, told: int) -> bool:
    if news.kind not in PASSING:
        return False
    if state.closed_at is not None and news.origin.time <= state.closed_at:
        return True
    number, current = news.promise or 0, state.promise.number if state.promise else 0
    return news.kind == "promise_moved" and (number <= told or number < current)


def _stated(state: Notices, news: News) -> Promise | None:
    """The promise whose date this message tells, if it tells the current one."""
    promise = state.promise
    if promise is None or promise.broken:
        return None
    if news.kind in OPENING:
        return promise if _has_date(state, news) else None
    return promise if news.promise is not None and promise.number >= news.promise else None


def _date_told(ripe: tuple[News, ...], state: Notices) -> int:
    """The number of the promise that an opening letter of this round states; 0 when none does."""
    stated = (_stated(state, news) for news in ripe if news.kind in OPENING)
    return max((promise.number for promise in stated if promise), default=0)


def _owes_date(state: Notices, ripe: tuple[News, ...]) -> bool:
    owes = state.owes_date
    for news in ripe:
        if news.kind in OPENING:
            owes = not _has_date(state, news)
        elif news.kind in CLOSING or news.kind == "promise_moved":
            owes = False
    return owes


def _message(state: Notices, received: Received, news: News, default_locale: str) -> NewMessage:
    recipient = received.recipient
    stated = _stated(state, news)
    intent = intent_of(news, recipient.party)
    return NewMessage(
        message_id=uuid5(state.complaint_id, intent),
        complaint_id=state.complaint_id,
        intent=intent,
        kind=news.kind,
        recipient=recipient.party,
        address=recipient.email,
        locale=choose((*recipient.wishes, state.language), default_locale),
        content=_content(state, received, news, stated.due_at if stated else news.due_at),
        caused_at=news.origin.time,
        states_promise=stated.number if stated else news.promise if news.due_at else None,
        suppressed=unreachable(recipient.email),
    )


def _content(state: Notices, received: Received, news: News, due_at: datetime | None) -> Content:
    return Content(
        reference=received.reference,
        received_at=received.received_at,
        name=received.recipient.name,
        timezone=received.recipient.timezone,
        subject=received.subject,
        expected_outcome=received.expected_outcome,
        category=state.category,
        team=state.owner.team if state.owner else None,
        handler=state.owner.handler if state.owner else None,
        due_at=due_at,
        old_due_at=news.old_due_at,
        reason=news.reason,
        words=news.words,
        progress=news.progress,
        outcome=news.outcome,
        redress=news.redress,
    )


def _suppressed(intents: dict[str, Intent], message: NewMessage) -> Say[MessageSuppressed]:
    intent = intents[message.intent]
    facts = MessageSuppressed(
        message=str(message.message_id),
        message_kind=message.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=message.recipient,
        reason=message.suppressed or "",
    )
    return Say(facts=facts)

"""From news to a message: who gets it, in which language, which date it states, and everything else that it may say."""

from datetime import datetime
from typing import Final
from uuid import uuid5

from services.notify.domain.address import unreachable
from services.notify.domain.content import Content
from services.notify.domain.languages import choose_locale
from services.notify.domain.queue import build_intent
from services.notify.domain.state import (
    AnnouncedPromise,
    NewMessage,
    NotifyState,
    PendingMessage,
    ReceivedComplaint,
)
from shared.contracts.events import MessageKind, ProgressState, PromiseSubject

OPENING: Final[frozenset[MessageKind]] = frozenset({"acknowledgement", "reopened"})
WAITS: Final[dict[ProgressState, str]] = {
    "investigating": "investigation",
    "awaiting_customer": "awaiting_customer",
    "awaiting_third_party": "awaiting_third_party",
}


def compose(
    state: NotifyState, received: ReceivedComplaint, news: PendingMessage, *, now: datetime, default_locale: str
) -> NewMessage:
    """The message; `suppressed` where its recipient cannot be written to."""
    recipient = received.recipient
    promise = stated_promise(state, news)
    intent = build_intent(news, recipient.party)
    return NewMessage(
        message_id=uuid5(state.complaint_id, intent),
        complaint_id=state.complaint_id,
        intent=intent,
        kind=news.kind,
        recipient=recipient.party,
        address=recipient.email,
        locale=choose_locale((*recipient.wishes, state.language), default_locale),
        content=_content(state, received, news, now),
        caused_at=news.origin.time,
        states_promise=promise.number if promise else news.promise if news.due_at else None,
        suppressed=unreachable(recipient.email),
    )


def has_date(state: NotifyState, news: PendingMessage) -> bool:
    """Whether a date was set for what this opening letter opens: a case opened again wants a date of its own."""
    if state.promise is None:
        return False
    return state.promise.cycle >= news.cycle


def stated_promise(state: NotifyState, news: PendingMessage) -> AnnouncedPromise | None:
    """The promise whose date this message tells, if it tells the current one of its subject."""
    promise = {"outcome": state.promise, "next_update": state.next_update, "action": None}[news.about]
    if promise is None or promise.broken or news.is_risk:
        return None
    if news.kind in OPENING:
        return promise if has_date(state, news) else None
    return promise if news.promise is not None and promise.number >= news.promise else None


def _content(state: NotifyState, received: ReceivedComplaint, news: PendingMessage, now: datetime) -> Content:
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
        old_due_at=news.old_due_at,
        about=news.about,
        reasons=_reasons(state, news),
        words=news.words,
        progress=news.progress or state.progress,
        silent_since=news.silent_since,
        letter=news.letter,
        recourse=news.recourse,
        repeats=news.repeats,
        outcome=news.outcome,
        redress=news.redress,
        **_dates(state, news, now),
    )


def _reasons(state: NotifyState, news: PendingMessage) -> tuple[str, ...]:
    """Why it takes long. A rule only says that a letter must explain it; the reasons themselves are in the case."""
    if news.letter is None:
        return news.reasons
    moved = (state.promise.reason,) if state.promise and state.promise.reason else ()
    waits = (WAITS[state.progress],) if state.progress else ()
    return (*news.reasons, *moved, *waits)


def _dates(state: NotifyState, news: PendingMessage, now: datetime) -> dict[str, datetime | None]:
    """The date this message states, and beside it those that stand anyway."""
    promise = stated_promise(state, news)
    told = promise.due_at if promise else news.due_at
    if news.about != "outcome":
        field = _FIELDS[news.about]
        return {"due_at": _standing(state.promise, now) if news.kind == "progress" else None, field: told}
    next_update_at = _standing(state.next_update, now) if news.kind == "progress" else None
    return {"due_at": told, "next_update_at": next_update_at}


def _standing(promise: AnnouncedPromise | None, now: datetime) -> datetime | None:
    return promise.due_at if promise and not promise.broken and promise.due_at > now else None


_FIELDS: Final[dict[PromiseSubject, str]] = {
    "outcome": "due_at",
    "next_update": "next_update_at",
    "action": "action_at",
}

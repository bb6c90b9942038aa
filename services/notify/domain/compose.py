"""Composition of a message: recipient, language, the promise it states, and its content."""

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
REASON_BY_PROGRESS: Final[dict[ProgressState, str]] = {
    "investigating": "investigation",
    "awaiting_customer": "awaiting_customer",
    "awaiting_third_party": "awaiting_third_party",
}


def compose(
    state: NotifyState, received: ReceivedComplaint, pending: PendingMessage, *, now: datetime, default_locale: str
) -> NewMessage:
    """Return the message; `suppressed` is set if the recipient has no usable address."""
    recipient = received.recipient
    promise = stated_promise(state, pending)
    intent = build_intent(pending, recipient.party)
    return NewMessage(
        message_id=uuid5(state.complaint_id, intent),
        complaint_id=state.complaint_id,
        intent=intent,
        kind=pending.kind,
        recipient=recipient.party,
        address=recipient.email,
        locale=choose_locale((*recipient.preferred_languages, state.language), default_locale),
        content=_content(state, received, pending, now),
        caused_at=pending.origin.time,
        states_promise=promise.number if promise else pending.promise if pending.due_at else None,
        suppressed=unreachable(recipient.email),
    )


def has_date(state: NotifyState, pending: PendingMessage) -> bool:
    """Return True if a promise exists for the cycle of the opening message; a reopened case needs a new one."""
    if state.promise is None:
        return False
    return state.promise.cycle >= pending.cycle


def stated_promise(state: NotifyState, pending: PendingMessage) -> AnnouncedPromise | None:
    """Return the current promise of the message's subject if the message states its date, else None."""
    promise = {"outcome": state.promise, "next_update": state.next_update, "action": None}[pending.about]
    if promise is None or promise.broken or pending.is_risk:
        return None
    if pending.kind in OPENING:
        return promise if has_date(state, pending) else None
    return promise if pending.promise is not None and promise.number >= pending.promise else None


def _content(state: NotifyState, received: ReceivedComplaint, pending: PendingMessage, now: datetime) -> Content:
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
        old_due_at=pending.old_due_at,
        about=pending.about,
        reasons=_reasons(state, pending),
        words=pending.words,
        progress=pending.progress or state.progress,
        silent_since=pending.silent_since,
        letter=pending.letter,
        recourse=pending.recourse,
        repeats=pending.repeats,
        outcome=pending.outcome,
        redress=pending.redress,
        **_dates(state, pending, now),
    )


def _reasons(state: NotifyState, pending: PendingMessage) -> tuple[str, ...]:
    """Return the reason codes. A letter's rule only requires that reasons are given; the state has the reasons."""
    if pending.letter is None:
        return pending.reasons
    moved = (state.promise.reason,) if state.promise and state.promise.reason else ()
    waits = (REASON_BY_PROGRESS[state.progress],) if state.progress else ()
    return (*pending.reasons, *moved, *waits)


def _dates(state: NotifyState, pending: PendingMessage, now: datetime) -> dict[str, datetime | None]:
    """Return the date that the message states, and the other dates that are still open."""
    promise = stated_promise(state, pending)
    stated = promise.due_at if promise else pending.due_at
    if pending.about != "outcome":
        field = _FIELDS[pending.about]
        return {"due_at": _open_date(state.promise, now) if pending.kind == "progress" else None, field: stated}
    next_update_at = _open_date(state.next_update, now) if pending.kind == "progress" else None
    return {"due_at": stated, "next_update_at": next_update_at}


def _open_date(promise: AnnouncedPromise | None, now: datetime) -> datetime | None:
    return promise.due_at if promise and not promise.broken and promise.due_at > now else None


_FIELDS: Final[dict[PromiseSubject, str]] = {
    "outcome": "due_at",
    "next_update": "next_update_at",
    "action": "action_at",
}

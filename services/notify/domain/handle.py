"""What follows from an attempt to send: done, again later, or never.

Waits before attempt 1, 2, 3 …: about 16 hours in all. Jitter is drawn by the worker and handed in as a factor.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.notify.domain.content import MANDATORY
from services.notify.domain.state import AttemptOutcome, AttemptRecord, Intent, NotifyState, IntentResult, MessageStatus
from shared.contracts.envelope import NewEvent
from shared.contracts.events import MessageAccepted, MessageFailed, MessageKind
from shared.errors import NotFound
from shared.runner.types import Command

SCHEDULE: Final = tuple(timedelta(seconds=s) for s in (0, 30, 120, 600, 1800, 3600, 7200, 14400, 28800))


@dataclass(frozen=True, slots=True)
class AttemptFinished(Command):
    """A worker tells how an attempt ended. `code` names the reply, never its text (it may quote an address)."""

    message_id: UUID
    intent: str
    attempt: int
    outcome: AttemptOutcome
    code: str
    locale: str
    template: str
    states_promise: int | None = None
    jitter: float = 1.0  # factor on the wait, 0.8 to 1.2


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """Where an attempt leaves its message; `wait` before the next one."""

    status: MessageStatus
    wait: timedelta | None = None


def next_status(outcome: AttemptOutcome, attempt: int, *, kind: MessageKind, receipt_window: timedelta) -> AttemptResult:
    """The next status of a message after its attempt number `attempt` (counted from 1)."""
    last = attempt >= len(SCHEDULE)
    match outcome:
        case "sent":
            return AttemptResult("accepted")
        case "failed_transient" if not last:
            return AttemptResult("retry_wait", SCHEDULE[attempt])
        case "uncertain" if kind in MANDATORY and not last:
            return AttemptResult("uncertain", receipt_window)
        case "uncertain":
            return AttemptResult("uncertain")
    return AttemptResult("dead")


def finish(
    state: NotifyState, given: AttemptFinished, *, now: datetime, receipt_window: timedelta
) -> tuple[NotifyState, tuple[NewEvent[Any], ...]]:
    """Record an attempt. A result that is already final stays; only the attempt itself is written down then."""
    intent = state.intents.get(given.intent)
    if intent is None:
        raise NotFound("no such message was ever intended")
    if intent.result is not None:
        return _record(state, _finished(given, status=None)), ()
    move = next_status(given.outcome, given.attempt, kind=intent.kind, receipt_window=receipt_window)
    again_at = now + move.wait * given.jitter if move.wait is not None else None
    recorded = _record(state, _finished(given, status=move.status, again_at=again_at))
    if again_at is not None:
        return recorded, ()
    result: IntentResult = "accepted" if move.status == "accepted" else "failed"
    accepted_at = now if result == "accepted" else None
    intents = {**state.intents, given.intent: intent.replace(result=result, accepted_at=accepted_at)}
    says = _accepted(intent, given, now) if result == "accepted" else _failed(intent, given)
    return recorded.replace(intents=intents), (says,)


def _finished(given: AttemptFinished, *, status: MessageStatus | None, again_at: datetime | None = None) -> AttemptRecord:
    return AttemptRecord(
        message_id=given.message_id,
        attempt=given.attempt,
        outcome=given.outcome,
        code=given.code,
        status=status,
        next_attempt_at=again_at,
        locale=given.locale,
        template=given.template,
    )


def _record(state: NotifyState, finished: AttemptRecord) -> NotifyState:
    return state.replace(finished=(*state.finished, finished))


def _accepted(intent: Intent, given: AttemptFinished, now: datetime) -> NewEvent[MessageAccepted]:
    facts = MessageAccepted(
        message=str(given.message_id),
        message_kind=intent.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=intent.recipient,
        accepted_at=now,
        locale=given.locale,
        template=given.template,
        states_promise=given.states_promise,
        attempts=given.attempt,
        letter=intent.letter,
    )
    return NewEvent(facts=facts)


def _failed(intent: Intent, given: AttemptFinished) -> NewEvent[MessageFailed]:
    facts = MessageFailed(
        message=str(given.message_id),
        message_kind=intent.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=intent.recipient,
        reason=given.code if given.outcome != "uncertain" else "uncertain",
        attempts=given.attempt,
    )
    return NewEvent(facts=facts)

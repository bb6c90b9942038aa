"""Handling of a finished attempt: the message is accepted, is sent again later (`retry_schedule`), or has failed."""

from datetime import datetime

from services.notify.domain.commands import AttemptFinished
from services.notify.domain.context import NotifyContext, NotifyDecision
from services.notify.domain.retry_schedule import next_status
from services.notify.domain.state import AttemptRecord, Intent, IntentResult, MessageStatus, NotifyState
from shared.contracts.envelope import NewEvent
from shared.contracts.events import MessageAccepted, MessageFailed
from shared.errors import NotFound, Rejected
from shared.runner.types import Command, Decision


def handle(state: NotifyState | None, command: Command, context: NotifyContext) -> NotifyDecision:
    """Record a finished attempt and publish a final result.

    An intent that has a result keeps it; then only the attempt itself is recorded. Raises `NotFound` for an unknown
    complaint or message, and `Rejected` for an unknown command.
    """
    if not isinstance(command, AttemptFinished):
        raise Rejected(f"expected an event, a tick or a finished attempt, got {type(command).__name__}")
    if state is None:
        raise NotFound
    intent = state.intents.get(command.intent)
    if intent is None:
        raise NotFound("expected a planned message, got an unknown one")
    if intent.result is not None:
        return Decision(_record(state, command, status=None))
    after = next_status(command.outcome, command.attempt, kind=intent.kind, receipt_window=context.receipt_window)
    next_attempt_at = context.now + after.wait * command.jitter if after.wait is not None else None
    recorded = _record(state, command, status=after.status, next_attempt_at=next_attempt_at)
    if next_attempt_at is not None:
        return Decision(recorded)
    result: IntentResult = "accepted" if after.status == "accepted" else "failed"
    accepted_at = context.now if result == "accepted" else None
    intents = {**state.intents, command.intent: intent.replace(result=result, accepted_at=accepted_at)}
    event = _accepted(intent, command, context.now) if result == "accepted" else _failed(intent, command)
    return Decision(recorded.replace(intents=intents), (event,))


def _record(
    state: NotifyState,
    command: AttemptFinished,
    *,
    status: MessageStatus | None,
    next_attempt_at: datetime | None = None,
) -> NotifyState:
    attempt = AttemptRecord(
        message_id=command.message_id,
        attempt=command.attempt,
        outcome=command.outcome,
        code=command.code,
        status=status,
        next_attempt_at=next_attempt_at,
        locale=command.locale,
        template=command.template,
    )
    return state.replace(finished=(*state.finished, attempt))


def _accepted(intent: Intent, command: AttemptFinished, now: datetime) -> NewEvent[MessageAccepted]:
    facts = MessageAccepted(
        message=str(command.message_id),
        message_kind=intent.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=intent.recipient,
        accepted_at=now,
        locale=command.locale,
        template=command.template,
        states_promise=command.states_promise,
        attempts=command.attempt,
        letter=intent.letter,
    )
    return NewEvent(facts=facts)


def _failed(intent: Intent, command: AttemptFinished) -> NewEvent[MessageFailed]:
    facts = MessageFailed(
        message=str(command.message_id),
        message_kind=intent.kind,
        channel="email",
        cause=str(intent.cause),
        recipient=intent.recipient,
        reason=command.code if command.outcome != "uncertain" else "uncertain",
        attempts=command.attempt,
    )
    return NewEvent(facts=facts)

"""The decisions of notify.

    received              what changes                                             what is published
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────
    ComplaintReceived     recipient and subject; an acknowledgement is queued
    Triaged, Assigned     category and language; team and handler
    PromiseMade           date of the answer; it is queued as a message only if
                          the opening message was sent without a date. A date
                          of an update or an action is always queued
    PromiseRevised        new date; a message with both dates is queued
    PromiseBroken         the date is over; an apology is queued
    PromiseAtRisk         a warning is queued, once per date and cause
    LetterDue             a letter of a regulator's rule is queued, once
    SilenceNoticed        a sign of life is queued, once per silence
    ProgressRecorded      state of work; its text is queued, if it has one
    MessageAdded          a customer who was asked has answered
    Resolved, Withdrawn   closed; the answer or a confirmation is queued
    Reopened              open again; a confirmation is queued
    Tick                  the opening message has waited long enough
    AttemptFinished       attempt recorded; accepted, failed or a next attempt     MessageAccepted, MessageFailed

After each event and tick, `plan` turns queued messages into messages for the sender. It publishes MessageSuppressed for
a recipient without a usable address. An event that arrives twice changes nothing the second time.
"""

from services.notify.domain.apply import apply
from services.notify.domain.context import NotifyContext, NotifyDecision
from services.notify.domain.handle import handle
from services.notify.domain.plan import plan
from services.notify.domain.state import NotifyState
from shared.runner.types import Command, Decision, Input, Tick


def decide(state: NotifyState | None, input_: Input, context: NotifyContext) -> NotifyDecision:
    """Decide on an event, a tick or a finished attempt. Raises `NotFound` or `Rejected`, for commands only."""
    # `isinstance` with pydantic's generic models is slow, so the two plain classes are tested and the rest is an event.
    if isinstance(input_, Command):
        return handle(state, input_, context)
    if isinstance(input_, Tick):
        return _plan(state, context) if state else Decision(state=None)
    applied = apply(state or NotifyState(complaint_id=input_.subject), input_, context)
    return _plan(applied, context)


def _plan(state: NotifyState, context: NotifyContext) -> NotifyDecision:
    planned, events = plan(state, context.now, context.default_locale)
    return Decision(state=planned, events=events)

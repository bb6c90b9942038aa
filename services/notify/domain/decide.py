"""The heart of notify: hear, put in place, and intend what must be said."""

from dataclasses import dataclass
from datetime import timedelta

from services.notify.domain.apply import learn
from services.notify.domain.handle import AttemptFinished, finish
from services.notify.domain.plan import plan
from services.notify.domain.state import NotifyState
from shared.contracts.envelope import Event
from shared.errors import NotFound, Rejected
from shared.runner import types
from shared.runner.types import Input, Tick


@dataclass(frozen=True, slots=True)
class NotifyContext(types.Context):
    """What notify may know besides: how patient it is, and in which language it speaks when nobody says."""

    patience: timedelta = timedelta(seconds=15)  # an opening letter waits this long to be complete
    receipt_window: timedelta = timedelta(minutes=15)  # an uncertain attempt may still turn out to have arrived
    default_locale: str = "en"


Decision = types.Decision[NotifyState, NotifyContext]


def decide(state: NotifyState | None, given: Input, context: NotifyContext) -> Decision:
    """New facts and time lead to messages; finished attempts lead to what others must hear of them."""
    if isinstance(given, AttemptFinished):
        if state is None:
            raise NotFound
        recorded, says = finish(state, given, now=context.now, receipt_window=context.receipt_window)
        return types.Decision(state=recorded, events=says)
    if isinstance(given, Tick):
        return _planned(state, context) if state else types.Decision(state=None)
    if isinstance(given, Event):  # asked last: such a question to a pydantic class is a slow one
        known = state or NotifyState(complaint_id=given.subject)
        learned = learn(known, given, patience=context.patience, now=context.now)
        return _planned(learned, context)
    raise Rejected(f"expected an event, a tick or a finished attempt, got {type(given).__name__}")


def _planned(state: NotifyState, context: NotifyContext) -> Decision:
    after, says = plan(state, context.now, context.default_locale)
    return types.Decision(state=after, events=says)

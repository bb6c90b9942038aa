"""Rules of notify: which messages a customer receives, when, and what they contain, as a pure function."""

from services.notify.domain.commands import AttemptFinished
from services.notify.domain.content import MANDATORY, REQUIRED, Content
from services.notify.domain.context import NotifyContext
from services.notify.domain.decide import decide
from services.notify.domain.state import AttemptRecord, NewMessage, NotifyState

__all__ = [
    "MANDATORY",
    "REQUIRED",
    "AttemptFinished",
    "AttemptRecord",
    "Content",
    "NewMessage",
    "NotifyContext",
    "NotifyState",
    "decide",
]

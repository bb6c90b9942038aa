"""The rules of notify, without clock, network or database."""

from services.notify.domain.content import MANDATORY, REQUIRED, Content
from services.notify.domain.decide import NotifyContext, decide
from services.notify.domain.handle import AttemptFinished
from services.notify.domain.state import AttemptRecord, NewMessage, NotifyState

__all__ = [
    "MANDATORY",
    "REQUIRED",
    "AttemptFinished",
    "Content",
    "AttemptRecord",
    "NewMessage",
    "NotifyState",
    "NotifyContext",
    "decide",
]

"""The rules of notify, without clock, network or database."""

from services.notify.domain.content import MANDATORY, REQUIRED, Content
from services.notify.domain.decide import NotifyContext, decide
from services.notify.domain.handle import AttemptFinished
from services.notify.domain.state import Finished, NewMessage, NotificationState

__all__ = [
    "MANDATORY",
    "REQUIRED",
    "AttemptFinished",
    "Content",
    "Finished",
    "NewMessage",
    "NotificationState",
    "NotifyContext",
    "decide",
]

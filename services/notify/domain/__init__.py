"""The rules of notify, without clock, network or database."""

from services.notify.domain.content import MANDATORY, REQUIRED, Content
from services.notify.domain.decide import Context, decide
from services.notify.domain.handle import AttemptFinished
from services.notify.domain.state import Finished, NewMessage, Notices

__all__ = [
    "MANDATORY",
    "REQUIRED",
    "AttemptFinished",
    "Content",
    "Context",
    "Finished",
    "NewMessage",
    "Notices",
    "decide",
]

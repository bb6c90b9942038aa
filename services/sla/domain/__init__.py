"""Domain of sla: clocks and promises as a pure function of facts, terms and calendar."""

from services.sla.domain.clocks import Clock, PendingStep
from services.sla.domain.commands import DecideExtension, MakePromise, MarkAtRisk, Recompute, RevisePromise
from services.sla.domain.context import Outage, SlaContext
from services.sla.domain.decide import decide
from services.sla.domain.evaluation import Evaluation, evaluate
from services.sla.domain.promise_status import PromiseStatus
from services.sla.domain.state import SlaState

__all__ = [
    "Clock",
    "DecideExtension",
    "Evaluation",
    "MakePromise",
    "MarkAtRisk",
    "Outage",
    "PendingStep",
    "PromiseStatus",
    "Recompute",
    "RevisePromise",
    "SlaContext",
    "SlaState",
    "decide",
    "evaluate",
]

"""What sla decides: clocks and promises as a pure function of facts, terms and calendar."""

from services.sla.domain.clocks import Clock, Step
from services.sla.domain.commands import DecideExtension, Endanger, MakePromise, Rebase, RevisePromise
from services.sla.domain.context import Outage, SlaContext
from services.sla.domain.decide import decide
from services.sla.domain.evaluation import Ledger, ledger
from services.sla.domain.promise_status import Pledge
from services.sla.domain.state import Complaint

__all__ = [
    "Clock",
    "Complaint",
    "DecideExtension",
    "Endanger",
    "Ledger",
    "MakePromise",
    "Outage",
    "Pledge",
    "Rebase",
    "RevisePromise",
    "SlaContext",
    "Step",
    "decide",
    "ledger",
]

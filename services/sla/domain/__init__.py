"""What sla decides: clocks and promises as a pure function of facts, policy and calendar."""

from services.sla.domain.clocks import Clock, Rung
from services.sla.domain.context import SlaContext
from services.sla.domain.decide import decide
from services.sla.domain.ledger import Ledger, ledger
from services.sla.domain.promises import Pledge
from services.sla.domain.state import Complaint

__all__ = ["Clock", "Complaint", "Ledger", "Pledge", "Rung", "SlaContext", "decide", "ledger"]

"""The heart of intake: what outsiders ask and what other services said, folded into the public record."""

from services.intake.domain.apply import hear
from services.intake.domain.commands import FileComplaint, UpdateCommand
from services.intake.domain.create import file
from services.intake.domain.handle import state_fact
from services.intake.domain.state import IntakeState
from shared.contracts.envelope import Event
from shared.errors import NotFound
from shared.runner.types import Context, Decision, Input


def decide(state: IntakeState | None, given: Input, context: Context) -> Decision[IntakeState, Context]:
    """Pure. Raises `NotFound`, `IllegalMove` or another `Rejected` where a request cannot be; absorbs all news."""
    match given:
        case Event():
            return Decision(hear(state or IntakeState(complaint_id=given.subject), given))
        case FileComplaint():
            filed, say = file(state, given, context.now)
            return Decision(filed, (say,))
        case UpdateCommand():
            if state is None or state.filed is None:
                raise NotFound
            return state_fact(state, given, context)
    return Decision(state)

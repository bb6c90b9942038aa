"""The heart of intake: what outsiders ask and what other services said, folded into the public record."""

from services.intake.domain.apply import hear
from services.intake.domain.commands import File, Stated
from services.intake.domain.create import file
from services.intake.domain.handle import state_fact
from services.intake.domain.state import State
from shared.contracts.envelope import Event
from shared.errors import NotFound
from shared.runner.types import Context, Decision, Input


def decide(state: State | None, given: Input, context: Context) -> Decision[State, Context]:
    """Pure. Raises `NotFound`, `IllegalMove` or another `Rejected` where a request cannot be; absorbs all news."""
    match given:
        case Event():
            return Decision(hear(state or State(complaint_id=given.subject), given))
        case File():
            filed, say = file(state, given, context.now)
            return Decision(filed, (say,))
        case Stated():
            if state is None or state.filed is None:
                raise NotFound
            return state_fact(state, given, context)
    return Decision(state)

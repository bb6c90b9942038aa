"""Decisions of intake.

| input | change of the state | events |
|---|---|---|
| `FileComplaint` | the complaint is created (`create`) | `ComplaintReceived` |
| another command | the life cycle decides if it is legal; stage and own parts change (`handle`) | one or two |
| an event of triage, sla or notify | the part of its source and the timeline (`apply`) | none |
"""

from services.intake.domain.apply import apply
from services.intake.domain.commands import FileComplaint, UpdateCommand
from services.intake.domain.context import IntakeContext
from services.intake.domain.create import create_complaint
from services.intake.domain.handle import handle
from services.intake.domain.state import IntakeState
from shared.contracts.envelope import Event
from shared.errors import NotFound
from shared.runner.types import Decision, Input


def decide(state: IntakeState | None, input_: Input, context: IntakeContext) -> Decision[IntakeState, IntakeContext]:
    """Decide about one input, without side effects.

    Raises `NotFound`, `IllegalMove` or another `Rejected` for a command that is not possible. Events never raise.
    """
    match input_:
        case Event():
            return Decision(apply(state or IntakeState(complaint_id=input_.subject), input_))
        case FileComplaint():
            created, event = create_complaint(state, input_, context.now)
            return Decision(created, (event,))
        case UpdateCommand():
            if state is None or state.filed is None:
                raise NotFound
            return handle(state, input_, context)
    return Decision(state)

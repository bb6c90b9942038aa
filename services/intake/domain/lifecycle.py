"""Life cycle of a complaint, as a table from (stage, move) to the next stage.

A complaint is always in one stage. A move is what a command does to it, for example a customer's message or a
resolution. `MOVES` holds every legal pair. A pair that is missing is an illegal move: `apply_move` raises before
anything has changed, so there is no second place where a transition could be allowed or forbidden by mistake.

Three groups of stages matter. For the open ones (`OPEN_STAGES`) the same moves are legal: further progress, a
resolution, or a withdrawal. The closed ones are `resolved` and `withdrawn`: a customer may reopen either, but only a
resolution can get feedback. `unknown` (only events of other services have arrived) has no move at all: `decide` raises
`NotFound` before it reads the table.

Two kinds of moves leave the stage as it is. Messages are legal in every stage, and a customer's message ends
`awaiting_customer`, because the customer has then answered. Milestones start and stop clocks of sla; some of them can
be reached only after the answer, and therefore also while the complaint is resolved.

The tests derive from the table: every stage and move occurs, and random sequences of commands never leave it.
"""

from typing import Final, Literal, get_args

from services.intake.domain.state import Stage
from shared.contracts.events import Milestone
from shared.errors import IllegalMove

Move = Literal[
    "customer_message",
    "handler_message",
    "investigating",
    "awaiting_customer",
    "awaiting_third_party",
    "resolve",
    "reopen",
    "withdraw",
    "fixed",
    "not_fixed",
    Milestone,
]
OPEN_STAGES: Final[tuple[Stage, ...]] = (
    "received",
    "investigating",
    "awaiting_customer",
    "awaiting_third_party",
    "reopened",
)
CLOSED_STAGES: Final[tuple[Stage, ...]] = ("resolved", "withdrawn")
MILESTONES: Final[tuple[Milestone, ...]] = get_args(Milestone)
MILESTONES_AFTER_RESOLUTION: Final[tuple[Milestone, ...]] = (
    "stage2_requested",
    "stage2_answered",
    "action_completed",
    "ombudsman_asked",
    "ombudsman_answered",
    "settled",
)

# Later entries replace earlier ones: (awaiting_customer, customer_message) is the exception to the first line.
MOVES: Final[dict[tuple[Stage, Move], Stage]] = {
    **{(stage, "customer_message"): stage for stage in (*OPEN_STAGES, *CLOSED_STAGES)},
    **{(stage, "handler_message"): stage for stage in (*OPEN_STAGES, *CLOSED_STAGES)},
    ("awaiting_customer", "customer_message"): "investigating",
    **{(stage, "investigating"): "investigating" for stage in OPEN_STAGES},
    **{(stage, "awaiting_customer"): "awaiting_customer" for stage in OPEN_STAGES},
    **{(stage, "awaiting_third_party"): "awaiting_third_party" for stage in OPEN_STAGES},
    **{(stage, "resolve"): "resolved" for stage in OPEN_STAGES},
    **{(stage, "withdraw"): "withdrawn" for stage in OPEN_STAGES},
    **{(stage, milestone): stage for stage in OPEN_STAGES for milestone in MILESTONES},
    **{("resolved", milestone): "resolved" for milestone in MILESTONES_AFTER_RESOLUTION},
    ("resolved", "reopen"): "reopened",
    ("withdrawn", "reopen"): "reopened",
    ("resolved", "fixed"): "resolved",
    ("resolved", "not_fixed"): "reopened",
}


def apply_move(stage: Stage, move: Move) -> Stage:
    """Return the stage after the move. Raises `IllegalMove`, which lists the moves that are legal in this stage."""
    try:
        return MOVES[stage, move]
    except KeyError:
        legal = sorted(other for start, other in MOVES if start == stage)
        raise IllegalMove(f"{move}: not possible while {stage}; expected one of {', '.join(legal)}") from None

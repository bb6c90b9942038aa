"""The life cycle as a table: a pair that is missing is an illegal move, and then nothing has changed."""

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
OPEN: Final[tuple[Stage, ...]] = ("received", "investigating", "awaiting_customer", "awaiting_third_party", "reopened")
CLOSED: Final[tuple[Stage, ...]] = ("resolved", "withdrawn")
MILESTONES: Final[tuple[Milestone, ...]] = get_args(Milestone)
AFTER_THE_ANSWER: Final[tuple[Milestone, ...]] = (
    "stage2_requested",
    "stage2_answered",
    "action_completed",
    "ombudsman_asked",
    "ombudsman_answered",
    "settled",
)

MOVES: Final[dict[tuple[Stage, Move], Stage]] = {
    # Words are welcome at any time; a customer who answers is no longer awaited.
    **{(stage, "customer_message"): stage for stage in (*OPEN, *CLOSED)},
    **{(stage, "handler_message"): stage for stage in (*OPEN, *CLOSED)},
    ("awaiting_customer", "customer_message"): "investigating",
    # Whatever is open can be worked on, answered, or taken back.
    **{(stage, "investigating"): "investigating" for stage in OPEN},
    **{(stage, "awaiting_customer"): "awaiting_customer" for stage in OPEN},
    **{(stage, "awaiting_third_party"): "awaiting_third_party" for stage in OPEN},
    **{(stage, "resolve"): "resolved" for stage in OPEN},
    **{(stage, "withdraw"): "withdrawn" for stage in OPEN},
    # A milestone moves clocks, not the complaint; some are only reached once the answer is known.
    **{(stage, milestone): stage for stage in OPEN for milestone in MILESTONES},
    **{("resolved", milestone): "resolved" for milestone in AFTER_THE_ANSWER},
    # A customer may change their mind about either ending.
    ("resolved", "reopen"): "reopened",
    ("withdrawn", "reopen"): "reopened",
    ("resolved", "fixed"): "resolved",
    ("resolved", "not_fixed"): "reopened",
}


def after(stage: Stage, move: Move) -> Stage:
    """Where the move leads. Raises `IllegalMove` that names what is possible instead."""
    try:
        return MOVES[stage, move]
    except KeyError:
        possible = sorted(legal for at, legal in MOVES if at == stage)
        raise IllegalMove(f"{move}: not possible while {stage}; expected one of {', '.join(possible)}") from None

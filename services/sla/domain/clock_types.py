"""Clock types as a table: what starts, stops, pauses and cancels a clock, and what a reopening does to it.

If one entry of the history matches several columns, the order is stop > cancel > pause > resume > start. A withdrawal
or a merge cancels every clock. A rule of a policy may override columns of its type; a regulator's clock never pauses.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from services.sla.domain.history import What
from services.sla.policies.rule import Reopening, Wait
from shared.contracts.events import ClockKind, Obligation

RESOLVED: Final = frozenset({"resolved"})
WITHDRAWN_OR_MERGED: Final = frozenset({"withdrawn", "merged"})
WAITS: Final[Mapping[What, Wait]] = {"awaiting_customer": "customer", "awaiting_third_party": "third_party"}
# Every step of a handler and every message of the customer ends a wait.
RESUMES: Final = frozenset(
    {"investigating", "awaiting_customer", "awaiting_third_party", "customer_wrote", "handed_back"}
)


class ClockType(NamedTuple):
    """Row of the table.

    `restarts`: the stop event also starts the next run. `per_item`: runs side by side, one for each item of the
    entries. `reopen` None: a reopening does not change it; with `restarts_if_cancelled` it starts the clock that the
    ending cancelled. `counts_closed_time`: after a reopening, time spent closed counts.
    """

    label: str  # its name at the start of an English sentence
    starts: frozenset[str]
    stops: frozenset[str]
    cancels: frozenset[str] = WITHDRAWN_OR_MERGED
    pauses: frozenset[Wait] = frozenset()
    restarts: bool = False
    per_item: bool = False
    reopen: Reopening | None = None
    counts_closed_time: bool = True
    restarts_if_cancelled: bool = False
    obligation: Obligation = "target"
    owner: Literal["org", "team", "supplier"] = "team"
    optional: bool = False  # an opportunity that ends at the due time: missing it is no breach and escalates nothing


def _of(*what: What) -> frozenset[str]:
    return frozenset(what)


CUSTOMER: Final = frozenset[Wait]({"customer"})
BOTH: Final = frozenset[Wait]({"customer", "third_party"})
CLOSING: Final = WITHDRAWN_OR_MERGED | RESOLVED
REPLIES: Final = _of("handler_wrote", "answer_told", "resolved")
UPDATE_STARTS: Final = _of("acknowledged", "told", "handler_wrote")
UPDATES: Final = _of("told", "handler_wrote")

CLOCK_TYPES: Final[Mapping[ClockKind, ClockType]] = {
    "assignment": ClockType(
        "Finding an owner",
        _of("received", "queued"),
        _of("assigned"),
        CLOSING,
        counts_closed_time=False,
        restarts_if_cancelled=True,
    ),
    "acknowledge": ClockType("The acknowledgement", _of("received"), _of("acknowledged", "answer_told"), owner="org"),
    "first_response": ClockType("The first reply", _of("received"), REPLIES),
    "next_reply": ClockType("A reply", _of("customer_wrote"), REPLIES),
    "periodic_update": ClockType("The next update", UPDATE_STARTS, UPDATES, CLOSING, restarts=True),
    "pausable_update": ClockType("The next update", UPDATE_STARTS, UPDATES, CLOSING, CUSTOMER, restarts=True),
    "requester_wait": ClockType("The answer", _of("received"), _of("resolved"), pauses=CUSTOMER, reopen="new_cycle"),
    "agent_work": ClockType(
        "The work on it", _of("assigned"), _of("resolved"), pauses=BOTH, reopen="continue", counts_closed_time=False
    ),
    "total_resolution": ClockType(
        "The answer in the customer's hands", _of("received"), _of("answer_told"), reopen="continue", owner="org"
    ),
    "regulatory_final": ClockType(
        "The final response",
        _of("received"),
        _of("answer_told"),
        reopen="continue",
        obligation="regulatory",
        owner="org",
    ),
    "summary_resolution": ClockType(
        "Settling it early", _of("received"), _of("settled"), obligation="regulatory", owner="org", optional=True
    ),
    "stage2": ClockType("The second stage", _of("stage2_requested"), _of("stage2_answered"), owner="org"),
    "action_completion": ClockType("The agreed action", _of("action_agreed"), _of("action_completed"), per_item=True),
    "supplier": ClockType(
        "The supplier's part", _of("handed_over"), _of("handed_back"), CLOSING, per_item=True, owner="supplier"
    ),
    "ombudsman_reply": ClockType(
        "The reply to the ombudsman", _of("ombudsman_asked"), _of("ombudsman_answered"), owner="org"
    ),
}

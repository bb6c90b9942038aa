"""The kinds of clocks as one table: what starts, stops and pauses each, and what a reopening does to it.

Where one moment matches several, the order is stop > cancel > pause > resume > start. Withdrawing or merging the
complaint cancels every clock that belongs to its handling. A regulator's clock takes its kind's row without pauses.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from services.sla.domain.history import What
from services.sla.policies.rule import Reopening, Wait
from shared.contracts.events import ClockKind, Obligation

RESOLVED: Final = frozenset({"resolved"})
GONE: Final = frozenset({"withdrawn", "merged"})
WAITS: Final[Mapping[What, Wait]] = {"awaiting_customer": "customer", "awaiting_third_party": "third_party"}
# Every move of a handler and every word of the customer ends a wait.
RESUMES: Final = frozenset(
    {"investigating", "awaiting_customer", "awaiting_third_party", "customer_wrote", "handed_back"}
)
STARTS: Final[Mapping[str, What]] = {"received": "received", "acknowledged": "acknowledged", "assigned": "assigned"}


class ClockType(NamedTuple):
    """One row. `again`: what stops it starts it anew. `closed_counts`: whether the time it was closed counts, reopened.

    `per_item`: runs side by side, told apart by the moment's item. `reopen` None: a reopening does not touch it; with
    `revives` it starts anew what the ending had cancelled.
    """

    label: str  # how a person calls it, at the start of a sentence
    starts: frozenset[str]
    stops: frozenset[str]
    cancels: frozenset[str] = GONE
    pauses: frozenset[Wait] = frozenset()
    again: bool = False
    per_item: bool = False
    reopen: Reopening | None = None
    closed_counts: bool = True
    revives: bool = False
    obligation: Obligation = "target"
    owner: Literal["org", "team", "supplier"] = "team"
    chance: bool = False  # something that may be done in time; missing it is no breach and nobody is called


def _of(*what: What) -> frozenset[str]:
    return frozenset(what)


CUSTOMER: Final = frozenset[Wait]({"customer"})
BOTH: Final = frozenset[Wait]({"customer", "third_party"})
CLOSING: Final = GONE | RESOLVED

KINDS: Final[Mapping[ClockKind, ClockType]] = {
    "assignment": ClockType(
        "Finding an owner",
        _of("received", "queued"),
        _of("assigned"),
        CLOSING,
        closed_counts=False,
        revives=True,
    ),
    "acknowledge": ClockType("The acknowledgement", _of("received"), _of("acknowledged", "answer_told"), owner="org"),
    "first_response": ClockType("The first reply", _of("received"), _of("handler_wrote", "answer_told", "resolved")),
    "next_reply": ClockType("A reply", _of("customer_wrote"), _of("handler_wrote", "answer_told", "resolved")),
    "periodic_update": ClockType(
        "The next update",
        _of("acknowledged", "told", "handler_wrote"),
        _of("told", "handler_wrote"),
        CLOSING,
        again=True,
    ),
    "pausable_update": ClockType(
        "The next update",
        _of("acknowledged", "told", "handler_wrote"),
        _of("told", "handler_wrote"),
        CLOSING,
        CUSTOMER,
        again=True,
    ),
    "requester_wait": ClockType("The answer", _of("received"), _of("resolved"), GONE, CUSTOMER, reopen="new_cycle"),
    "agent_work": ClockType(
        "The work on it", _of("assigned"), _of("resolved"), GONE, BOTH, reopen="continue", closed_counts=False
    ),
    "total_resolution": ClockType(
        "The answer in the customer's hands", _of("received"), _of("answer_told"), GONE, reopen="continue", owner="org"
    ),
    "regulatory_final": ClockType(
        "The final response",
        _of("received"),
        _of("answer_told"),
        GONE,
        reopen="continue",
        obligation="regulatory",
        owner="org",
    ),
    "summary_resolution": ClockType(
        "Settling it early", _of("received"), _of("settled"), GONE, obligation="regulatory", owner="org", chance=True
    ),
    "stage2": ClockType("The second stage", _of("stage2_requested"), _of("stage2_answered"), GONE, owner="org"),
    "action_completion": ClockType(
        "The agreed action", _of("action_agreed"), _of("action_completed"), GONE, per_item=True
    ),
    "supplier": ClockType(
        "The supplier's part", _of("handed_over"), _of("handed_back"), CLOSING, per_item=True, owner="supplier"
    ),
    "ombudsman_reply": ClockType(
        "The reply to the ombudsman", _of("ombudsman_asked"), _of("ombudsman_answered"), GONE, owner="org"
    ),
}

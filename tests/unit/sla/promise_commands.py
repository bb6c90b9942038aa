"""Commands about promises, and what the tests of promises read from a complaint."""

from typing import Any

from services.sla.domain import DecideExtension, MakePromise, RevisePromise
from shared.contracts.events import (
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)
from tests.unit.sla.lives import (
    COMPLAINT,
    Life,
    accepted,
    at,
    book,
    policy,
    promised,
    proposed,
)


def promises(facts: list[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, PromiseMade | PromiseRevised | PromiseKept | PromiseBroken)]


def fates(life: Life) -> list[tuple[str, str]]:
    return [(pledge.status, pledge.outcome) for pledge in life.ledger.promise_statuses]


def revised(moment: str = "Mon 15:00", until: str = "Thu 12:00") -> Life:
    """Moved to a later date in time, and the customer told so."""
    life = promised()
    life.hears(moment, proposed(until))
    life.hears(moment, accepted(moment, "promise_moved", promise=2))
    return life


CAPPED = book(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def moves(until: str, promise: int = 1, **input_: Any) -> RevisePromise:
    return RevisePromise(COMPLAINT, actor="ann", promise=promise, due_at=at(until), reason="supplier_delay", **input_)


def makes(until: str, subject: Any = "next_update", item: str = "") -> MakePromise:
    return MakePromise(COMPLAINT, actor="ann", subject=subject, due_at=at(until), item=item)


def decides(approve: bool, promise: int = 1) -> DecideExtension:
    return DecideExtension(COMPLAINT, actor="head", promise=promise, approve=approve)

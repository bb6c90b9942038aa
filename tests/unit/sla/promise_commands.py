"""Commands about promises, and results that the tests of promises compare."""

from typing import Any

from services.sla.domain import DecideExtension, MakePromise, RevisePromise
from shared.contracts.events import (
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    policy,
    proposed,
    rulebook_with,
)


def promises(facts: list[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, PromiseMade | PromiseRevised | PromiseKept | PromiseBroken)]


def statuses(complaint: ComplaintBuilder) -> list[tuple[str, str]]:
    return [(pledge.status, pledge.outcome) for pledge in complaint.evaluation.promise_statuses]


def revised_promise(moment: str = "Mon 15:00", until: str = "Thu 12:00") -> ComplaintBuilder:
    """Build a complaint whose promise was moved in time, with the customer told."""
    complaint = acknowledged_complaint()
    complaint.receive(moment, proposed(until))
    complaint.receive(moment, accepted(moment, "promise_moved", promise=2))
    return complaint


CAPPED = rulebook_with(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def revise_promise(until: str, promise: int = 1, **input_: Any) -> RevisePromise:
    return RevisePromise(COMPLAINT, actor="ann", promise=promise, due_at=at(until), reason="supplier_delay", **input_)


def make_promise(until: str, subject: Any = "next_update", item: str = "") -> MakePromise:
    return MakePromise(COMPLAINT, actor="ann", subject=subject, due_at=at(until), item=item)


def decide_extension(approve: bool, promise: int = 1) -> DecideExtension:
    return DecideExtension(COMPLAINT, actor="head", promise=promise, approve=approve)

"""Explanations of promises: the subject, the date in the zone of the reader, and the outcome."""

import pytest

from services.sla.domain import MakePromise, RevisePromise
from services.sla.explain.clock import ExplainContext, Reader, explain_promise
from services.sla.routes import schemas
from shared.contracts.events import Merged
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    milestone,
    proposed,
    resolved,
)


def explain(complaint: ComplaintBuilder, now: str, reader: Reader = "customer") -> list[str]:
    assert complaint.state is not None
    look = ExplainContext(complaint.state, at(now))
    return [
        explain_promise(status, complaint.rulebook, reader, look) for status in complaint.evaluation.promise_statuses
    ]


def moved(when: str = "Tue 10:00") -> ComplaintBuilder:
    """The date of Tuesday 14:00 was moved to Thursday 12:00, and the customer told so."""
    complaint = acknowledged_complaint()
    complaint.receive("Mon 15:00", proposed("Thu 12:00"))
    complaint.pass_time_until(when)
    complaint.receive(when, accepted(when, "promise_moved", promise=2))
    return complaint


def answered(complaint: ComplaintBuilder, when: str) -> None:
    complaint.receive(when, resolved(when))
    complaint.receive(when, accepted(when, "resolution"))


def test_a_kept_promise_is_explained_with_its_time() -> None:
    complaint = acknowledged_complaint()
    answered(complaint, "Tue 11:00")
    assert explain(complaint, "Tue 11:00")[0].endswith(
        "We kept it: it was done on Tuesday 3 November 2026 11:00 (UTC)."
    )


def test_a_broken_promise_is_explained_with_the_time_it_was_done() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Wed 10:00")
    assert explain(complaint, "Wed 10:00")[0].endswith("We have not kept it.")
    answered(complaint, "Wed 11:00")
    assert explain(complaint, "Wed 11:00")[0].endswith(
        "We did not keep it: it was done on Wednesday 4 November 2026 11:00 (UTC), after that date."
    )


def test_a_moved_date_is_replaced_by_the_new_one() -> None:
    first, second = explain(moved(), "Tue 10:00")
    assert first.endswith(
        "This date is no longer valid: we told you a later one on Tuesday 3 November 2026 10:00 (UTC)."
    )
    assert second.endswith("This date replaced an earlier one.")


def test_a_date_that_passed_before_the_next_was_told_is_explained() -> None:
    first, _ = explain(moved("Wed 10:00"), "Wed 10:00")
    assert first.endswith("This date passed before we told you a later one, on Wednesday 4 November 2026 10:00 (UTC).")


def test_a_later_date_that_was_kept() -> None:
    complaint = moved()
    answered(complaint, "Wed 10:00")
    first, second = explain(complaint, "Wed 10:00")
    assert "This date is no longer valid" in first
    assert second.endswith("earlier one. We kept it: it was done on Wednesday 4 November 2026 10:00 (UTC).")


@pytest.mark.parametrize("reader", ["handler", "customer"])
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (WITHDRAWN, "It was cancelled when the complaint was withdrawn."),
        (
            Merged(into=COMPLAINT, into_reference="R-2"),
            "It was cancelled when the complaint was joined to another one.",
        ),
    ],
)
def test_a_cancellation_names_its_cause(ending: object, words: str, reader: Reader) -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 12:00", ending)  # type: ignore[arg-type]
    assert explain(complaint, "Mon 13:00", reader)[0].endswith(words)


def actions() -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    for number, item in enumerate(("refund", "a new lock"), start=2):
        complaint.receive("Mon 11:00", milestone("action_agreed", "Mon 11:00", item))
        complaint.handle(
            "Mon 12:00", MakePromise(COMPLAINT, actor="ann", subject="action", item=item, due_at=at("Thu 10:00"))
        )
        complaint.receive("Mon 12:30", accepted("Mon 12:30", "progress", promise=number, message=item))
    return complaint


def test_several_actions_are_told_apart() -> None:
    complaint = actions()
    _, refund, lock = explain(complaint, "Mon 13:00")
    assert refund.startswith("We promised you the action we agreed (refund) by Thursday")
    assert lock.startswith("We promised you the action we agreed (a new lock) by Thursday")
    _, refund, _ = explain(complaint, "Mon 13:00", "handler")
    assert "by ann for the action we agreed (refund), within the hours" in refund


# ── whose time, and what is not theirs ────────────────────────────────────────────────────────────────────────────────


def living_in(zone: str | None) -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    assert complaint.state is not None
    assert complaint.state.receipt is not None
    complaint.state = complaint.state.replace(receipt=complaint.state.receipt.replace(timezone=zone))
    return complaint


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Asia/Jakarta", "Tuesday 3 November 2026 21:00 (Asia/Jakarta)"),
        ("Atlantis/Nowhere", "Tuesday 3 November 2026 14:00 (UTC)"),
        ("../etc", "Tuesday 3 November 2026 14:00 (UTC)"),
        (None, "Tuesday 3 November 2026 14:00 (UTC)"),
    ],
)
def test_a_customer_reads_their_own_time_where_it_is_known_and_a_handler_the_calendars(zone: str, due: str) -> None:
    complaint = living_in(zone)
    assert f"an answer by {due}" in explain(complaint, "Mon 11:00")[0]
    assert "Jakarta" not in explain(complaint, "Mon 11:00", "handler")[0]


def test_a_customer_reads_no_actor_and_no_escalation_step() -> None:
    complaint = actions()
    complaint.handle("Mon 13:00", RevisePromise(COMPLAINT, actor="ann", promise=2, due_at=at("Fri 10:00"), reason="x"))
    complaint.receive("Mon 13:10", accepted("Mon 13:10", "promise_moved", promise=4))
    assert complaint.state is not None
    handler_view, customer_view = (
        schemas.clocks(complaint.state, complaint.rulebook, at("Mon 13:30"), who) for who in ("handler", "customer")
    )
    assert {promise.by for promise in handler_view.promises} == {"policy", "ann"}
    assert {each.by for each in customer_view.promises} == {None}
    assert any(clock.next_step_at for clock in handler_view.clocks)
    assert not any(element.next_step_at for element in customer_view.clocks)
    assert "ann" not in customer_view.model_dump_json()

"""Promises of the next update and of actions, made and moved by a command."""

from typing import Any

import pytest

from services.sla.domain import MarkAtRisk
from services.sla.domain.commands import VersionConflict
from shared.contracts.events import (
    PromiseAtRisk,
    PromiseBroken,
    PromiseKept,
)
from shared.errors import IllegalMove, ImplausibleTime, NotFound
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    HANDLER,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    milestone,
    resolved,
)
from tests.unit.sla.promise_commands import decide_extension, make_promise, promises, revise_promise, statuses


def test_a_promised_update_is_kept_by_the_next_message() -> None:
    complaint = acknowledged_complaint()
    [made] = promises(complaint.handle("Mon 11:00", make_promise("Mon 16:00")))
    assert (made.promise, made.subject, made.due_at) == (2, "next_update", at("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    [kept] = promises(complaint.receive("Mon 15:00", HANDLER))
    assert kept == PromiseKept(promise=2, first=True, subject="next_update")


def test_a_promised_update_breaks_without_a_message() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    assert promises(complaint.pass_time_until("Mon 17:00")) == [
        PromiseBroken(promise=2, due_at=at("Mon 16:00"), subject="next_update")
    ]


def test_an_update_can_be_promised_again_after_it_was_sent() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    complaint.receive("Mon 12:00", HANDLER)
    complaint.handle("Mon 13:00", make_promise("Wed 12:00"))
    assert promises(complaint.receive("Mon 13:01", accepted("Mon 13:01", "progress", promise=3, message="m3"))) == []
    assert statuses(complaint)[1:] == [("kept", "kept_first"), ("open", "open")]
    assert [
        fact.promise for fact in promises(complaint.pass_time_until("Wed 13:00")) if fact.subject == "next_update"
    ] == [3]


def test_a_message_that_moves_another_date_counts_as_an_update() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    complaint.handle("Mon 12:00", revise_promise("Thu 12:00"))
    [kept] = promises(complaint.receive("Mon 12:01", accepted("Mon 12:01", "promise_moved", promise=3)))
    assert (kept.promise, kept.subject) == (2, "next_update")


def test_a_bounced_message_keeps_no_promise() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    complaint.receive("Mon 12:00", accepted("Mon 12:00", "progress", message="m9"))
    complaint.receive("Mon 12:05", bounced("m9", hard=True))
    assert complaint.evaluation.promise_statuses[1].status == "open"


def test_a_promised_action_is_kept_by_that_action_alone_even_after_the_answer() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 11:00", milestone("action_agreed", "Mon 11:00", "refund"))
    complaint.handle("Mon 11:00", make_promise("Fri 12:00", "action", "refund"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Wed 10:00", milestone("action_completed", "Wed 10:00", "letter"))
    assert complaint.evaluation.promise_statuses[1].status == "open"
    [kept] = promises(complaint.receive("Thu 10:00", milestone("action_completed", "Thu 10:00", "refund")))
    assert kept == PromiseKept(promise=2, first=True, subject="action", item="refund")


def test_a_promised_action_can_break_after_the_complaint_is_closed() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Fri 12:00", "action", "refund"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    complaint.resolve_and_tell("Mon 12:00")
    [broken] = promises(complaint.pass_time_until("Fri 13:00"))
    assert (broken.promise, broken.subject) == (2, "action")


@pytest.mark.parametrize(
    ("command", "refusal", "sentence"),
    [
        (make_promise("Thu 12:00", "outcome"), IllegalMove, "made by policy; revise it"),
        (make_promise("Mon 09:00"), ImplausibleTime, "still to come"),
        (revise_promise("Mon 09:00"), ImplausibleTime, "still to come"),
        (revise_promise("Tue 12:00"), ImplausibleTime, "later than what was promised"),
        (revise_promise("Fri 12:00", promise=9), NotFound, "no promise 9"),
        (decide_extension(approve=True), NotFound, "no extension waits"),
        (revise_promise("Thu 12:00", version=99), VersionConflict, "changed since"),
    ],
)
def test_a_command_that_is_not_allowed_is_rejected_and_changes_nothing(
    command: Any, refusal: type[Exception], sentence: str
) -> None:
    complaint = acknowledged_complaint()
    before = complaint.state
    with pytest.raises(refusal, match=sentence):
        complaint.handle("Mon 11:00", command)
    assert complaint.state == before


def test_the_same_promise_is_not_made_twice() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    with pytest.raises(IllegalMove, match="such a promise already"):
        complaint.handle("Mon 11:01", make_promise("Mon 16:00"))


def test_a_promise_that_was_moved_already_cannot_be_moved_again_by_its_old_number() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", revise_promise("Thu 12:00"))
    with pytest.raises(IllegalMove, match="revise 2"):
        complaint.handle("Mon 11:01", revise_promise("Fri 12:00"))
    [moved] = promises(complaint.handle("Mon 11:02", revise_promise("Fri 12:00", promise=2)))
    assert (moved.promise, moved.old_due_at) == (3, at("Thu 12:00"))


def test_the_dates_of_a_closed_complaint_cannot_be_moved() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        complaint.handle("Mon 13:00", revise_promise("Thu 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        complaint.handle("Mon 13:00", make_promise("Thu 12:00"))


def test_a_promise_is_at_risk_once_per_cause() -> None:
    complaint = acknowledged_complaint()
    for cause, soon, named in (
        ("lag", "Tue 12:00", 0),  # it falls due later than that
        ("lag", "Tue 15:00", 1),
        ("lag", "Tue 15:00", 0),
        ("provider", "Tue 15:00", 1),
    ):
        published_facts = complaint.handle("Mon 12:00", MarkAtRisk(COMPLAINT, cause=cause, until=at(soon)))
        assert [fact.promise for fact in published_facts if isinstance(fact, PromiseAtRisk)] == [1] * named

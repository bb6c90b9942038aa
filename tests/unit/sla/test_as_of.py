"""State as of an earlier time: facts count from when they were recorded, not from when they happened."""

from typing import Any

import pytest

from services.sla.domain import DecideExtension, Evaluation, RevisePromise, SlaState, evaluate
from services.sla.explain.as_of import as_of
from tests.unit.sla.complaint_builder import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    REOPENED,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    milestone,
    policy,
    received,
    resolved,
    rulebook_with,
    triaged,
)

STRICT = rulebook_with(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))
CAPPED = rulebook_with(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def then(complaint: ComplaintBuilder, moment: str) -> SlaState:
    assert complaint.state is not None
    believed = as_of(complaint.state, at(moment))
    assert believed is not None
    return believed


def book_of(complaint: ComplaintBuilder, moment: str) -> Evaluation:
    return evaluate(then(complaint, moment), complaint.rulebook)


def clock(complaint: ComplaintBuilder, moment: str, kind: str = "requester_wait"):
    return next(each for each in book_of(complaint, moment).clocks if each.kind == kind)


def test_a_backdated_letter_is_unknown_before_it_was_recorded() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Wed 10:00", received("Mon 10:00"))
    assert complaint.state is not None
    assert as_of(complaint.state, at("Tue 10:00")) is None
    assert clock(complaint, "Wed 10:00").due_at == at("Tue 10:00"), "though it counts from when it was handed over"


@pytest.mark.parametrize("what", [received("Mon 10:00"), REOPENED])
def test_a_time_between_an_event_and_its_commit_is_accepted(what: Any) -> None:
    """An event carries the time its transaction began; its id, which says when it was on disk, is a little later."""
    complaint = ComplaintBuilder() if what is not REOPENED else acknowledged_complaint()
    if what is REOPENED:
        complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Mon 13:00", what, now="Mon 13:00:05")
    complaint.receive("Mon 13:00", triaged("low"), now="Mon 13:00:05")
    assert complaint.state is not None
    result = as_of(complaint.state, at("Mon 13:00:03"))
    assert (result is None) is (what is not REOPENED)
    if result is not None:
        assert [each_status.promise.cycle for each_status in evaluate(result, complaint.rulebook).promise_statuses] == [
            1
        ]


def test_a_late_answer_is_unknown_before_it_was_recorded() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Wed 09:00")
    complaint.receive("Mon 15:00", resolved("Mon 15:00"), now="Wed 09:30")
    assert clock(complaint, "Wed 09:00").phase == "running"
    assert clock(complaint, "Wed 09:00").breached, "believed then, though it was answered in time"
    assert (clock(complaint, "Wed 09:30").phase, clock(complaint, "Wed 09:30").breached) == ("stopped", False)


def test_a_breach_is_shown_from_its_due_time_on() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Wed 12:00")
    assert not clock(complaint, "Tue 10:00").breached
    assert clock(complaint, "Tue 10:01").breached


def test_a_late_pause_moves_the_due_time_only_after_it_was_recorded() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 11:00", AWAITING, now="Mon 16:00")
    complaint.receive("Mon 15:00", CUSTOMER, now="Mon 16:01")
    assert clock(complaint, "Mon 15:30").due_at == at("Tue 10:00")
    assert (clock(complaint, "Mon 16:00").phase, clock(complaint, "Mon 16:00").due_at) == ("paused", None)
    assert clock(complaint, "Mon 16:01").due_at == at("Tue 14:00")


def test_the_terms_of_triage_apply_from_the_triage_on() -> None:
    complaint = ComplaintBuilder(STRICT)
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    complaint.receive("Mon 11:00", triaged("high"))
    assert (clock(complaint, "Mon 10:30").due_at, clock(complaint, "Mon 10:30").provisional) == (at("Tue 10:00"), True)
    assert (clock(complaint, "Mon 11:00").due_at, clock(complaint, "Mon 11:00").provisional) == (at("Mon 12:00"), False)


def test_a_second_triage_is_unknown_before_it_happened() -> None:
    complaint = acknowledged_complaint(STRICT)
    complaint.receive("Mon 11:00", triaged("high"))
    assert clock(complaint, "Mon 10:59").due_at == at("Tue 10:00")
    assert clock(complaint, "Mon 11:00").due_at == at("Mon 12:00")


def test_a_promise_counts_as_told_from_when_the_acceptance_was_recorded() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Thu 12:00"), reason="x"))
    complaint.receive("Mon 11:05", accepted("Mon 11:05", "promise_moved", promise=2), now="Mon 13:00")
    assert [status.status for status in book_of(complaint, "Mon 10:59").promise_statuses] == ["open"]
    assert [element.status for element in book_of(complaint, "Mon 12:00").promise_statuses] == ["open", "untold"]
    assert [value.status for value in book_of(complaint, "Mon 13:00").promise_statuses] == ["revised", "open"]


def test_an_extension_was_open_until_it_was_decided() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    complaint.handle("Mon 12:00", DecideExtension(COMPLAINT, actor="head", promise=1, approve=True))
    assert then(complaint, "Mon 10:59").extensions == ()
    [request] = then(complaint, "Mon 11:30").extensions
    assert (request.approved, request.by, request.decided_at) == (None, None, None)
    [decided] = then(complaint, "Mon 12:00").extensions
    assert (decided.approved, decided.by, decided.decided_at) == (True, "head", at("Mon 12:00"))
    assert [len(then(complaint, moment).promises) for moment in ("Mon 11:30", "Mon 12:00")] == [1, 2]


def test_an_acknowledgement_counts_until_its_bounce_was_recorded() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 10:20", accepted("Mon 10:20", promise=1, message="m1"))
    only = ComplaintBuilder()
    only.receive("Mon 10:00", received("Mon 10:00"))
    only.receive("Mon 10:00", triaged())
    only.receive("Mon 10:20", accepted("Mon 10:20", promise=1, message="m1"))
    only.receive("Mon 10:40", bounced("m1", hard=True))
    assert clock(only, "Mon 10:30", "acknowledge").phase == "stopped"
    assert clock(only, "Mon 10:40", "acknowledge").phase == "running"
    assert [book_of(only, moment).promise_statuses[0].status for moment in ("Mon 10:10", "Mon 10:30", "Mon 10:40")] == [
        "untold",
        "open",
        "untold",
    ]


@pytest.mark.parametrize("moment", ["Mon 10:00", "Mon 11:30", "Tue 09:00", "Tue 16:00", "Thu 12:00"])
def test_the_state_as_of_a_time_equals_the_state_at_that_time(moment: str) -> None:
    """Compare the state after the events until then with the later state as of that time."""
    story = [
        ("Mon 10:00", received("Mon 10:00")),
        ("Mon 10:00", triaged()),
        ("Mon 10:05", accepted("Mon 10:05", promise=1)),
        ("Mon 11:00", AWAITING),
        ("Mon 13:00", CUSTOMER),
        ("Tue 10:00", triaged("high")),
        ("Tue 11:00", milestone("action_agreed", "Tue 11:00", "refund")),
        ("Wed 15:00", resolved("Wed 15:00")),
        ("Wed 15:30", accepted("Wed 15:30", "resolution")),
    ]
    lived, looked_back = ComplaintBuilder(STRICT), ComplaintBuilder(STRICT)
    for when, fact in story:
        looked_back.pass_time_until(when)
        looked_back.receive(when, fact)
        if at(when) <= at(moment):
            lived.pass_time_until(when)
            lived.receive(when, fact)
    lived.pass_time_until(moment)
    looked_back.pass_time_until("Sun+7 12:00")

    def shape(outcome: Evaluation) -> list[object]:
        seen = [(other.key, other.phase, other.due_at, other.breached, other.pauses) for other in outcome.clocks]
        return [
            seen,
            [
                (each_status.promise, each_status.status, each_status.told_at)
                for each_status in outcome.promise_statuses
            ],
        ]

    assert shape(book_of(looked_back, moment)) == shape(lived.evaluation)

"""Clocks of closed, reopened and withdrawn complaints: no clock starts that no event can end."""

from datetime import date
from typing import Any

import pytest

from services.sla.policies import Rulebook, load_rulebook
from shared.contracts.events import ClockBreached, ClockCorrected, ClockStopped, MessageAccepted
from tests.unit.sla.complaint_builder import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    POLICY,
    REOPENED,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    assigned,
    at,
    bounced,
    facts_of,
    milestone,
    resolved,
    rulebook_with,
    triaged_complaint,
)


def plus(*clocks: dict[str, Any]) -> Rulebook:
    """The plain policy with more clocks."""
    return rulebook_with(
        {**POLICY, "id": "more", "when": {"severity": ["normal"]}, "clocks": [*POLICY["clocks"], *clocks]}
    )


WORK = plus({"kind": "agent_work", "goal": {"business": "PT8H"}})
FROM_ACK = plus({"kind": "total_resolution", "start": "acknowledged", "goal": {"business": "PT8H"}})


def kinds(complaint: ComplaintBuilder) -> set[str]:
    return {clock.kind for clock in complaint.evaluation.clocks}


@pytest.mark.parametrize("ending", [WITHDRAWN, resolved("Mon 10:01")])
def test_work_on_a_closed_complaint_has_no_clock_until_it_is_reopened(ending: Any) -> None:
    complaint = triaged_complaint(WORK)
    complaint.receive("Mon 10:01", ending)
    complaint.receive("Mon 10:02", assigned())
    assert "agent_work" not in kinds(complaint)
    complaint.receive("Mon 15:00", REOPENED)
    assert complaint.clock("agent_work").started_at == at("Mon 15:00")


def test_an_assignment_after_an_answer_that_is_dated_before_it_starts_nothing() -> None:
    complaint = triaged_complaint(WORK)
    complaint.receive("Mon 12:00", assigned())
    assert "agent_work" in kinds(complaint)
    complaint.receive("Mon 13:00", resolved("Mon 11:00"))
    assert "agent_work" not in kinds(complaint)


def test_a_clock_from_the_acknowledgement_does_not_start_after_a_withdrawal_or_an_answer() -> None:
    withdrawn, answered = triaged_complaint(FROM_ACK), triaged_complaint(FROM_ACK)
    withdrawn.receive("Mon 10:01", WITHDRAWN)
    withdrawn.receive("Mon 10:02", accepted("Mon 10:02"))
    answered.receive("Mon 10:01", resolved("Mon 10:01"))
    answered.receive("Mon 10:02", accepted("Mon 10:02", "resolution"))
    answered.receive("Mon 10:03", accepted("Mon 10:03"))
    assert "total_resolution" not in kinds(withdrawn) | kinds(answered)


def answer_to(complaint: ComplaintBuilder, moment: str) -> MessageAccepted:
    """Return the acceptance of the answer written for the last event."""
    return accepted(moment, "resolution").replace(cause=str(complaint.events[-1].id))


def test_an_answer_accepted_after_a_reopening_belongs_to_the_resolution_before_it() -> None:
    complaint = triaged_complaint(plus({"kind": "total_resolution", "goal": {"calendar_weeks": 8}}))
    complaint.receive("Mon 11:00", resolved("Mon 11:00"))
    delayed = answer_to(complaint, "Mon 11:10")
    complaint.receive("Mon 11:05", REOPENED)
    complaint.receive("Mon 11:10", delayed)
    assert complaint.clock("total_resolution").is_open
    complaint.receive("Tue 11:00", resolved("Tue 11:00"))
    facts = complaint.receive("Tue 11:01", answer_to(complaint, "Tue 11:01"))
    assert [fact.stopped_at for fact in facts_of(ClockStopped, facts) if fact.clock == "total_resolution"] == [
        at("Tue 11:01")
    ]


def test_a_customer_who_wrote_before_the_reopening_waits_since_then() -> None:
    complaint = triaged_complaint(plus({"kind": "next_reply", "goal": {"business": "PT2H"}}))
    complaint.receive("Mon 11:00", resolved("Mon 11:00"))
    complaint.receive("Mon 12:00", CUSTOMER)
    assert "next_reply" not in kinds(complaint)
    complaint.receive("Mon 12:05", REOPENED)
    assert complaint.clock("next_reply").started_at == at("Mon 12:00")


def test_the_assignment_clock_starts_again_if_a_reopened_complaint_has_no_handler() -> None:
    unassigned = plus({"kind": "assignment", "goal": {"business": "PT1H"}})
    reopened, given_back = triaged_complaint(unassigned), triaged_complaint(unassigned)
    reopened.receive("Mon 10:10", WITHDRAWN)
    reopened.receive("Mon 10:20", REOPENED)
    assert reopened.clock("assignment", 2).started_at == at("Mon 10:20")
    given_back.receive("Mon 10:10", assigned())
    given_back.receive("Mon 12:00", assigned(None, "credit"))
    assert given_back.clock("assignment", 2).started_at == at("Mon 12:00")


def test_an_opportunity_that_passed_ends_without_a_breach() -> None:
    complaint = triaged_complaint(plus({"kind": "summary_resolution", "goal": {"business_days": 3}}))
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Mon 12:01", accepted("Mon 12:01", "resolution"))
    assert complaint.state
    assert complaint.state.is_open
    assert facts_of(ClockBreached, complaint.pass_time_until("Mon+7 10:00")) == []
    chance = complaint.clock("summary_resolution")
    assert (chance.phase, chance.ended_at, chance.breached) == ("cancelled", at("Thu 17:00"), False)
    assert (complaint.state.is_open, complaint.state.tightest_at) == (False, None)


def test_a_wait_pauses_and_resumes_the_clock_of_every_item() -> None:
    complaint = triaged_complaint(plus({"kind": "supplier", "pauses": ["customer"], "goal": {"business": "PT8H"}}))
    complaint.receive("Mon 10:00", milestone("handed_over", "Mon 10:00", "maker"))
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 11:30", milestone("handed_over", "Mon 11:30", "carrier"))
    assert {clock.phase for clock in complaint.evaluation.clocks if clock.kind == "supplier"} == {"paused"}
    complaint.receive("Mon 12:00", CUSTOMER)
    due_times = {clock.item: clock.due_at for clock in complaint.evaluation.clocks if clock.kind == "supplier"}
    assert due_times == {"maker": at("Tue 11:00"), "carrier": at("Tue 12:00")}


def test_an_item_handed_back_by_a_supplier_does_not_end_a_wait_for_the_customer() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:30", milestone("handed_over", "Mon 10:30", "maker"))
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 12:00", milestone("handed_back", "Mon 12:00", "maker"))
    assert complaint.clock().phase == "paused"


def test_a_cycle_started_by_a_reopening_is_not_paused() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 12:00", AWAITING)
    complaint.receive("Mon 16:00", resolved("Mon 11:00"))
    complaint.receive("Tue 09:00", REOPENED)
    assert complaint.clock(cycle=2).phase == "running"


def test_a_regulators_clock_does_not_end_with_an_untold_resolution() -> None:
    internal = triaged_complaint(plus({"kind": "first_response", "goal": {"business": "PT4H"}}))
    regulated = triaged_complaint(load_rulebook(None, around=date(2026, 11, 1), packs=["us-cfpb"]))
    for complaint in (internal, regulated):
        complaint.receive("Mon 11:00", resolved("Mon 11:00"))
    assert internal.clock("first_response").phase == "stopped"
    assert regulated.clock("first_response").phase == "running"
    regulated.receive("Mon 11:30", HANDLER)
    assert regulated.clock("first_response").ended_at == at("Mon 11:30")


def test_a_milestone_recorded_after_a_reopening_keeps_its_own_time() -> None:
    complaint = triaged_complaint(plus({"kind": "action_completion", "goal": {"business": "PT6H"}}))
    complaint.receive("Mon 10:00", milestone("action_agreed", "Mon 10:00", "refund"))
    complaint.receive("Mon 11:00", resolved("Mon 11:00"))
    complaint.receive("Tue 09:00", REOPENED)
    complaint.receive("Wed 09:00", milestone("action_completed", "Mon 12:00", "refund"))
    action = complaint.clock("action_completion")
    assert (action.ended_at, action.breached) == (at("Mon 12:00"), False)


def test_a_late_message_that_bounces_leaves_the_breach_and_corrects_the_clock() -> None:
    complaint = triaged_complaint()
    late = complaint.receive("Mon 11:30", accepted("Mon 11:30", message="late"))
    assert [entry.clock for entry in facts_of(ClockBreached, late)] == ["acknowledge"]
    published = complaint.receive("Mon 11:40", bounced("late", hard=True))
    assert [type(each) for each in published if getattr(each, "clock", "") == "acknowledge"] == [ClockCorrected]
    assert complaint.clock("acknowledge").breached


def test_an_acknowledgement_that_bounces_in_time_runs_again_and_is_published() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:30", accepted("Mon 10:30", message="in time"))
    (corrected,) = complaint.receive("Mon 10:40", bounced("in time", hard=True))
    assert isinstance(corrected, ClockCorrected)
    assert complaint.clock("acknowledge").phase == "running"


def test_a_pause_does_not_move_a_fixed_legal_date() -> None:
    dated = {"kind": "total_resolution", "goal": {"at": "2026-11-03T12:00:00Z"}}
    complaint = triaged_complaint(plus(dated))
    complaint.receive("Mon 12:00", AWAITING)
    assert complaint.clock("total_resolution").due_at == at("Tue 12:00")

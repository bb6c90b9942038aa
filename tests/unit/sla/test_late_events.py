"""Late events are placed by when they happened, and the corrections that follow are published."""

from typing import Any

import pytest

from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockCorrected,
    ClockStopped,
    Merged,
    MessageAccepted,
    MessageFailed,
    PromiseBroken,
    PromiseKept,
)
from tests.unit.sla.complaint_builder import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    assigned,
    at,
    bounced,
    facts_of,
    milestone,
    policy,
    received,
    resolved,
    rulebook_with,
    triaged,
    triaged_complaint,
)

FAST = rulebook_with(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))


def test_an_answer_recorded_a_day_late_voids_the_breach_and_names_the_event() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Wed 09:00")
    facts = complaint.receive("Tue 09:00", resolved("Tue 09:00"), now="Wed 09:30")
    [voided] = facts_of(ClockBreachVoided, facts)
    assert (voided.clock, voided.due_at) == ("requester_wait", at("Tue 10:00"))
    assert voided.cause_event
    [stopped] = facts_of(ClockStopped, facts)
    assert (stopped.stopped_at, stopped.met) == (at("Tue 09:00"), True)


def test_an_acknowledgement_published_late_voids_the_breach() -> None:
    complaint = triaged_complaint()
    assert facts_of(ClockBreached, complaint.tick("Mon 11:30"))
    [voided] = facts_of(ClockBreachVoided, complaint.receive("Mon 10:59", accepted("Mon 10:58"), now="Mon 11:31"))
    assert voided.clock == "acknowledge"
    assert not complaint.clock("acknowledge").breached


def test_a_late_pause_moves_the_due_time_and_voids_the_breach() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Tue 11:00")
    complaint.receive("Mon 11:00", AWAITING, now="Tue 11:01")
    published = complaint.receive("Mon 15:00", CUSTOMER, now="Tue 11:02")
    assert complaint.clock().due_at == at("Tue 14:00")
    assert facts_of(ClockBreachVoided, complaint.published)
    assert facts_of(ClockBreached, published) == []


def test_a_late_event_corrects_a_due_time_and_names_itself() -> None:
    """The customer had written at noon; the reply that was owed is owed since then."""
    clocks = [*policy()["clocks"], {"kind": "next_reply", "goal": {"business": "PT4H"}}]
    complaint = acknowledged_complaint(rulebook_with(policy(id="chosen", when={"severity": ["normal"]}, clocks=clocks)))
    complaint.receive("Mon 14:00", CUSTOMER)
    assert complaint.clock("next_reply").due_at == at("Tue 10:00")
    published_facts = complaint.receive("Mon 12:00", CUSTOMER, now="Mon 15:00")
    [corrected] = facts_of(ClockCorrected, published_facts)
    assert (corrected.clock, corrected.old_due_at, corrected.due_at) == ("next_reply", at("Tue 10:00"), at("Mon 16:00"))
    assert corrected.cause_event


def test_a_broken_promise_that_was_kept_after_all_is_kept() -> None:
    complaint = acknowledged_complaint()
    assert facts_of(PromiseBroken, complaint.pass_time_until("Wed 09:00"))
    complaint.receive("Tue 13:00", resolved("Tue 13:00"), now="Wed 09:30")
    events_published = complaint.receive("Tue 13:01", accepted("Tue 13:01", "resolution"), now="Wed 09:31")
    assert facts_of(PromiseKept, events_published) == [PromiseKept(promise=1, first=True)]


def test_an_event_at_its_time_corrects_nothing() -> None:
    complaint = acknowledged_complaint()
    published_facts = complaint.receive("Mon 11:00", AWAITING) + complaint.receive("Mon 13:00", CUSTOMER)
    assert facts_of(ClockCorrected, published_facts) == [], "a pause that ends is no correction"


def test_triage_may_arrive_after_the_answer_and_the_answer_is_judged_by_its_terms() -> None:
    complaint = ComplaintBuilder(FAST)
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    complaint.receive("Mon 13:00", resolved("Mon 13:00"))
    complaint.receive("Mon 10:01", triaged("high"), now="Mon 13:01")
    assert complaint.clock().due_at == at("Mon 12:00")
    assert complaint.clock().breached


def test_a_triage_after_the_end_does_not_reach_a_clock_that_ended() -> None:
    complaint = acknowledged_complaint(FAST)
    complaint.receive("Mon 13:00", resolved("Mon 13:00"))
    complaint.receive("Mon 14:00", triaged("high"))
    assert (complaint.clock().due_at, complaint.clock().breached) == (at("Tue 10:00"), False)


@pytest.mark.parametrize(
    "back",
    [
        bounced("m1", hard=True),
        MessageFailed(
            message="m1", message_kind="acknowledgement", channel="email", cause="c", reason="unknown", attempts=9
        ),
    ],
    ids=["bounced", "failed"],
)
def test_a_returned_message_was_never_told(back: Any) -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1, message="m1"))
    complaint.receive("Mon 10:10", back)
    assert (complaint.clock("acknowledge").phase, complaint.evaluation.promise_statuses[0].status) == (
        "running",
        "untold",
    )


def test_a_bounce_read_before_its_message_counts() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:10", bounced("m1", hard=True))
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1, message="m1"), now="Mon 10:11")
    assert (complaint.clock("acknowledge").phase, complaint.evaluation.promise_statuses[0].status) == (
        "running",
        "untold",
    )


def test_a_merged_complaint_is_never_escalated() -> None:
    """Zammad 904: a merged ticket was escalated."""
    complaint = acknowledged_complaint()
    complaint.receive("Mon 12:00", Merged(into_reference="R-2"))
    assert complaint.pass_time_until("Sun+21 12:00") == []
    assert {clock.phase for clock in complaint.evaluation.clocks} == {"stopped", "cancelled"}


def test_a_late_withdrawal_voids_breaches_after_it() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Wed 09:00")
    published_facts = complaint.receive("Mon 12:00", Merged(into_reference="R-2"), now="Wed 09:30")
    assert [fact.clock for fact in facts_of(ClockBreachVoided, published_facts)] == ["requester_wait"]


def test_a_message_of_the_customer_counts_on_any_channel() -> None:
    """Zammad 1322: an answer by note or portal did not count."""
    complaint = acknowledged_complaint()
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 12:00", CUSTOMER)
    assert complaint.clock().phase == "running"


def test_a_missing_handler_escalates_first() -> None:
    """DIGIT skipped complaints without an owner; ours call for one before anything else is late."""
    clocks = [{"kind": "assignment", "goal": {"business": "PT2H"}, "rungs": [{"after": "PT1H", "to": "lead"}]}]
    complaint = triaged_complaint(
        rulebook_with(policy(id="owned", when={"severity": ["normal"]}, clocks=[*clocks, *policy()["clocks"]]))
    )
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    complaint.pass_time_until("Mon 13:30")
    assert [type(fact).__name__ for fact in complaint.published if getattr(fact, "clock", "") == "assignment"] == [
        "ClockBreached",
        "ClockEscalated",
    ]
    complaint.receive("Mon 14:00", assigned())
    assert complaint.clock("assignment").phase == "stopped"


def test_a_past_milestone_counts_from_when_it_was_reached() -> None:
    clocks = [*policy()["clocks"], {"kind": "stage2", "goal": {"business": "PT8H"}}]
    complaint = acknowledged_complaint(rulebook_with(policy(id="two", when={"severity": ["normal"]}, clocks=clocks)))
    complaint.receive("Wed 10:00", milestone("stage2_requested", "Tue 10:00"))
    assert complaint.clock("stage2").due_at == at("Wed 10:00")


def test_a_handler_message_after_the_resolution_is_the_answer() -> None:
    clocks = [*policy()["clocks"], {"kind": "total_resolution", "goal": {"business": "PT8H"}}]
    complaint = acknowledged_complaint(rulebook_with(policy(id="told", when={"severity": ["normal"]}, clocks=clocks)))
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Mon 12:30", HANDLER)
    assert complaint.clock("total_resolution").ended_at == at("Mon 12:30")


def test_the_time_of_the_provider_counts_and_not_that_of_receipt() -> None:
    complaint = triaged_complaint()
    message: MessageAccepted = accepted("Mon 10:59", promise=1)
    [stopped] = facts_of(ClockStopped, complaint.receive("Mon 10:59", message, now="Mon 12:00"))
    assert (stopped.stopped_at, stopped.met) == (at("Mon 10:59"), True)

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.events import ClockBreached, ClockCorrected, ClockStopped, ClockWarned
from tests.unit.sla.complaint_builder import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    REOPENED,
    WITHDRAWN,
    WORKING,
    ComplaintBuilder,
    accepted,
    at,
    facts_of,
    policy,
    received,
    resolved,
    rulebook_with,
    triaged,
    triaged_complaint,
)
from tests.unit.sla.rulebook_revisions import published, with_goal


def test_clocks_run_from_the_receipt_before_triage() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    assert complaint.clock("acknowledge").due_at == at("Mon 11:00")
    assert complaint.clock().due_at == at("Tue 10:00")
    assert complaint.state is not None
    assert complaint.state.due_at == at("Mon 10:30"), "half of the hour for the acknowledgement"


def test_events_before_the_receipt_are_stored_and_publish_nothing() -> None:
    complaint = ComplaintBuilder()
    assert complaint.receive("Mon 10:01", triaged()) == []
    assert complaint.receive("Mon 10:02", accepted("Mon 10:02")) == []
    assert complaint.evaluation.ahead == ()
    facts = complaint.receive("Mon 10:00", received("Mon 10:00"), now="Mon 10:03")
    assert facts_of(ClockStopped, facts)[0].met
    assert complaint.clock("acknowledge").phase == "stopped"


def test_a_handler_event_before_the_receipt_is_ignored() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", HANDLER)
    assert complaint.state is None


@pytest.mark.parametrize("kind", ["acknowledgement", "resolution"])
def test_the_acknowledgement_counts_when_a_provider_accepted_it(kind: str) -> None:
    complaint = triaged_complaint()
    published_facts = complaint.receive("Mon 10:20", accepted("Mon 10:19", kind))
    [stopped] = facts_of(ClockStopped, published_facts)
    assert (stopped.clock, stopped.stopped_at, stopped.met) == ("acknowledge", at("Mon 10:19"), True)
    assert complaint.receive("Mon 10:25", accepted("Mon 10:25", kind)) == []


def test_a_progress_mail_is_no_acknowledgement() -> None:
    complaint = triaged_complaint()
    assert complaint.receive("Mon 10:20", accepted("Mon 10:20", "progress")) == []


def test_each_rung_fires_once_and_then_the_breach() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    events_published = complaint.pass_time_until("Tue 12:00")
    assert [(fact.rung, fact.due_at) for fact in facts_of(ClockWarned, events_published)] == [
        (rung, at("Tue 10:00")) for rung in ("50%", "75%", "90%")
    ]
    [breached] = facts_of(ClockBreached, events_published)
    assert breached.due_at == at("Tue 10:00")
    assert breached.late_by == timedelta(microseconds=1)
    assert facts_of(ClockWarned, complaint.tick("Tue 13:00")) == []


def test_a_breached_clock_is_never_warned_again() -> None:
    complaint = triaged_complaint()
    published_facts = complaint.tick("Tue 11:00")
    assert facts_of(ClockWarned, published_facts) == []
    assert {fact.clock for fact in facts_of(ClockBreached, published_facts)} == {"acknowledge", "requester_wait"}
    assert complaint.tick("Tue 11:01") == []


def test_of_several_missed_warnings_only_the_last_is_published() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    assert [fact.rung for fact in facts_of(ClockWarned, complaint.tick("Mon 16:30"))] == ["75%"]
    assert [fact.rung for fact in facts_of(ClockWarned, complaint.pass_time_until("Tue 09:59"))] == ["90%"]


def test_a_tick_at_the_due_time_itself_is_not_late() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    complaint.pass_time_until("Tue 09:59")
    assert complaint.tick("Tue 10:00") == []
    assert complaint.state is not None
    assert complaint.state.due_at == at("Tue 10:00") + timedelta(microseconds=1)


def test_downtime_keeps_the_breach_and_the_event_contains_how_late_it_is() -> None:
    complaint = triaged_complaint()
    [stopped] = facts_of(ClockStopped, complaint.receive("Wed 09:00", resolved("Wed 09:00"), now="Wed 09:30"))
    assert not stopped.met
    [breached] = [fact for fact in facts_of(ClockBreached, complaint.published) if fact.clock == "requester_wait"]
    assert breached.due_at == at("Tue 10:00")
    assert breached.late_by == at("Wed 09:30") - at("Tue 10:00")


def test_an_answer_on_saturday_is_late_for_a_friday_though_we_were_closed() -> None:
    complaint = triaged_complaint(moment="Fri 09:00")
    assert complaint.clock().due_at == at("Fri 17:00")
    [stopped] = facts_of(ClockStopped, complaint.receive("Sat 10:00", resolved("Sat 10:00")))
    assert not stopped.met


def test_an_answer_at_the_due_time_is_in_time() -> None:
    complaint = triaged_complaint()
    [stopped] = facts_of(ClockStopped, complaint.receive("Tue 10:00", resolved("Tue 10:00")))
    assert stopped.met


def test_awaiting_the_customer_pauses_the_answer_but_not_the_acknowledgement() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 12:00", AWAITING)
    assert (complaint.clock().phase, complaint.clock().due_at, complaint.clock().steps) == ("paused", None, ())
    assert complaint.clock("acknowledge").phase == "running"
    complaint.receive("Mon 13:00", HANDLER)
    assert complaint.clock().phase == "paused"


@pytest.mark.parametrize("back", [CUSTOMER, WORKING])
def test_a_pause_moves_the_due_time_by_opening_hours_not_by_nights(back: Any) -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 16:00", AWAITING)
    complaint.receive("Tue 10:00", back)
    assert complaint.clock().phase == "running"
    assert complaint.clock().due_at == at("Tue 12:00"), "two hours of work, though eighteen on the wall"


def test_awaiting_twice_is_one_pause() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 12:00", AWAITING)
    complaint.receive("Mon 13:00", CUSTOMER)
    complaint.receive("Mon 14:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 12:00")


def test_resolving_straight_from_a_pause_ends_it_at_that_instant() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 11:00", AWAITING)
    [stopped] = facts_of(ClockStopped, complaint.receive("Fri+14 16:00", resolved("Fri+14 16:00")))
    assert stopped.met
    assert complaint.clock().phase == "stopped"
    assert complaint.clock().pauses[0][1] == int(at("Fri+14 16:00").timestamp())
    assert stopped.due_at > at("Fri+14 16:00"), "seven hours were left when we began to wait"


def test_a_pause_that_begins_after_the_due_time_changes_nothing() -> None:
    complaint = triaged_complaint()
    complaint.receive("Tue 11:00", AWAITING)
    assert complaint.clock().due_at == at("Tue 10:00")
    complaint.tick("Tue 11:30")
    assert complaint.clock().breached
    complaint.receive("Thu 11:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 10:00")


def test_a_goal_used_to_the_last_second_is_late_only_after_the_pause() -> None:
    complaint = triaged_complaint(moment="Fri 09:00")
    complaint.receive("Fri 17:00", AWAITING)
    assert facts_of(ClockBreached, complaint.pass_time_until("Sun 11:00")) == []
    published_facts = complaint.receive("Sun 12:00", CUSTOMER)
    assert complaint.clock().due_at == at("Fri 17:00"), "a pause gives back what it took: no opening time"
    assert [(each.clock, each.due_at) for each in facts_of(ClockBreached, published_facts)][-1] == (
        "requester_wait",
        at("Fri 17:00"),
    )


def test_a_pause_moves_a_goal_in_days_by_whole_open_days() -> None:
    book_of_days = with_goal({"business_days": 1})
    complaint = triaged_complaint(published((book_of_days, "new_only")), moment="Thu 10:00")
    complaint.receive("Fri 12:00", AWAITING)
    complaint.receive("Sat 12:00", CUSTOMER)
    assert complaint.clock().due_at == at("Fri 17:00")


def test_no_warning_fires_while_paused_and_what_fired_before_does_not_fire_again() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:01", accepted("Mon 10:01"))
    assert [fact.rung for fact in facts_of(ClockWarned, complaint.pass_time_until("Mon 14:30"))] == ["50%"]
    complaint.receive("Mon 15:00", AWAITING)
    assert complaint.clock().steps == ()
    assert facts_of(ClockWarned, complaint.tick("Wed 15:00")) == []
    complaint.receive("Thu 10:00", CUSTOMER)
    assert [fact.rung for fact in facts_of(ClockWarned, complaint.pass_time_until("Thu 15:00"))] == ["75%", "90%"]


def test_a_warning_that_falls_on_closing_time_waits_for_the_next_opening() -> None:
    complaint = triaged_complaint(moment="Fri 13:00")  # half of eight hours is used on Friday at 17:00
    complaint.receive("Fri 13:01", accepted("Fri 13:01"))
    assert complaint.clock().steps[0].at == at("Mon+7 09:00")


def test_a_policy_may_forbid_pauses() -> None:
    strict = policy({"pauses": []}, id="strict", when={"severity": ["normal"]})
    complaint = triaged_complaint(rulebook_with(strict))
    complaint.receive("Mon 11:00", AWAITING)
    assert complaint.clock().phase == "running"
    assert complaint.clock().due_at == at("Tue 10:00")


def test_a_goal_in_business_days_moves_by_whole_open_days_of_pause() -> None:
    days = policy({"goal": {"business_days": 3}}, id="days", when={"severity": ["normal"]})
    complaint = triaged_complaint(rulebook_with(days))
    assert complaint.clock().due_at == at("Thu 17:00")
    complaint.receive("Mon 16:00", AWAITING)
    complaint.receive("Wed 10:00", CUSTOMER)
    assert complaint.clock().due_at == at("Fri 17:00"), "only Tuesday was lost as a whole"


def test_a_goal_in_wall_time_moves_by_wall_time() -> None:
    wall = policy({"goal": {"wall": "PT24H"}}, id="wall", when={"severity": ["normal"]})
    complaint = triaged_complaint(rulebook_with(wall))
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 13:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 12:00")
    assert complaint.clock().steps[0].at == at("Tue 00:00")


def test_withdrawing_cancels_running_clocks() -> None:
    complaint = triaged_complaint()
    assert complaint.receive("Mon 10:30", WITHDRAWN) == []
    assert {clock.phase for clock in complaint.evaluation.clocks} == {"cancelled"}
    assert complaint.evaluation.ahead == ()


def test_reopening_starts_a_new_cycle_and_leaves_the_old_one_alone() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 15:00", resolved("Mon 15:00"))
    first = complaint.clock()
    complaint.receive("Wed 10:00", REOPENED)
    assert complaint.clock() == first
    assert complaint.clock(cycle=2).due_at == at("Thu 10:00")
    [stopped] = facts_of(ClockStopped, complaint.receive("Thu 09:00", resolved("Thu 09:00")))
    assert (stopped.cycle, stopped.met) == (2, True)


def test_out_of_place_facts_change_nothing() -> None:
    complaint = triaged_complaint()
    assert complaint.receive("Mon 10:05", REOPENED) == []
    complaint.receive("Mon 11:00", resolved("Mon 11:00"))
    complaint.pass_time_until("Mon 12:00")
    before = complaint.evaluation.clocks
    for fact in (resolved("Mon 12:00"), AWAITING, CUSTOMER, WITHDRAWN, received("Mon 09:00")):
        assert complaint.receive("Mon 12:00", fact) == []
    assert complaint.evaluation.clocks == before


def test_an_answer_dated_ahead_counts_when_it_was_recorded_and_one_dated_too_early_at_the_opening() -> None:
    ahead, early = triaged_complaint(), triaged_complaint()
    ahead.receive("Mon 12:00", resolved("Fri 12:00"))
    early.receive("Mon 12:00", resolved("Mon 08:00"))
    assert ahead.clock().ended_at == at("Mon 12:00")
    assert early.clock().ended_at == at("Mon 10:00")


def test_a_stricter_second_triage_moves_the_due_time_and_publishes_it() -> None:
    complaint = triaged_complaint(
        rulebook_with(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))
    )
    promised = complaint.state.promises if complaint.state else ()
    [corrected, *_] = facts_of(ClockCorrected, complaint.receive("Mon 11:00", triaged("high")))
    assert (corrected.old_due_at, corrected.due_at) == (at("Tue 10:00"), at("Mon 12:00"))
    assert complaint.state is not None
    assert complaint.state.promises == promised, "what may have been told is not touched"


def test_the_first_triage_publishes_no_correction() -> None:
    complaint = ComplaintBuilder(
        rulebook_with(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))
    )
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    assert facts_of(ClockCorrected, complaint.receive("Mon 10:01", triaged("high"))) == []
    assert complaint.clock().due_at == at("Mon 12:00")


def test_a_complaint_from_before_all_calendars_is_absorbed() -> None:
    complaint = ComplaintBuilder()
    fact = received("Mon 10:00").model_copy(update={"received_at": at("Mon 10:00").replace(year=1890)})
    complaint.receive("Mon 10:00", fact)
    complaint.receive("Mon 10:00", triaged())
    assert {item.clock for item in facts_of(ClockBreached, complaint.tick("Mon 10:01"))} == {
        "acknowledge",
        "requester_wait",
    }
    assert complaint.state is not None
    assert complaint.state.promises[0].due_at > at("Mon 10:01"), "nobody is promised a date that is over"

"""The answer for a complaint has every clock and promise with its reason in plain sentences."""

from datetime import date

import pytest

from services.sla.calendar import Calendar
from services.sla.explain.clock import Reader
from services.sla.policies import load_rulebook
from services.sla.routes import schemas
from tests.unit.sla.complaint_builder import (
    AWAITING,
    CUSTOMER,
    REOPENED,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    proposed,
    received,
    resolved,
    triaged,
    triaged_complaint,
)

DAY = date(2026, 11, 1)


def answer_for(complaint: ComplaintBuilder, now: str, reader: Reader = "handler") -> schemas.Clocks:
    assert complaint.state is not None
    return schemas.clocks(complaint.state, complaint.rulebook, at(now), reader)


def test_a_running_clock_explains_itself() -> None:
    acknowledge, answer = answer_for(triaged_complaint(), "Mon 10:00").clocks
    assert acknowledge.because == (
        "The acknowledgement is due within 1 h, counted day and night from Monday 2 November 2026 10:00 (UTC), "
        "because policy 'plain' version 1 applies. These rules have applied since the triage on "
        "Monday 2 November 2026 10:00 (UTC). So it is due Monday 2 November 2026 11:00 (UTC)."
    )
    assert "8 h of opening time on the calendar 'office' version 1" in answer.because
    assert answer.next_step_at == at("Mon 14:00")
    assert (answer.policy, answer.policy_version, answer.calendar, answer.calendar_version) == ("plain", 1, "office", 1)


def test_a_paused_clock_has_no_due_time_and_says_why() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 12:00", AWAITING)
    answer = answer_for(complaint, "Mon 13:00").clocks[1]
    assert (answer.phase, answer.due_at) == ("paused", None)
    assert answer.forecast_at == at("Tue 11:00"), "one hour of waiting so far"
    assert answer.because.endswith(
        "It has been paused since Monday 2 November 2026 12:00 (UTC), while the customer is awaited. "
        "If it resumed now, it would be due Tuesday 3 November 2026 11:00 (UTC)."
    )


def test_every_pause_that_counted_is_listed() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 12:00", AWAITING)
    complaint.receive("Mon 14:00", CUSTOMER)
    because = answer_for(complaint, "Mon 15:00").clocks[1].because
    assert "from Monday 2 November 2026 12:00 (UTC) to Monday 2 November 2026 14:00 (UTC)" in because


def test_every_holiday_that_counted_is_listed() -> None:
    complaint = ComplaintBuilder(load_rulebook(None, around=DAY))
    christmas_eve = "Thu+49 10:00"
    complaint.receive(christmas_eve, received(christmas_eve))
    complaint.receive(christmas_eve, triaged())
    answer = next(clock for clock in answer_for(complaint, christmas_eve).clocks if clock.clock == "requester_wait")
    assert "25 December (Christmas Day) is closed." in answer.because


def test_a_late_answer_is_called_missed_by_the_wall_and_by_opening_time() -> None:
    complaint = triaged_complaint()
    complaint.receive("Wed 10:00", resolved("Wed 10:00"))
    answer = answer_for(complaint, "Wed 10:00").clocks[1]
    assert answer.breached
    assert answer.because.endswith(
        "So it was due Tuesday 3 November 2026 10:00 (UTC). It was missed by 24 h (8 h of opening time)."
    )


def test_clocks_before_triage_are_provisional() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    assert "This is provisional until triage has decided." in answer_for(complaint, "Mon 10:00").clocks[0].because


def test_promises_contain_when_they_were_told_and_why_they_moved() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:02", accepted("Mon 10:02", promise=1))
    complaint.receive("Mon 15:00", proposed("Thu 12:00"))
    first, second = answer_for(complaint, "Mon 16:00").promises
    assert (first.status, first.told_at, second.told_at) == ("open", at("Mon 10:02"), None)
    assert "the target of policy 'plain' plus 4 h of opening time" in first.because
    assert "told to the customer Monday 2 November 2026 10:02 (UTC)" in first.because
    assert "because of 'supplier_delay'" in second.because
    assert "not told yet" in second.because
    complaint.receive("Mon 15:01", accepted("Mon 15:01", "promise_moved", promise=2))
    first, second = answer_for(complaint, "Mon 16:00").promises
    assert (first.status, second.status) == ("revised", "open")
    assert first.because.endswith("A later date replaced it.")
    assert second.because.endswith("It is still valid.")


def test_a_customer_sees_promises_and_no_internal_targets() -> None:
    complaint = acknowledged_complaint()
    answer = answer_for(complaint, "Mon 10:00", "customer")
    assert answer.clocks == []
    assert answer.tightest is None
    assert [promise.because for promise in answer.promises] == [
        (
            "We promised you an answer by Tuesday 3 November 2026 14:00 (UTC). "
            "We told you so on Monday 2 November 2026 10:00 (UTC)."
        )
    ]
    assert answer_for(triaged_complaint(), "Mon 10:00", "customer").promises == [], (
        "what they were not told yet is no promise"
    )


def test_a_customer_sees_regulatory_clocks() -> None:
    complaint = triaged_complaint(load_rulebook(None, around=DAY, packs=["uk-disp"]))
    because = {clock.clock: clock.because for clock in answer_for(complaint, "Mon 10:00", "customer").clocks}
    assert because["regulatory_final"].startswith(
        "Under the rules that apply to us (Complaints to financial firms (FCA DISP 1)), the final response is due by "
    )
    assert "8 calendar weeks from Monday 2 November 2026 10:00" in because["regulatory_final"]


def test_a_reopened_complaint_shows_both_cycles() -> None:
    complaint = acknowledged_complaint()
    complaint.resolve_and_tell("Mon 12:00")
    complaint.receive("Tue 12:00", REOPENED)
    answer = answer_for(complaint, "Tue 12:00")
    assert [(clock.clock, clock.cycle, clock.phase) for clock in answer.clocks] == [
        ("acknowledge", 1, "stopped"),
        ("requester_wait", 1, "stopped"),
        ("requester_wait", 2, "running"),
    ]
    assert [promise.status for promise in answer.promises] == ["kept", "untold"]


@pytest.mark.parametrize("name", ["office", "always"])
def test_a_calendar_is_told_as_it_was_written(name: str) -> None:
    rulebook = load_rulebook(None, around=date(2026, 11, 1))
    calendar: Calendar = rulebook.calendar(name).calendar
    answer = schemas.calendar(calendar)
    again = Calendar.model_validate(
        {
            **calendar.model_dump(),
            "weekly_hours": {day: [list(pair) for pair in hours] for day, hours in answer.weekly_hours.items()},
        }
    )
    assert again == calendar

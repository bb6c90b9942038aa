"""What closed, reopened and withdrawn complaints do to clocks: nothing starts that nobody could end any more."""

from datetime import date
from typing import Any

import pytest

from services.sla.policies import Rulebook, load_rulebook
from shared.contracts.events import ClockBreached, ClockCorrected, ClockStopped, MessageAccepted
from tests.unit.sla.lives import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    POLICY,
    REOPENED,
    WITHDRAWN,
    Life,
    accepted,
    assigned,
    at,
    book,
    bounced,
    milestone,
    of,
    opened,
    resolved,
)


def plus(*clocks: dict[str, Any]) -> Rulebook:
    """The plain policy with more clocks."""
    return book({**POLICY, "id": "more", "when": {"severity": ["normal"]}, "clocks": [*POLICY["clocks"], *clocks]})


WORK = plus({"kind": "agent_work", "goal": {"business": "PT8H"}})
FROM_ACK = plus({"kind": "total_resolution", "start": "acknowledged", "goal": {"business": "PT8H"}})


def kinds(life: Life) -> set[str]:
    return {clock.kind for clock in life.ledger.clocks}


@pytest.mark.parametrize("ending", [WITHDRAWN, resolved("Mon 10:01")])
def test_work_on_a_closed_case_has_no_clock_until_it_is_reopened(ending: Any) -> None:
    life = opened(WORK)
    life.hears("Mon 10:01", ending)
    life.hears("Mon 10:02", assigned())
    assert "agent_work" not in kinds(life)
    life.hears("Mon 15:00", REOPENED)
    assert life.clock("agent_work").started_at == at("Mon 15:00")


def test_an_assignment_after_an_answer_that_is_dated_before_it_starts_nothing() -> None:
    life = opened(WORK)
    life.hears("Mon 12:00", assigned())
    assert "agent_work" in kinds(life)
    life.hears("Mon 13:00", resolved("Mon 11:00"))
    assert "agent_work" not in kinds(life)


def test_a_clock_from_the_acknowledgement_never_runs_for_who_withdrew_or_has_the_answer() -> None:
    withdrawn, answered = opened(FROM_ACK), opened(FROM_ACK)
    withdrawn.hears("Mon 10:01", WITHDRAWN)
    withdrawn.hears("Mon 10:02", accepted("Mon 10:02"))
    answered.hears("Mon 10:01", resolved("Mon 10:01"))
    answered.hears("Mon 10:02", accepted("Mon 10:02", "resolution"))
    answered.hears("Mon 10:03", accepted("Mon 10:03"))
    assert "total_resolution" not in kinds(withdrawn) | kinds(answered)


def answer_to(life: Life, moment: str) -> MessageAccepted:
    """The mail that was written for what the life heard last."""
    return accepted(moment, "resolution").replace(cause=str(life.events[-1].id))


def test_an_answer_accepted_after_a_reopening_belongs_to_the_resolution_before_it() -> None:
    life = opened(plus({"kind": "total_resolution", "goal": {"calendar_weeks": 8}}))
    life.hears("Mon 11:00", resolved("Mon 11:00"))
    delayed = answer_to(life, "Mon 11:10")
    life.hears("Mon 11:05", REOPENED)
    life.hears("Mon 11:10", delayed)
    assert life.clock("total_resolution").is_open
    life.hears("Tue 11:00", resolved("Tue 11:00"))
    facts = life.hears("Tue 11:01", answer_to(life, "Tue 11:01"))
    assert [fact.stopped_at for fact in of(ClockStopped, facts) if fact.clock == "total_resolution"] == [
        at("Tue 11:01")
    ]


def test_a_customer_who_wrote_before_the_reopening_waits_since_then() -> None:
    life = opened(plus({"kind": "next_reply", "goal": {"business": "PT2H"}}))
    life.hears("Mon 11:00", resolved("Mon 11:00"))
    life.hears("Mon 12:00", CUSTOMER)
    assert "next_reply" not in kinds(life)
    life.hears("Mon 12:05", REOPENED)
    assert life.clock("next_reply").started_at == at("Mon 12:00")


def test_who_has_nobody_again_is_looked_for_again() -> None:
    unassigned = plus({"kind": "assignment", "goal": {"business": "PT1H"}})
    reopened, given_back = opened(unassigned), opened(unassigned)
    reopened.hears("Mon 10:10", WITHDRAWN)
    reopened.hears("Mon 10:20", REOPENED)
    assert reopened.clock("assignment", 2).started_at == at("Mon 10:20")
    given_back.hears("Mon 10:10", assigned())
    given_back.hears("Mon 12:00", assigned(None, "credit"))
    assert given_back.clock("assignment", 2).started_at == at("Mon 12:00")


def test_a_chance_that_passed_is_over_and_nothing_is_late() -> None:
    life = opened(plus({"kind": "summary_resolution", "goal": {"business_days": 3}}))
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Mon 12:01", accepted("Mon 12:01", "resolution"))
    assert life.state
    assert life.state.is_open
    assert of(ClockBreached, life.passes_until("Mon+7 10:00")) == []
    chance = life.clock("summary_resolution")
    assert (chance.phase, chance.ended_at, chance.breached) == ("cancelled", at("Thu 17:00"), False)
    assert (life.state.is_open, life.state.tightest_at) == (False, None)


def test_a_wait_holds_the_clock_of_every_item_and_ends_for_each() -> None:
    life = opened(plus({"kind": "supplier", "pauses": ["customer"], "goal": {"business": "PT8H"}}))
    life.hears("Mon 10:00", milestone("handed_over", "Mon 10:00", "maker"))
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 11:30", milestone("handed_over", "Mon 11:30", "carrier"))
    assert {clock.phase for clock in life.ledger.clocks if clock.kind == "supplier"} == {"paused"}
    life.hears("Mon 12:00", CUSTOMER)
    due_times = {clock.item: clock.due_at for clock in life.ledger.clocks if clock.kind == "supplier"}
    assert due_times == {"maker": at("Tue 11:00"), "carrier": at("Tue 12:00")}


def test_what_a_supplier_hands_back_is_no_word_of_the_customer() -> None:
    life = opened()
    life.hears("Mon 10:30", milestone("handed_over", "Mon 10:30", "maker"))
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 12:00", milestone("handed_back", "Mon 12:00", "maker"))
    assert life.clock().phase == "paused"


def test_a_cycle_that_a_reopening_begins_does_not_stand_still() -> None:
    life = opened()
    life.hears("Mon 12:00", AWAITING)
    life.hears("Mon 16:00", resolved("Mon 11:00"))
    life.hears("Tue 09:00", REOPENED)
    assert life.clock(cycle=2).phase == "running"


def test_no_regulators_clock_ends_with_what_nobody_was_told() -> None:
    internal = opened(plus({"kind": "first_response", "goal": {"business": "PT4H"}}))
    regulated = opened(load_rulebook(None, around=date(2026, 11, 1), packs=["us-cfpb"]))
    for life in (internal, regulated):
        life.hears("Mon 11:00", resolved("Mon 11:00"))
    assert internal.clock("first_response").phase == "stopped"
    assert regulated.clock("first_response").phase == "running"
    regulated.hears("Mon 11:30", HANDLER)
    assert regulated.clock("first_response").ended_at == at("Mon 11:30")


def test_a_milestone_told_after_a_reopening_keeps_its_own_time() -> None:
    life = opened(plus({"kind": "action_completion", "goal": {"business": "PT6H"}}))
    life.hears("Mon 10:00", milestone("action_agreed", "Mon 10:00", "refund"))
    life.hears("Mon 11:00", resolved("Mon 11:00"))
    life.hears("Tue 09:00", REOPENED)
    life.hears("Wed 09:00", milestone("action_completed", "Mon 12:00", "refund"))
    action = life.clock("action_completion")
    assert (action.ended_at, action.breached) == (at("Mon 12:00"), False)


def test_what_came_too_late_stays_late_when_it_comes_back_and_the_clock_is_corrected() -> None:
    life = opened()
    late = life.hears("Mon 11:30", accepted("Mon 11:30", message="late"))
    assert [entry.clock for entry in of(ClockBreached, late)] == ["acknowledge"]
    published = life.hears("Mon 11:40", bounced("late", hard=True))
    assert [type(each) for each in published if getattr(each, "clock", "") == "acknowledge"] == [ClockCorrected]
    assert life.clock("acknowledge").breached


def test_an_acknowledgement_that_comes_back_in_time_is_owed_again_and_that_is_said() -> None:
    life = opened()
    life.hears("Mon 10:30", accepted("Mon 10:30", message="in time"))
    (corrected,) = life.hears("Mon 10:40", bounced("in time", hard=True))
    assert isinstance(corrected, ClockCorrected)
    assert life.clock("acknowledge").phase == "running"


def test_a_date_that_the_law_names_stays_whoever_is_awaited() -> None:
    dated = {"kind": "total_resolution", "goal": {"at": "2026-11-03T12:00:00Z"}}
    life = opened(plus(dated))
    life.hears("Mon 12:00", AWAITING)
    assert life.clock("total_resolution").due_at == at("Tue 12:00")

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.events import ClockBreached, ClockCorrected, ClockStopped, ClockWarned
from tests.unit.sla.lives import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    REOPENED,
    WITHDRAWN,
    WORKING,
    Life,
    accepted,
    at,
    book,
    of,
    opened,
    policy,
    received,
    resolved,
    triaged,
)
from tests.unit.sla.published import published, with_goal


def test_clocks_run_from_the_receipt_even_before_triage_has_spoken() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    assert life.clock("acknowledge").due_at == at("Mon 11:00")
    assert life.clock().due_at == at("Tue 10:00")
    assert life.state is not None
    assert life.state.due_at == at("Mon 10:30"), "half of the hour for the acknowledgement"


def test_what_arrives_before_the_receipt_is_kept_and_says_nothing() -> None:
    life = Life()
    assert life.hears("Mon 10:01", triaged()) == []
    assert life.hears("Mon 10:02", accepted("Mon 10:02")) == []
    assert life.ledger.ahead == ()
    facts = life.hears("Mon 10:00", received("Mon 10:00"), now="Mon 10:03")
    assert of(ClockStopped, facts)[0].met
    assert life.clock("acknowledge").phase == "stopped"


def test_what_a_handler_adds_to_an_unknown_complaint_leaves_no_trace() -> None:
    life = Life()
    life.hears("Mon 10:00", HANDLER)
    assert life.state is None


@pytest.mark.parametrize("kind", ["acknowledgement", "resolution"])
def test_the_acknowledgement_counts_when_a_provider_accepted_it(kind: str) -> None:
    life = opened()
    published_facts = life.hears("Mon 10:20", accepted("Mon 10:19", kind))
    [stopped] = of(ClockStopped, published_facts)
    assert (stopped.clock, stopped.stopped_at, stopped.met) == ("acknowledge", at("Mon 10:19"), True)
    assert life.hears("Mon 10:25", accepted("Mon 10:25", kind)) == []


def test_a_progress_mail_is_no_acknowledgement() -> None:
    life = opened()
    assert life.hears("Mon 10:20", accepted("Mon 10:20", "progress")) == []


def test_each_rung_fires_once_and_then_the_breach() -> None:
    life = opened()
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    events_published = life.passes_until("Tue 12:00")
    assert [(fact.rung, fact.due_at) for fact in of(ClockWarned, events_published)] == [
        (rung, at("Tue 10:00")) for rung in ("50%", "75%", "90%")
    ]
    [breached] = of(ClockBreached, events_published)
    assert breached.due_at == at("Tue 10:00")
    assert breached.late_by == timedelta(microseconds=1)
    assert of(ClockWarned, life.ticks("Tue 13:00")) == []


def test_a_breached_clock_is_never_warned_again() -> None:
    life = opened()
    published_facts = life.ticks("Tue 11:00")
    assert of(ClockWarned, published_facts) == []
    assert {fact.clock for fact in of(ClockBreached, published_facts)} == {"acknowledge", "requester_wait"}
    assert life.ticks("Tue 11:01") == []


def test_after_a_long_sleep_only_the_last_of_several_warnings_is_said() -> None:
    life = opened()
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    assert [fact.rung for fact in of(ClockWarned, life.ticks("Mon 16:30"))] == ["75%"]
    assert [fact.rung for fact in of(ClockWarned, life.passes_until("Tue 09:59"))] == ["90%"]


def test_a_tick_at_the_due_time_itself_is_not_late() -> None:
    life = opened()
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    life.passes_until("Tue 09:59")
    assert life.ticks("Tue 10:00") == []
    assert life.state is not None
    assert life.state.due_at == at("Tue 10:00") + timedelta(microseconds=1)


def test_down_time_never_unbreaches_and_the_event_tells_how_late_we_noticed() -> None:
    life = opened()
    [stopped] = of(ClockStopped, life.hears("Wed 09:00", resolved("Wed 09:00"), now="Wed 09:30"))
    assert not stopped.met
    [breached] = [fact for fact in of(ClockBreached, life.published) if fact.clock == "requester_wait"]
    assert breached.due_at == at("Tue 10:00")
    assert breached.late_by == at("Wed 09:30") - at("Tue 10:00")


def test_an_answer_on_saturday_is_late_for_a_friday_though_we_were_closed() -> None:
    life = opened(moment="Fri 09:00")
    assert life.clock().due_at == at("Fri 17:00")
    [stopped] = of(ClockStopped, life.hears("Sat 10:00", resolved("Sat 10:00")))
    assert not stopped.met


def test_an_answer_at_the_due_time_is_in_time() -> None:
    life = opened()
    [stopped] = of(ClockStopped, life.hears("Tue 10:00", resolved("Tue 10:00")))
    assert stopped.met


def test_awaiting_the_customer_pauses_the_answer_but_not_the_acknowledgement() -> None:
    life = opened()
    life.hears("Mon 12:00", AWAITING)
    assert (life.clock().phase, life.clock().due_at, life.clock().steps) == ("paused", None, ())
    assert life.clock("acknowledge").phase == "running"
    life.hears("Mon 13:00", HANDLER)
    assert life.clock().phase == "paused"


@pytest.mark.parametrize("back", [CUSTOMER, WORKING])
def test_a_pause_moves_the_due_time_by_opening_hours_not_by_nights(back: Any) -> None:
    life = opened()
    life.hears("Mon 16:00", AWAITING)
    life.hears("Tue 10:00", back)
    assert life.clock().phase == "running"
    assert life.clock().due_at == at("Tue 12:00"), "two hours of work, though eighteen on the wall"


def test_awaiting_twice_is_one_pause() -> None:
    life = opened()
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 12:00", AWAITING)
    life.hears("Mon 13:00", CUSTOMER)
    life.hears("Mon 14:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 12:00")


def test_resolving_straight_from_a_pause_ends_it_at_that_instant() -> None:
    life = opened()
    life.hears("Mon 11:00", AWAITING)
    [stopped] = of(ClockStopped, life.hears("Fri+14 16:00", resolved("Fri+14 16:00")))
    assert stopped.met
    assert life.clock().phase == "stopped"
    assert life.clock().pauses[0][1] == int(at("Fri+14 16:00").timestamp())
    assert stopped.due_at > at("Fri+14 16:00"), "seven hours were left when we began to wait"


def test_a_pause_that_begins_after_the_due_time_changes_nothing() -> None:
    life = opened()
    life.hears("Tue 11:00", AWAITING)
    assert life.clock().due_at == at("Tue 10:00")
    life.ticks("Tue 11:30")
    assert life.clock().breached
    life.hears("Thu 11:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 10:00")


def test_a_budget_spent_to_the_last_second_is_late_only_once_nobody_else_is_awaited() -> None:
    life = opened(moment="Fri 09:00")
    life.hears("Fri 17:00", AWAITING)
    assert of(ClockBreached, life.passes_until("Sun 11:00")) == []
    published_facts = life.hears("Sun 12:00", CUSTOMER)
    assert life.clock().due_at == at("Fri 17:00"), "a pause gives back what it took: no opening time"
    assert [(each.clock, each.due_at) for each in of(ClockBreached, published_facts)][-1] == (
        "requester_wait",
        at("Fri 17:00"),
    )


def test_a_pause_gives_a_goal_in_days_whole_open_days_and_no_hours() -> None:
    book_of_days = with_goal({"business_days": 1})
    life = opened(published((book_of_days, "new_only")), moment="Thu 10:00")
    life.hears("Fri 12:00", AWAITING)
    life.hears("Sat 12:00", CUSTOMER)
    assert life.clock().due_at == at("Fri 17:00")


def test_no_warning_fires_while_paused_and_what_fired_before_does_not_fire_again() -> None:
    life = opened()
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    assert [fact.rung for fact in of(ClockWarned, life.passes_until("Mon 14:30"))] == ["50%"]
    life.hears("Mon 15:00", AWAITING)
    assert life.clock().steps == ()
    assert of(ClockWarned, life.ticks("Wed 15:00")) == []
    life.hears("Thu 10:00", CUSTOMER)
    assert [fact.rung for fact in of(ClockWarned, life.passes_until("Thu 15:00"))] == ["75%", "90%"]


def test_a_warning_that_falls_on_closing_time_waits_for_the_next_opening() -> None:
    life = opened(moment="Fri 13:00")  # half of eight hours is used on Friday at 17:00
    life.hears("Fri 13:01", accepted("Fri 13:01"))
    assert life.clock().steps[0].at == at("Mon+7 09:00")


def test_a_policy_may_forbid_pauses() -> None:
    strict = policy({"pauses": []}, id="strict", when={"severity": ["normal"]})
    life = opened(book(strict))
    life.hears("Mon 11:00", AWAITING)
    assert life.clock().phase == "running"
    assert life.clock().due_at == at("Tue 10:00")


def test_a_goal_in_business_days_moves_by_whole_open_days_of_pause() -> None:
    days = policy({"goal": {"business_days": 3}}, id="days", when={"severity": ["normal"]})
    life = opened(book(days))
    assert life.clock().due_at == at("Thu 17:00")
    life.hears("Mon 16:00", AWAITING)
    life.hears("Wed 10:00", CUSTOMER)
    assert life.clock().due_at == at("Fri 17:00"), "only Tuesday was lost as a whole"


def test_a_goal_in_wall_time_moves_by_wall_time() -> None:
    wall = policy({"goal": {"wall": "PT24H"}}, id="wall", when={"severity": ["normal"]})
    life = opened(book(wall))
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 13:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 12:00")
    assert life.clock().steps[0].at == at("Tue 00:00")


def test_withdrawing_cancels_what_still_runs() -> None:
    life = opened()
    assert life.hears("Mon 10:30", WITHDRAWN) == []
    assert {clock.phase for clock in life.ledger.clocks} == {"cancelled"}
    assert life.ledger.ahead == ()


def test_reopening_starts_a_new_cycle_and_leaves_the_old_one_alone() -> None:
    life = opened()
    life.hears("Mon 15:00", resolved("Mon 15:00"))
    first = life.clock()
    life.hears("Wed 10:00", REOPENED)
    assert life.clock() == first
    assert life.clock(cycle=2).due_at == at("Thu 10:00")
    [stopped] = of(ClockStopped, life.hears("Thu 09:00", resolved("Thu 09:00")))
    assert (stopped.cycle, stopped.met) == (2, True)


def test_out_of_place_facts_change_nothing() -> None:
    life = opened()
    assert life.hears("Mon 10:05", REOPENED) == []
    life.hears("Mon 11:00", resolved("Mon 11:00"))
    life.passes_until("Mon 12:00")
    before = life.ledger.clocks
    for fact in (resolved("Mon 12:00"), AWAITING, CUSTOMER, WITHDRAWN, received("Mon 09:00")):
        assert life.hears("Mon 12:00", fact) == []
    assert life.ledger.clocks == before


def test_an_answer_dated_ahead_counts_when_it_was_recorded_and_one_dated_too_early_at_the_opening() -> None:
    ahead, early = opened(), opened()
    ahead.hears("Mon 12:00", resolved("Fri 12:00"))
    early.hears("Mon 12:00", resolved("Mon 08:00"))
    assert ahead.clock().ended_at == at("Mon 12:00")
    assert early.clock().ended_at == at("Mon 10:00")


def test_a_stricter_second_look_moves_the_target_and_says_so() -> None:
    life = opened(book(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]})))
    promised = life.state.promises if life.state else ()
    [corrected, *_] = of(ClockCorrected, life.hears("Mon 11:00", triaged("high")))
    assert (corrected.old_due_at, corrected.due_at) == (at("Tue 10:00"), at("Mon 12:00"))
    assert life.state is not None
    assert life.state.promises == promised, "what may have been told is not touched"


def test_triage_speaking_for_the_first_time_corrects_nothing() -> None:
    life = Life(book(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]})))
    life.hears("Mon 10:00", received("Mon 10:00"))
    assert of(ClockCorrected, life.hears("Mon 10:01", triaged("high"))) == []
    assert life.clock().due_at == at("Mon 12:00")


def test_a_complaint_from_before_all_calendars_is_absorbed() -> None:
    life = Life()
    fact = received("Mon 10:00").model_copy(update={"received_at": at("Mon 10:00").replace(year=1890)})
    life.hears("Mon 10:00", fact)
    life.hears("Mon 10:00", triaged())
    assert {item.clock for item in of(ClockBreached, life.ticks("Mon 10:01"))} == {"acknowledge", "requester_wait"}
    assert life.state is not None
    assert life.state.promises[0].due_at > at("Mon 10:01"), "nobody is promised a date that is over"

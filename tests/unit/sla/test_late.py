"""What is told late finds its place by when it happened, and what follows from it is said: corrected, or taken back."""

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
from tests.unit.sla.lives import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    Life,
    accepted,
    assigned,
    at,
    book,
    bounced,
    milestone,
    of,
    opened,
    policy,
    promised,
    received,
    resolved,
    triaged,
)

FAST = book(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))


def test_an_answer_of_yesterday_told_today_takes_the_breach_back_and_names_the_event() -> None:
    life = promised()
    life.passes_until("Wed 09:00")
    facts = life.hears("Tue 09:00", resolved("Tue 09:00"), now="Wed 09:30")
    [voided] = of(ClockBreachVoided, facts)
    assert (voided.clock, voided.due_at) == ("requester_wait", at("Tue 10:00"))
    assert voided.cause_event
    [stopped] = of(ClockStopped, facts)
    assert (stopped.stopped_at, stopped.met) == (at("Tue 09:00"), True)


def test_an_acknowledgement_that_notify_told_late_takes_the_breach_back() -> None:
    life = opened()
    assert of(ClockBreached, life.ticks("Mon 11:30"))
    [voided] = of(ClockBreachVoided, life.hears("Mon 10:59", accepted("Mon 10:58"), now="Mon 11:31"))
    assert voided.clock == "acknowledge"
    assert not life.clock("acknowledge").breached


def test_a_pause_told_late_moves_the_due_time_and_takes_back_what_was_said() -> None:
    life = promised()
    life.passes_until("Tue 11:00")
    life.hears("Mon 11:00", AWAITING, now="Tue 11:01")
    published = life.hears("Mon 15:00", CUSTOMER, now="Tue 11:02")
    assert life.clock().due_at == at("Tue 14:00")
    assert of(ClockBreachVoided, life.published)
    assert of(ClockBreached, published) == []


def test_a_fact_told_late_corrects_a_due_time_and_names_the_event() -> None:
    """The customer had written at noon; the reply that was owed is owed since then."""
    clocks = [*policy()["clocks"], {"kind": "next_reply", "goal": {"business": "PT4H"}}]
    life = promised(book(policy(id="chosen", when={"severity": ["normal"]}, clocks=clocks)))
    life.hears("Mon 14:00", CUSTOMER)
    assert life.clock("next_reply").due_at == at("Tue 10:00")
    published_facts = life.hears("Mon 12:00", CUSTOMER, now="Mon 15:00")
    [corrected] = of(ClockCorrected, published_facts)
    assert (corrected.clock, corrected.old_due_at, corrected.due_at) == ("next_reply", at("Tue 10:00"), at("Mon 16:00"))
    assert corrected.cause_event


def test_a_broken_promise_that_was_kept_after_all_is_kept() -> None:
    life = promised()
    assert of(PromiseBroken, life.passes_until("Wed 09:00"))
    life.hears("Tue 13:00", resolved("Tue 13:00"), now="Wed 09:30")
    events_published = life.hears("Tue 13:01", accepted("Tue 13:01", "resolution"), now="Wed 09:31")
    assert of(PromiseKept, events_published) == [PromiseKept(promise=1, first=True)]


def test_an_event_at_its_time_corrects_nothing() -> None:
    life = promised()
    published_facts = life.hears("Mon 11:00", AWAITING) + life.hears("Mon 13:00", CUSTOMER)
    assert of(ClockCorrected, published_facts) == [], "a pause that ends is no correction"


def test_triage_may_arrive_after_the_answer_and_the_answer_is_judged_by_its_terms() -> None:
    life = Life(FAST)
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 13:00", resolved("Mon 13:00"))
    life.hears("Mon 10:01", triaged("high"), now="Mon 13:01")
    assert life.clock().due_at == at("Mon 12:00")
    assert life.clock().breached


def test_a_triage_after_the_end_does_not_reach_a_clock_that_ended() -> None:
    life = promised(FAST)
    life.hears("Mon 13:00", resolved("Mon 13:00"))
    life.hears("Mon 14:00", triaged("high"))
    assert (life.clock().due_at, life.clock().breached) == (at("Tue 10:00"), False)


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
def test_whatever_comes_back_was_never_told(back: Any) -> None:
    life = opened()
    life.hears("Mon 10:05", accepted("Mon 10:05", promise=1, message="m1"))
    life.hears("Mon 10:10", back)
    assert (life.clock("acknowledge").phase, life.ledger.promise_statuses[0].status) == ("running", "untold")


def test_a_bounce_that_is_read_before_its_message_counts_all_the_same() -> None:
    life = opened()
    life.hears("Mon 10:10", bounced("m1", hard=True))
    life.hears("Mon 10:05", accepted("Mon 10:05", promise=1, message="m1"), now="Mon 10:11")
    assert (life.clock("acknowledge").phase, life.ledger.promise_statuses[0].status) == ("running", "untold")


def test_a_merged_complaint_is_never_escalated() -> None:
    """Zammad 904: a merged ticket was escalated."""
    life = promised()
    life.hears("Mon 12:00", Merged(into_reference="R-2"))
    assert life.passes_until("Sun+21 12:00") == []
    assert {clock.phase for clock in life.ledger.clocks} == {"stopped", "cancelled"}


def test_a_complaint_that_is_withdrawn_late_takes_back_what_came_after_its_end() -> None:
    life = promised()
    life.passes_until("Wed 09:00")
    published_facts = life.hears("Mon 12:00", Merged(into_reference="R-2"), now="Wed 09:30")
    assert [fact.clock for fact in of(ClockBreachVoided, published_facts)] == ["requester_wait"]


def test_a_customer_who_wrote_by_any_way_counts_like_one_who_mailed() -> None:
    """Zammad 1322: an answer by note or portal did not count."""
    life = promised()
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 12:00", CUSTOMER)
    assert life.clock().phase == "running"


def test_nobody_having_it_is_the_first_thing_that_escalates() -> None:
    """DIGIT skipped complaints without an owner; ours call for one before anything else is late."""
    clocks = [{"kind": "assignment", "goal": {"business": "PT2H"}, "rungs": [{"after": "PT1H", "to": "lead"}]}]
    life = opened(book(policy(id="owned", when={"severity": ["normal"]}, clocks=[*clocks, *policy()["clocks"]])))
    life.hears("Mon 10:01", accepted("Mon 10:01"))
    life.passes_until("Mon 13:30")
    assert [type(fact).__name__ for fact in life.published if getattr(fact, "clock", "") == "assignment"] == [
        "ClockBreached",
        "ClockEscalated",
    ]
    life.hears("Mon 14:00", assigned())
    assert life.clock("assignment").phase == "stopped"


def test_a_milestone_of_the_past_counts_from_when_it_was_reached() -> None:
    clocks = [*policy()["clocks"], {"kind": "stage2", "goal": {"business": "PT8H"}}]
    life = promised(book(policy(id="two", when={"severity": ["normal"]}, clocks=clocks)))
    life.hears("Wed 10:00", milestone("stage2_requested", "Tue 10:00"))
    assert life.clock("stage2").due_at == at("Wed 10:00")


def test_a_reply_in_person_after_the_answer_was_known_tells_it() -> None:
    clocks = [*policy()["clocks"], {"kind": "total_resolution", "goal": {"business": "PT8H"}}]
    life = promised(book(policy(id="told", when={"severity": ["normal"]}, clocks=clocks)))
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Mon 12:30", HANDLER)
    assert life.clock("total_resolution").ended_at == at("Mon 12:30")


def test_the_time_of_the_provider_counts_and_not_that_of_our_hearing() -> None:
    life = opened()
    message: MessageAccepted = accepted("Mon 10:59", promise=1)
    [stopped] = of(ClockStopped, life.hears("Mon 10:59", message, now="Mon 12:00"))
    assert (stopped.stopped_at, stopped.met) == (at("Mon 10:59"), True)

"""Promises made by policy, moved by a proposal, told, kept and broken."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.sla.policies import load_rulebook
from shared.contracts.events import (
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
    SilenceNoticed,
)
from tests.unit.sla.lives import (
    HANDLER,
    REOPENED,
    WITHDRAWN,
    Life,
    accepted,
    at,
    book,
    bounced,
    opened,
    policy,
    promised,
    proposed,
    received,
    resolved,
    triaged,
)
from tests.unit.sla.promise_commands import fates, makes, promises, revised


def test_a_promise_needs_the_receipt_and_the_word_of_triage() -> None:
    life = Life()
    assert promises(life.hears("Mon 10:00", received("Mon 10:00"))) == []
    [made] = promises(life.hears("Mon 10:01", triaged()))
    assert made == PromiseMade(
        promise=1, due_at=at("Tue 14:00"), policy="plain", policy_version=1, calendar="office", calendar_version=1
    )


def test_the_promise_is_later_than_the_target_by_hours_of_work() -> None:
    life = opened(moment="Fri 15:00")
    assert life.clock().due_at == at("Mon+7 15:00")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Tue+7 11:00")


def test_a_complaint_of_sunday_night_is_promised_from_monday_morning() -> None:
    life = opened(moment="Sun 23:50")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Tue+7 13:00")


def test_a_letter_that_lay_about_shortens_the_target_but_not_the_promise() -> None:
    life = Life()
    life.hears("Wed 10:00", received("Mon 10:00"))
    life.hears("Wed 10:00", triaged())
    assert life.clock().due_at == at("Tue 10:00")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Thu 14:00")


def test_when_triage_was_away_for_days_the_promise_counts_from_its_return() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    [made] = promises(life.hears("Fri 10:00", triaged()))
    assert made.due_at == at("Mon+7 14:00")


def test_a_later_date_with_a_reason_revises_the_promise_into_working_hours() -> None:
    life = opened()
    [revised] = promises(life.hears("Mon 15:00", proposed("Sat 12:00")))
    assert revised == PromiseRevised(
        promise=2, old_due_at=at("Tue 14:00"), due_at=at("Mon+7 09:00"), reason="supplier_delay"
    )


@pytest.mark.parametrize(
    "proposal",
    [
        proposed("Mon 12:00"),  # over already
        proposed("Tue 09:00"),  # not later than promised: being early needs no notice
        proposed("Tue 14:00"),
        proposed("Thu 12:00", None),  # without a reason
        proposed("Thu 12:00", ""),
    ],
)
def test_a_date_that_does_not_move_the_promise_is_absorbed(proposal: Any) -> None:
    life = opened()
    assert promises(life.hears("Mon 15:00", proposal)) == []
    assert life.state is not None
    assert len(life.state.promises) == 1
    assert life.state.proposals == ()


def test_a_date_in_another_century_is_absorbed() -> None:
    life = opened()
    far = proposed("Thu 12:00")
    assert (
        promises(life.hears("Mon 15:00", far.model_copy(update={"expected_at": at("Thu 12:00").replace(year=2300)})))
        == []
    )


def test_a_proposal_waits_for_the_promise_it_moves() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 11:00", proposed("Thu 12:00"))
    made, revised = promises(life.hears("Mon 10:01", triaged(), now="Mon 11:01"))
    assert (made.promise, revised.promise, revised.old_due_at) == (1, 2, made.due_at)


def test_a_promise_is_kept_at_its_first_date() -> None:
    life = promised()
    assert promises(life.answers("Tue 13:00")) == [PromiseKept(promise=1, first=True)]
    assert fates(life) == [("kept", "kept_first")]


def test_a_date_nobody_was_told_is_neither_kept_nor_broken() -> None:
    kept, missed = opened(), opened()
    assert promises(kept.hears("Tue 13:00", resolved("Tue 13:00"))) == []
    assert promises(missed.passes_until("Fri 12:00")) == []
    assert fates(kept) == fates(missed) == [("untold", "untold")]


def test_a_date_told_after_it_had_passed_is_broken_from_the_start() -> None:
    life = opened()
    life.ticks("Wed 10:00")
    [broken] = promises(life.hears("Wed 11:00", accepted("Wed 11:00", promise=1)))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))


def test_a_revised_promise_that_holds_is_kept_but_not_at_its_first_date() -> None:
    life = revised()
    assert promises(life.answers("Wed 13:00")) == [PromiseKept(promise=2, first=False)]
    assert fates(life) == [("revised", "kept_revised"), ("kept", "kept_revised")]


def test_the_notice_of_a_move_is_how_long_before_the_old_date_the_new_one_was_told() -> None:
    life = revised()
    first, second = life.ledger.promise_statuses
    assert first.notice_lead == at("Tue 14:00") - at("Mon 15:00")
    assert second.notice_lead is None


def test_a_revised_promise_that_was_not_needed_counts_as_kept_first() -> None:
    life = revised()
    assert promises(life.answers("Tue 10:00")) == [PromiseKept(promise=2, first=True)]


def test_a_new_date_that_was_never_told_does_not_save_the_old_one() -> None:
    life = promised()
    life.hears("Mon 15:00", proposed("Thu 12:00"))
    [broken] = promises(life.ticks("Tue 14:01"))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))
    assert fates(life)[0] == ("broken", "broken")


def test_a_promise_breaks_once_when_its_date_passes_in_silence() -> None:
    life = promised()
    assert promises(life.passes_until("Tue 14:00")) == []
    assert promises(life.ticks("Tue 14:01")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]
    assert promises(life.ticks("Tue 15:00")) == []
    assert promises(life.answers("Tue 16:00")) == []
    assert fates(life) == [("broken", "broken_then_kept")]


def test_an_answer_after_the_date_breaks_the_promise_even_if_no_timer_saw_it() -> None:
    life = promised()
    assert promises(life.answers("Wed 10:00")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]


def test_notice_after_the_date_is_no_notice() -> None:
    life = promised()
    life.ticks("Tue 14:01")
    [moved] = promises(life.hears("Wed 10:00", proposed("Fri 12:00")))
    assert (moved.promise, moved.due_at) == (2, at("Fri 12:00"))
    life.hears("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert fates(life) == [("broken", "broken"), ("open", "broken")]
    assert life.ledger.promise_statuses[0].notice_lead == at("Tue 14:00") - at("Wed 10:01"), "negative: after the date"
    assert promises(life.answers("Thu 10:00")) == [PromiseKept(promise=2, first=False)]
    assert fates(life) == [("broken", "broken_then_kept"), ("kept", "broken_then_kept")]


def test_withdrawing_ends_a_promise_without_keeping_or_breaking_it() -> None:
    life = promised()
    assert promises(life.hears("Mon 12:00", WITHDRAWN)) == []
    assert promises(life.ticks("Fri 12:00")) == []
    assert fates(life) == [("cancelled", "cancelled")]


def test_reopening_makes_the_next_promise() -> None:
    life = promised()
    life.answers("Mon 15:00")
    [made] = promises(life.hears("Wed 10:00", REOPENED))
    assert (made.promise, made.due_at) == (2, at("Thu 14:00"))
    assert isinstance(made, PromiseMade)
    life.hears("Wed 10:01", accepted("Wed 10:01", "progress", promise=2))
    assert promises(life.answers("Thu 10:00")) == [PromiseKept(promise=2, first=True)]


def test_a_promise_counts_as_told_once_a_provider_accepted_the_message_that_states_it() -> None:
    life = opened()
    assert life.ledger.promise_statuses[0].told_at is None
    life.hears("Mon 10:03", accepted("Mon 10:02", promise=1))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:02")
    life.hears("Mon 10:09", accepted("Mon 10:09", "progress", promise=1))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:02"), "the first time counts"


def test_a_message_that_came_back_told_nobody_anything() -> None:
    life = opened()
    life.hears("Mon 10:02", accepted("Mon 10:02", promise=1, message="m1"))
    assert fates(life) == [("open", "open")]
    life.hears("Mon 10:05", bounced("m1", hard=True))
    assert fates(life) == [("untold", "untold")]
    life.hears("Mon 10:07", accepted("Mon 10:07", promise=1, message="m2"))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:07")


def test_nobody_is_promised_anything_when_the_answer_came_first() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 10:30", resolved("Mon 10:30"))
    assert promises(life.hears("Mon 10:05", triaged(), now="Mon 10:31")) == []
    assert fates(life) == [("untold", "untold")]


def test_a_date_told_after_the_answer_promises_nothing() -> None:
    life = opened()
    life.answers("Mon 12:00")
    assert promises(life.hears("Mon 12:05", accepted("Mon 12:05", promise=1))) == []
    assert fates(life) == [("untold", "untold")]


def test_notice_after_the_answer_does_not_count_either() -> None:
    life = promised()
    life.ticks("Tue 14:01")
    life.hears("Wed 09:00", proposed("Fri 12:00"))
    life.answers("Wed 10:00")
    life.hears("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert fates(life) == [("broken", "broken_then_kept"), ("untold", "broken_then_kept")]


def test_of_two_notices_the_one_that_was_told_first_counts() -> None:
    """The message about the second date was held up, the one about the third was not."""
    life = revised()
    life.hears("Tue 09:00", proposed("Fri 12:00"))
    life.hears("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held = promised()
    held.hears("Mon 15:00", proposed("Thu 12:00"))
    held.hears("Tue 09:00", proposed("Fri 12:00"))
    held.hears("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held.hears("Wed 09:00", accepted("Wed 09:00", "promise_moved", promise=2))
    assert fates(held)[0] == fates(life)[0] == ("revised", "open")


def test_what_is_promised_next_is_known_whatever_it_is_about() -> None:
    life = promised()
    assert life.state is not None
    assert life.state.promised_at == at("Tue 14:00")
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    assert life.state.promised_at == at("Mon 16:00")
    life.ticks("Mon 16:30")
    assert life.state.promised_at == at("Mon 16:00"), "missed, and still owed"
    life.hears("Mon 17:00", HANDLER)
    assert life.state.promised_at == at("Tue 14:00")
    life.answers("Tue 12:00")
    assert life.state.promised_at is None


def test_silence_is_not_broken_by_a_message_that_came_back() -> None:
    life = promised(book(policy(id="quiet", when={"severity": ["normal"]}, silence_days=3)))
    life.hears("Tue 10:00", accepted("Tue 10:00", "progress", message="m9"))
    life.hears("Tue 10:05", bounced("m9", hard=True))
    published_facts = [fact for fact in life.passes_until("Sun 12:00") if isinstance(fact, SilenceNoticed)]
    assert [(fact.since, fact.days) for fact in published_facts] == [(at("Mon 10:00"), 3)], "once for each silence"


def test_no_policy_names_a_date_beyond_a_limit_of_the_law_that_is_still_ahead() -> None:
    disp = load_rulebook(None, around=date(2026, 11, 1), packs=["uk-disp"])
    days = {54: at("Wed 17:00"), 57: None, 0: None}  # since the firm had it; eight weeks are 56
    for since, expected in days.items():
        life = Life(disp)
        life.hears("Mon 10:00", received("Mon 10:00").replace(received_at=at("Mon 10:00") - timedelta(days=since)))
        life.hears("Mon 10:00", triaged())
        assert life.state
        made = life.state.promises[0]
        assert made.by == ("law" if expected else "policy")
        assert made.due_at == expected or (expected is None and made.due_at > at("Wed 17:00"))


def test_notice_lead_is_told_for_the_figures_even_where_it_is_hours() -> None:
    life = revised("Tue 13:00")
    assert life.ledger.promise_statuses[0].notice_lead == timedelta(hours=1)

from typing import Any

import pytest

from shared.contracts.events import PromiseBroken, PromiseKept, PromiseMade, PromiseRevised
from tests.unit.sla.lives import (
    REOPENED,
    WITHDRAWN,
    Life,
    accepted,
    at,
    opened,
    proposed,
    received,
    resolved,
    triaged,
)


def promises(said: list[Any]) -> list[Any]:
    return [fact for fact in said if isinstance(fact, PromiseMade | PromiseRevised | PromiseKept | PromiseBroken)]


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
    life = opened()
    assert promises(life.hears("Tue 13:00", resolved("Tue 13:00"))) == [PromiseKept(promise=1, first=True)]
    assert life.ledger.pledges[0].status == "kept"


def test_a_revised_promise_that_holds_is_kept_but_not_at_its_first_date() -> None:
    life = opened()
    life.hears("Mon 15:00", proposed("Thu 12:00"))
    assert promises(life.hears("Wed 13:00", resolved("Wed 13:00"))) == [PromiseKept(promise=2, first=False)]
    assert [pledge.status for pledge in life.ledger.pledges] == ["revised", "kept"]


def test_a_revised_promise_that_was_not_needed_counts_as_kept_first() -> None:
    life = opened()
    life.hears("Mon 15:00", proposed("Thu 12:00"))
    assert promises(life.hears("Tue 10:00", resolved("Tue 10:00"))) == [PromiseKept(promise=2, first=True)]


def test_a_promise_breaks_once_when_its_date_passes_in_silence() -> None:
    life = opened()
    assert promises(life.passes_until("Tue 14:00")) == []
    assert promises(life.ticks("Tue 14:01")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]
    assert promises(life.ticks("Tue 15:00")) == []
    assert promises(life.hears("Tue 16:00", resolved("Tue 16:00"))) == []
    assert life.ledger.pledges[0].status == "broken"


def test_an_answer_after_the_date_breaks_the_promise_even_if_no_timer_saw_it() -> None:
    life = opened()
    assert promises(life.hears("Wed 10:00", resolved("Wed 10:00"))) == [
        PromiseBroken(promise=1, due_at=at("Tue 14:00"))
    ]


def test_notice_after_the_date_is_no_notice() -> None:
    life = opened()
    broken, revised = sorted(promises(life.hears("Wed 10:00", proposed("Fri 12:00"))), key=lambda fact: fact.promise)
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))
    assert (revised.promise, revised.due_at) == (2, at("Fri 12:00"))


def test_withdrawing_ends_a_promise_without_keeping_or_breaking_it() -> None:
    life = opened()
    assert promises(life.hears("Mon 12:00", WITHDRAWN)) == []
    assert promises(life.ticks("Fri 12:00")) == []
    assert life.ledger.pledges[0].status == "cancelled"


def test_reopening_makes_the_next_promise() -> None:
    life = opened()
    life.hears("Mon 15:00", resolved("Mon 15:00"))
    [made] = promises(life.hears("Wed 10:00", REOPENED))
    assert (made.promise, made.due_at) == (2, at("Thu 14:00"))
    assert isinstance(made, PromiseMade)
    assert promises(life.hears("Thu 10:00", resolved("Thu 10:00"))) == [PromiseKept(promise=2, first=True)]


def test_a_promise_counts_as_told_once_a_provider_accepted_the_message_that_states_it() -> None:
    life = opened()
    assert life.ledger.pledges[0].told_at is None
    life.hears("Mon 10:03", accepted("Mon 10:02", promise=1))
    assert life.ledger.pledges[0].told_at == at("Mon 10:02")
    life.hears("Mon 10:09", accepted("Mon 10:09", "progress", promise=1))
    assert life.ledger.pledges[0].told_at == at("Mon 10:02"), "the first time counts"


def test_nobody_is_promised_anything_when_the_answer_came_first() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 10:30", resolved("Mon 10:30"))
    assert promises(life.hears("Mon 10:05", triaged(), now="Mon 10:31")) == []
    assert life.ledger.pledges[0].status == "kept"

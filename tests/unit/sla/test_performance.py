"""Figures of promises: what counts as kept, in which period, how often a date moved, and which complaints are read."""

from datetime import timedelta

import pytest

from services.sla.domain import Recompute
from services.sla.domain.promise_status import promise_statuses
from services.sla.reports.performance import PromiseFigures, PromiseTally
from services.sla.store.scan import Period
from tests.unit.sla.lives import COMPLAINT, WITHDRAWN, Life, accepted, at, opened, promised, proposed
from tests.unit.sla.published import PLAIN, closed_on, published

WEEK = Period(at("Mon 00:00"), at("Mon+7 00:00"))


def kept() -> Life:
    life = promised()
    life.answers("Tue 13:00")
    return life


def moved(*times: tuple[str, str]) -> Life:
    life = promised()
    for number, (moment, until) in enumerate(times, start=2):
        life.hears(moment, proposed(until))
        life.hears(moment, accepted(moment, "promise_moved", promise=number))
    return life


def revised() -> Life:
    life = moved(("Mon 15:00", "Thu 12:00"))
    life.answers("Wed 13:00")
    return life


def broken() -> Life:
    life = promised()
    life.passes_until("Fri 12:00")
    return life


def late() -> Life:
    life = broken()
    life.answers("Fri 13:00")
    return life


def withdrawn() -> Life:
    life = promised()
    life.hears("Mon 12:00", WITHDRAWN)
    return life


def figures(*lives: Life, period: Period = WEEK) -> PromiseFigures:
    tally = PromiseTally(period)
    for life in lives:
        assert life.state is not None
        tally.add(promise_statuses(life.state))
    return tally.figures()


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        (kept, "kept_first"),
        (revised, "kept_revised"),
        (broken, "broken"),
        (late, "broken_then_kept"),
        (withdrawn, "cancelled"),
        (promised, "open"),
    ],
)
def test_each_promise_counts_once_by_how_its_chain_ended(make, outcome: str) -> None:
    result = figures(make())
    counted = {name: getattr(result, name) for name in PromiseFigures.model_fields if getattr(result, name) == 1}
    assert result.promises == 1
    assert outcome in counted


def test_shares_are_of_what_came_to_an_end() -> None:
    result = figures(kept(), kept(), revised(), late(), withdrawn(), promised())
    assert (result.kept_first_share, result.kept_share) == (0.5, 0.75)


def test_a_date_that_nobody_was_told_is_no_promise() -> None:
    result = figures(opened())
    assert (result.promises, result.complaints, result.kept_share) == (0, 0, None)


def test_a_chain_counts_in_the_period_of_its_last_date() -> None:
    life = moved(("Mon 15:00", "Thu+7 12:00"))
    assert figures(life).promises == 0
    assert figures(life, period=Period(at("Mon+7 00:00"), at("Mon+14 00:00"))).promises == 1


def test_the_end_of_a_period_is_the_beginning_of_the_next() -> None:
    due = at("Tue 14:00")
    assert figures(kept(), period=Period(due - timedelta(days=1), due)).promises == 0
    assert figures(kept(), period=Period(due, due + timedelta(days=1))).promises == 1


def test_notice_is_the_middle_one_and_moves_are_counted_by_complaint() -> None:
    twice = moved(("Mon 15:00", "Thu 12:00"), ("Thu 11:00", "Fri 12:00"))
    result = figures(twice, revised(), kept())
    assert result.notice_lead_p50 == at("Tue 14:00") - at("Mon 15:00"), "of one hour and twice twenty-three"
    assert (result.complaints, result.complaints_moved_twice, result.revisions_per_complaint) == (3, 1, 1.0)


def last_due(life: Life) -> object:
    assert life.state is not None
    return life.state.last_due_at


@pytest.mark.parametrize("make", [promised, kept, broken, late, withdrawn])
def test_a_complaint_is_read_up_to_its_last_due_time_whatever_became_of_it(make) -> None:
    assert last_due(make()) == at("Tue 14:00"), "the promise; its clocks are due before"


def test_a_date_that_moves_takes_the_last_due_time_along() -> None:
    assert last_due(revised()) == at("Thu 12:00")
    assert last_due(opened()) == at("Tue 14:00"), "a date that nobody was told yet may still be told"


def test_by_a_look_at_a_part_the_last_due_time_only_grows() -> None:
    storm, over = (closed_on("2026-11-03"), "rebase_open"), ({**PLAIN, "calendar": [*PLAIN["calendar"]]}, "rebase_open")
    life = opened(published())
    life.rulebook = published(storm)
    life.asks("Mon 12:00", Recompute(COMPLAINT))
    assert (life.clock().due_at, last_due(life)) == (at("Wed 10:00"), at("Wed 10:00"))
    life.rulebook = published(storm, over)
    life.asks("Mon 12:00", Recompute(COMPLAINT))
    assert life.clock().due_at == at("Tue 10:00")
    assert last_due(life) == at("Wed 10:00"), "nobody looked at the promise, which is due on Tuesday as well"
    life.answers("Mon 13:00")
    assert last_due(life) == at("Tue 14:00")


def test_of_a_state_from_before_it_was_kept_a_part_does_not_tell_the_last_due_time() -> None:
    life = promised()
    assert life.state is not None
    life.state = life.state.replace(last_due_at=None)
    life.passes_until("Tue 12:00")
    assert last_due(life) is None
    life.answers("Tue 12:00")
    assert last_due(life) == at("Tue 14:00")

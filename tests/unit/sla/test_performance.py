"""Figures of promises: what counts as kept, in which period, how often a date moved, and which complaints are read."""

from datetime import timedelta

import pytest

from services.sla.domain import Recompute
from services.sla.domain.promise_status import promise_statuses
from services.sla.reports.performance import PromiseFigures, PromiseTally
from services.sla.store.scan import Period
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    proposed,
    triaged_complaint,
)
from tests.unit.sla.rulebook_revisions import PLAIN, closed_on, published

WEEK = Period(at("Mon 00:00"), at("Mon+7 00:00"))


def kept() -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    complaint.resolve_and_tell("Tue 13:00")
    return complaint


def moved(*times: tuple[str, str]) -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    for number, (moment, until) in enumerate(times, start=2):
        complaint.receive(moment, proposed(until))
        complaint.receive(moment, accepted(moment, "promise_moved", promise=number))
    return complaint


def revised() -> ComplaintBuilder:
    complaint = moved(("Mon 15:00", "Thu 12:00"))
    complaint.resolve_and_tell("Wed 13:00")
    return complaint


def broken() -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Fri 12:00")
    return complaint


def late() -> ComplaintBuilder:
    complaint = broken()
    complaint.resolve_and_tell("Fri 13:00")
    return complaint


def withdrawn() -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 12:00", WITHDRAWN)
    return complaint


def figures(*complaints: ComplaintBuilder, period: Period = WEEK) -> PromiseFigures:
    tally = PromiseTally(period)
    for complaint in complaints:
        assert complaint.state is not None
        tally.add(promise_statuses(complaint.state))
    return tally.figures()


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        (kept, "kept_first"),
        (revised, "kept_revised"),
        (broken, "broken"),
        (late, "broken_then_kept"),
        (withdrawn, "cancelled"),
        (acknowledged_complaint, "open"),
    ],
)
def test_each_promise_counts_once_by_how_its_chain_ended(make, outcome: str) -> None:
    result = figures(make())
    counted = {name: getattr(result, name) for name in PromiseFigures.model_fields if getattr(result, name) == 1}
    assert result.promises == 1
    assert outcome in counted


def test_shares_are_of_what_came_to_an_end() -> None:
    result = figures(kept(), kept(), revised(), late(), withdrawn(), acknowledged_complaint())
    assert (result.kept_first_share, result.kept_share) == (0.5, 0.75)


def test_a_date_that_nobody_was_told_is_no_promise() -> None:
    result = figures(triaged_complaint())
    assert (result.promises, result.complaints, result.kept_share) == (0, 0, None)


def test_a_chain_counts_in_the_period_of_its_last_date() -> None:
    complaint = moved(("Mon 15:00", "Thu+7 12:00"))
    assert figures(complaint).promises == 0
    assert figures(complaint, period=Period(at("Mon+7 00:00"), at("Mon+14 00:00"))).promises == 1


def test_the_end_of_a_period_is_the_beginning_of_the_next() -> None:
    due = at("Tue 14:00")
    assert figures(kept(), period=Period(due - timedelta(days=1), due)).promises == 0
    assert figures(kept(), period=Period(due, due + timedelta(days=1))).promises == 1


def test_notice_is_the_middle_one_and_moves_are_counted_by_complaint() -> None:
    twice = moved(("Mon 15:00", "Thu 12:00"), ("Thu 11:00", "Fri 12:00"))
    result = figures(twice, revised(), kept())
    assert result.notice_lead_p50 == at("Tue 14:00") - at("Mon 15:00"), "of one hour and twice twenty-three"
    assert (result.complaints, result.complaints_moved_twice, result.revisions_per_complaint) == (3, 1, 1.0)


def last_due(complaint: ComplaintBuilder) -> object:
    assert complaint.state is not None
    return complaint.state.last_due_at


@pytest.mark.parametrize("make", [acknowledged_complaint, kept, broken, late, withdrawn])
def test_a_complaint_is_read_up_to_its_last_due_time(make) -> None:
    assert last_due(make()) == at("Tue 14:00"), "the promise; its clocks are due before"


def test_a_moved_date_moves_the_last_due_time() -> None:
    assert last_due(revised()) == at("Thu 12:00")
    assert last_due(triaged_complaint()) == at("Tue 14:00"), "a date that nobody was told yet may still be told"


def test_a_partial_evaluation_only_raises_the_last_due_time() -> None:
    storm, over = (closed_on("2026-11-03"), "rebase_open"), ({**PLAIN, "calendar": [*PLAIN["calendar"]]}, "rebase_open")
    complaint = triaged_complaint(published())
    complaint.rulebook = published(storm)
    complaint.handle("Mon 12:00", Recompute(COMPLAINT))
    assert (complaint.clock().due_at, last_due(complaint)) == (at("Wed 10:00"), at("Wed 10:00"))
    complaint.rulebook = published(storm, over)
    complaint.handle("Mon 12:00", Recompute(COMPLAINT))
    assert complaint.clock().due_at == at("Tue 10:00")
    assert last_due(complaint) == at("Wed 10:00"), "nobody looked at the promise, which is due on Tuesday as well"
    complaint.resolve_and_tell("Mon 13:00")
    assert last_due(complaint) == at("Tue 14:00")


def test_a_partial_evaluation_does_not_fill_a_missing_last_due_time() -> None:
    complaint = acknowledged_complaint()
    assert complaint.state is not None
    complaint.state = complaint.state.replace(last_due_at=None)
    complaint.pass_time_until("Tue 12:00")
    assert last_due(complaint) is None
    complaint.resolve_and_tell("Tue 12:00")
    assert last_due(complaint) == at("Tue 14:00")

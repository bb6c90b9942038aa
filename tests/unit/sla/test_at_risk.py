"""Promises at risk by an outage are marked once, early enough for a message to the customer."""

import pytest

from services.sla.domain import MakePromise, MarkAtRisk
from shared.contracts.events import PromiseAtRisk
from tests.unit.sla.complaint_builder import COMPLAINT, ComplaintBuilder, accepted, acknowledged_complaint, at


def named(
    complaint: ComplaintBuilder, moment: str, until: str, lost: tuple[str, str] | None = None, cause: str = "downtime"
) -> list[int]:
    """Return the promises marked by an outage that lasts, or by a downtime with this start and end."""
    span = (at(lost[0]), at(lost[1])) if lost else None
    events = complaint.handle(moment, MarkAtRisk(COMPLAINT, cause=cause, until=at(until), lost=span))  # type: ignore[arg-type]
    return [fact.promise for fact in events if isinstance(fact, PromiseAtRisk)]


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (("Tue 09:00", "Tue 10:00"), [1]),
        (("Mon 08:00", "Tue 10:00"), [1]),  # made while nobody lived, as far as we saw
        (("Mon 20:00", "Tue 10:00"), [1]),
        (("Mon 20:00", "Tue 08:00"), []),  # by night nobody loses working time
        (("Mon 08:00", "Mon 10:00"), []),  # made after that
    ],
)
def test_after_a_downtime_promises_that_lost_working_time_are_at_risk(
    lost: tuple[str, str], expected: list[int]
) -> None:
    assert named(acknowledged_complaint(), "Tue 10:00", "Tue 14:00", lost) == expected


def test_a_date_after_the_expected_end_of_the_outage_is_not_at_risk() -> None:
    assert named(acknowledged_complaint(), "Tue 09:30", "Tue 13:30", ("Tue 09:00", "Tue 09:30")) == []


def test_a_finished_promise_is_not_at_risk() -> None:
    assert named(acknowledged_complaint(), "Tue 14:00", "Tue 18:00", ("Tue 09:00", "Tue 14:00")) == []


def test_lag_after_a_downtime_is_not_marked_again_but_a_provider_outage_is() -> None:
    complaint = acknowledged_complaint()
    lost = ("Tue 09:00", "Tue 10:00")
    assert named(complaint, "Tue 10:00", "Tue 14:00", lost) == [1]
    assert named(complaint, "Tue 10:01", "Tue 14:00", lost) == []
    assert named(complaint, "Tue 10:01", "Tue 14:01", cause="lag") == []
    assert named(complaint, "Tue 10:02", "Tue 14:02", cause="provider") == [1]


def test_a_broken_promise_hides_no_other_that_is_due_soon() -> None:
    complaint = acknowledged_complaint()
    complaint.pass_time_until("Thu 10:00")
    complaint.handle("Thu 10:00", MakePromise(COMPLAINT, actor="ann", subject="next_update", due_at=at("Thu 12:00")))
    complaint.receive("Thu 10:01", accepted("Thu 10:01", "progress", promise=2))
    assert complaint.state is not None
    assert complaint.state.promised_at == at("Tue 14:00")
    assert named(complaint, "Thu 10:30", "Thu 14:30", cause="lag") == [2]


def test_without_a_promise_at_risk_nothing_is_stored() -> None:
    complaint = acknowledged_complaint()
    before = complaint.state
    assert named(complaint, "Mon 12:00", "Mon 16:00", cause="lag") == []
    assert complaint.state is before

"""The cause of a breach: an outage at the due time, or else the handling."""

from typing import Any

import pytest

from services.sla.domain import Outage
from shared.contracts.events import ClockBreached, PromiseBroken
from tests.unit.sla.complaint_builder import ComplaintBuilder, acknowledged_complaint, at, triaged_complaint


def causes(complaint: ComplaintBuilder, kind: type, moment: str) -> set[str]:
    return {fact.cause for fact in complaint.tick(moment) if isinstance(fact, kind)}


@pytest.mark.parametrize(
    ("outages", "cause"),
    [
        ([], "handling"),
        ([("downtime", "Mon 10:30", "Mon 11:30")], "downtime"),
        ([("downtime", "Mon 11:00", "Mon 11:30")], "downtime"),  # it began at that very moment
        ([("lag", "Mon 09:00", None)], "lag"),  # it lasts
        ([("downtime", "Mon 08:00", "Mon 10:59")], "handling"),  # over before it fell due
        ([("downtime", "Mon 11:01", None)], "handling"),  # it fell due before
        ([("provider", "Mon 10:00", None), ("lag", "Mon 09:00", None)], "provider"),  # the latest to begin
    ],
)
def test_a_breach_is_caused_by_the_outage_at_its_due_time(outages: list[Any], cause: str) -> None:
    complaint = triaged_complaint()
    complaint.outages = tuple(Outage(name, at(since), at(until) if until else None) for name, since, until in outages)
    assert causes(complaint, ClockBreached, "Mon 11:45") == {cause}


def test_a_broken_promise_names_the_outage_as_its_cause() -> None:
    complaint = acknowledged_complaint()
    complaint.outages = (Outage("downtime", at("Tue 13:00"), at("Tue 18:00")),)
    assert causes(complaint, PromiseBroken, "Tue 18:01") == {"downtime"}


def test_downtime_never_voids_a_breach() -> None:
    complaint = triaged_complaint()
    complaint.outages = (Outage("downtime", at("Mon 10:30"), at("Mon 12:00")),)
    complaint.tick("Mon 12:00")
    assert complaint.clock("acknowledge").breached

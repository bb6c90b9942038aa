"""Notices that the customer received nothing for too long, also after a returned message."""

import pytest

from shared.contracts.events import MessageFailed, SilenceNoticed
from tests.unit.sla.complaint_builder import (
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    policy,
    rulebook_with,
)


def quiet() -> ComplaintBuilder:
    """Told on Monday at ten, under a policy that bears two days of silence."""
    return acknowledged_complaint(rulebook_with(policy(id="quiet", when={"severity": ["normal"]}, silence_days=2)))


def noticed(complaint: ComplaintBuilder, until: str) -> list[SilenceNoticed]:
    return [fact for fact in complaint.pass_time_until(until) if isinstance(fact, SilenceNoticed)]


def comes_back(complaint: ComplaintBuilder, sent: str, returned: str) -> None:
    complaint.receive(sent, accepted(sent, "progress", message=f"note {sent}"))
    complaint.receive(returned, bounced(f"note {sent}", hard=True))


def failed(message: str) -> MessageFailed:
    return MessageFailed(
        message=message, message_kind="progress", channel="email", cause="c", reason="rejected", attempts=3
    )


def test_a_silence_is_noticed_once_without_an_attempt() -> None:
    (fact,) = noticed(quiet(), "Mon+14 10:00")
    assert (fact.since, fact.days, fact.tried_at) == (at("Mon 10:00"), 2, None)


def test_an_accepted_message_restarts_the_count() -> None:
    complaint = quiet()
    noticed(complaint, "Wed 10:00")
    complaint.receive("Wed 10:05", accepted("Wed 10:05", "progress"))
    assert noticed(complaint, "Fri 10:04") == []
    assert [(entry.since, entry.tried_at) for entry in noticed(complaint, "Fri 10:05")] == [(at("Wed 10:05"), None)]


def test_a_bounced_message_is_followed_by_another_notice_with_the_original_start() -> None:
    complaint = quiet()
    assert len(noticed(complaint, "Wed 10:00")) == 1
    comes_back(complaint, "Wed 10:05", "Wed 11:00")
    assert noticed(complaint, "Fri 10:04") == []
    (again,) = noticed(complaint, "Fri 10:05")
    assert (again.since, again.tried_at) == (at("Mon 10:00"), at("Wed 10:05"))
    assert noticed(complaint, "Mon+7 10:00") == [], "nothing was tried after that"
    comes_back(complaint, "Mon+7 10:00", "Mon+7 10:01")
    (third,) = noticed(complaint, "Mon+14 10:00")
    assert (third.since, third.tried_at) == (at("Mon 10:00"), at("Mon+7 10:00"))


def test_a_message_never_accepted_counts_from_when_it_was_given_up() -> None:
    complaint = quiet()
    noticed(complaint, "Wed 10:00")
    complaint.receive("Thu 09:00", failed("note"))
    assert [(each.since, each.tried_at) for each in noticed(complaint, "Sat 09:00")] == [
        (at("Mon 10:00"), at("Thu 09:00"))
    ]


@pytest.mark.parametrize("returned", ["Tue 10:05", "Wed 09:00"])
def test_a_message_bounced_before_the_notice_postpones_nothing(returned: str) -> None:
    complaint = quiet()
    comes_back(complaint, "Tue 10:00", returned)
    assert [(element.since, element.tried_at) for element in noticed(complaint, "Wed 10:00")] == [
        (at("Mon 10:00"), None)
    ]
    assert noticed(complaint, "Mon+14 10:00") == []


def test_a_published_silence_is_not_published_again_when_the_message_before_it_bounces() -> None:
    complaint = quiet()
    noticed(complaint, "Wed 10:00")
    complaint.receive("Wed 10:05", accepted("Wed 10:05", "progress", message="note"))
    assert len(noticed(complaint, "Fri 10:05")) == 1
    complaint.receive("Fri 12:00", bounced("note", hard=True))
    assert noticed(complaint, "Mon+14 10:00") == [], "counted from the same attempt already"


def test_an_accepted_message_ends_the_silence() -> None:
    complaint = quiet()
    noticed(complaint, "Wed 10:00")
    comes_back(complaint, "Wed 10:05", "Wed 11:00")
    complaint.receive("Thu 10:00", accepted("Thu 10:00", "progress"))
    assert [(value.since, value.tried_at) for value in noticed(complaint, "Mon+14 10:00")] == [(at("Thu 10:00"), None)]

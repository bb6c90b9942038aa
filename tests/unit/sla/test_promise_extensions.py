"""Dates beyond the limit of a policy or a regulator need approval."""

from datetime import date
from typing import Any

import pytest

from services.sla.policies import parse_rulebook
from shared.contracts.events import (
    ExtensionRequested,
)
from shared.errors import IllegalMove, NotFound
from tests.unit.sla.complaint_builder import (
    OFFICE,
    POLICY,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    policy,
    proposed,
    received,
    resolved,
    rulebook_with,
    triaged,
)
from tests.unit.sla.promise_commands import CAPPED, decide_extension, promises, revise_promise


@pytest.mark.parametrize("by", ["proposal", "command"])
def test_a_date_beyond_the_cap_requests_an_extension_and_moves_nothing(by: str) -> None:
    complaint = acknowledged_complaint(CAPPED)
    extension = (
        complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
        if by == "command"
        else complaint.receive("Mon 11:00", proposed("Fri 12:00"))
    )
    assert promises(extension) == []
    [request] = [fact for fact in extension if isinstance(fact, ExtensionRequested)]
    assert (request.promise, request.expected_at) == (1, at("Fri 12:00"))
    assert request.limit_at == at("Thu 17:00"), "two business days after Tuesday"
    assert [status.promise.due_at for status in complaint.evaluation.promise_statuses] == [at("Tue 14:00")]


def test_a_handler_moves_a_date_within_the_cap_without_approval() -> None:
    complaint = acknowledged_complaint(CAPPED)
    [moved] = promises(complaint.handle("Mon 11:00", revise_promise("Thu 16:00")))
    assert moved.due_at == at("Thu 16:00")


def test_the_cap_counts_from_the_first_date_however_often_it_was_moved() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Thu 16:00"))
    extension_request = complaint.handle("Mon 12:00", revise_promise("Fri 12:00", promise=2))
    assert promises(extension_request) == []
    assert [type(fact) for fact in extension_request] == [ExtensionRequested]


def test_an_approved_extension_moves_the_promise_and_a_refused_one_does_not() -> None:
    granted, refused = acknowledged_complaint(CAPPED), acknowledged_complaint(CAPPED)
    for complaint in (granted, refused):
        complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    [moved] = promises(granted.handle("Mon 12:00", decide_extension(approve=True)))
    assert (moved.due_at, moved.reason) == (at("Fri 12:00"), "supplier_delay")
    assert promises(refused.handle("Mon 12:00", decide_extension(approve=False))) == []
    assert [
        each.approved
        for complaint in (granted, refused)
        for each in (complaint.state.extensions if complaint.state else ())
    ] == [
        True,
        False,
    ]
    with pytest.raises(NotFound):
        refused.handle("Mon 12:01", decide_extension(approve=True))


def test_an_extension_to_a_past_date_cannot_be_approved() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    with pytest.raises(IllegalMove, match="over"):
        complaint.handle("Mon+7 10:00", decide_extension(approve=True))


def test_an_extension_cannot_be_approved_for_a_complaint_that_is_closed() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        complaint.handle("Mon 13:00", decide_extension(approve=True))


def test_an_approver_moves_a_date_beyond_the_cap_alone() -> None:
    complaint = acknowledged_complaint(CAPPED)
    [moved] = promises(complaint.handle("Mon 11:00", revise_promise("Fri 12:00", approved=True)))
    assert moved.due_at == at("Fri 12:00")


def test_more_moves_than_the_rules_allow_need_approval() -> None:
    often = {"buffer": "PT4H", "extension": {"business_days": 20, "revisions": 1}}
    for by in ("proposal", "command"):
        complaint = acknowledged_complaint(
            rulebook_with(policy(id="once", when={"severity": ["normal"]}, promise=often))
        )
        complaint.handle("Mon 11:00", revise_promise("Thu 12:00"))
        again = revise_promise("Fri 12:00", promise=2)
        events_published = (
            complaint.handle("Mon 12:00", again)
            if by == "command"
            else complaint.receive("Mon 12:00", proposed("Fri 12:00"))
        )
        assert [type(fact) for fact in events_published] == [ExtensionRequested], by


def test_the_same_date_is_requested_once_and_the_last_request_is_decided() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    with pytest.raises(IllegalMove, match="waits for approval already"):
        complaint.handle("Mon 11:01", revise_promise("Fri 12:00"))
    complaint.handle("Mon 11:02", revise_promise("Mon+7 12:00"))
    [moved] = promises(complaint.handle("Mon 12:00", decide_extension(approve=True)))
    assert moved.due_at == at("Mon+7 12:00")
    assert [element.approved for element in (complaint.state.extensions if complaint.state else ())] == [False, True]


def test_a_date_proposed_again_while_pending_is_not_requested_twice() -> None:
    complaint = acknowledged_complaint(CAPPED)
    for moment, until, expected_requests in (
        ("Mon 11:00", "Fri 12:00", 1),
        ("Mon 11:30", "Fri 12:00", 0),
        ("Mon 12:00", "Mon+7 12:00", 1),  # another date is another question
        ("Mon 12:30", "Fri 12:00", 0),
    ):
        facts = complaint.receive(moment, proposed(until))
        assert [type(fact) for fact in facts] == [ExtensionRequested] * expected_requests, moment
    assert complaint.state is not None
    assert len(complaint.state.extensions) == 2
    complaint.handle("Mon 13:00", decide_extension(approve=False))
    facts = complaint.receive("Mon 14:00", proposed("Fri 12:00"))
    assert [type(fact) for fact in facts] == [ExtensionRequested], "what was refused may be asked for again"


def test_a_date_proposed_twice_before_triage_is_requested_once() -> None:
    complaint = ComplaintBuilder(CAPPED)
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    for moment in ("Mon 10:01", "Mon 10:02"):
        complaint.receive(moment, proposed("Fri 12:00"))
    published = complaint.receive("Mon 10:03", triaged())
    assert [type(fact) for fact in published].count(ExtensionRequested) == 1


def test_a_date_pending_by_a_command_is_not_requested_again_by_progress() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    assert complaint.receive("Mon 11:30", proposed("Fri 12:00")) == []


def test_an_approval_does_not_move_a_promise_back() -> None:
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", revise_promise("Fri 12:00"))
    complaint.handle("Mon 11:30", revise_promise("Mon+7 12:00", approved=True))
    with pytest.raises(IllegalMove, match="meanwhile"):
        complaint.handle("Mon 12:00", decide_extension(approve=True))


def packed(**pack: Any) -> ComplaintBuilder:
    """A regulator's final response within three working days, beside a policy that caps nothing."""
    final = {"kind": "regulatory_final", "goal": {"business_days": 3}, **pack.pop("clock", {})}
    golden = {"clock": "regulatory_final", "start": at("Mon 10:00"), "due": at("Thu 17:00"), "why": "Thursday"}
    rule = {
        "id": "reg",
        "version": 1,
        "name": "Rule",
        "jurisdiction": "XX",
        "effective_from": "2020-01-01",
        "calendar": "office",
        "sources": [{"title": "T"}],
        "clocks": [final],
        "golden": [golden],
        **pack,
    }
    complaint = acknowledged_complaint(
        parse_rulebook({"calendar": [OFFICE], "policy": [POLICY], "pack": [rule]}, around=date(2026, 11, 1))
    )
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    return complaint


EXTENDED: dict[str, Any] = {
    "letters": [{"id": "delay", "clock": "regulatory_final", "lead": {"business_days": 1}}],
    "extensions": [{"clock": "regulatory_final", "letter": "delay", "business_days": 2}],
}


@pytest.mark.parametrize(
    ("pack", "limit"),
    [
        ({}, "Thu 17:00"),  # a rule without an extension allows none
        (EXTENDED, "Mon+7 17:00"),
        ({"clock": {"start": "acknowledged"}, **EXTENDED}, "Mon+7 17:00"),
    ],
)
def test_a_date_beyond_what_a_regulators_rule_allows_needs_approval(pack: dict[str, Any], limit: str) -> None:
    complaint = packed(**pack)
    [request] = [
        fact
        for fact in complaint.handle("Mon 11:00", revise_promise("Tue+7 12:00"))
        if isinstance(fact, ExtensionRequested)
    ]
    assert request.limit_at == at(limit)
    [moved] = promises(complaint.handle("Mon 12:00", revise_promise("Thu 16:00")))
    assert moved.due_at == at("Thu 16:00"), "within it a handler moves the date alone"

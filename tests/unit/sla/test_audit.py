"""The audit finds changed states and names the stored side and the rebuilt side."""

from datetime import date
from typing import Any

import pytest

from services.sla.audit.compare import compare_states
from services.sla.audit.published import Difference
from services.sla.domain import DecideExtension, MarkAtRisk, RevisePromise, SlaState
from services.sla.policies import load_rulebook
from shared.contracts.envelope import Fact
from shared.contracts.events import (
    ClockWarned,
    ExtensionRequested,
    LetterDue,
    PromiseAtRisk,
    PromiseMade,
    SilenceNoticed,
)
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    policy,
    rulebook_with,
)

CAPPED = rulebook_with(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def moved() -> ComplaintBuilder:
    """Return a complaint with an approved revision, marked at risk in an outage; warnings, a breach, escalations."""
    complaint = acknowledged_complaint(CAPPED)
    complaint.handle("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    complaint.handle("Mon 12:00", DecideExtension(COMPLAINT, actor="head", promise=1, approve=True))
    complaint.receive("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    complaint.pass_time_until("Fri 09:00")
    complaint.handle("Fri 10:00", MarkAtRisk(COMPLAINT, cause="lag", until=at("Fri 15:00")))
    return complaint


def with_pack() -> ComplaintBuilder:
    """Return a complaint to a bank, on the day on which its holding letter was due."""
    complaint = acknowledged_complaint(load_rulebook(None, around=date(2026, 11, 1), packs=["eu-psd2"]))
    complaint.pass_time_until("Mon+21 12:00")
    return complaint


def audited(
    complaint: ComplaintBuilder, published: list[Fact] | None = None, *, complete: bool = True, **changes: Any
) -> list[Difference]:
    """Return the differences of a state with these changes from its facts and published events."""
    state = complaint.state
    assert state is not None
    changed = SlaState.model_validate_json(state.replace(**changes).model_dump_json(exclude_none=True))
    events = complaint.published if published is None else published
    return list(compare_states(changed, state, complaint.rulebook, events, complete=complete))


@pytest.mark.parametrize("complaint", [moved(), with_pack()], ids=["moved", "under a rule"])
def test_an_unchanged_state_has_no_differences(complaint: ComplaintBuilder) -> None:
    assert audited(complaint) == []
    assert audited(complaint, [], complete=False) == [], (
        "if the first events are deleted, a missing event proves nothing"
    )


def test_a_silence_noticed_again_after_a_bounce_is_no_difference() -> None:
    complaint = acknowledged_complaint(rulebook_with(policy(id="quiet", when={"severity": ["normal"]}, silence_days=2)))
    complaint.pass_time_until("Wed 10:00")
    complaint.receive("Wed 10:05", accepted("Wed 10:05", "progress", message="note"))
    complaint.receive("Wed 10:10", bounced("note", hard=True))
    complaint.pass_time_until("Mon+7 10:00")
    assert sum(isinstance(fact, SilenceNoticed) for fact in complaint.published) == 2
    assert audited(complaint) == []


def test_a_pack_removed_from_the_terms_is_found() -> None:
    complaint = with_pack()
    assert complaint.state is not None
    bare = tuple(applied._replace(terms=applied.terms._replace(packs=())) for applied in complaint.state.terms)
    assert [tuple(difference) for difference in audited(complaint, terms=bare[:1] + complaint.state.terms[1:])] == [
        (
            "terms of 2026-11-02T10:00:00+00:00",
            "receipt under policy everyday 1, packs none, revision 1 (rebase_open)",
            "receipt under policy everyday 1, packs eu-psd2 1, revision 1 (rebase_open)",
        )
    ]
    assert len(audited(complaint, terms=bare)) == 2


def test_a_promise_that_differs_from_its_event_is_found_with_the_right_sides() -> None:
    complaint = moved()
    assert complaint.state is not None
    first, second = complaint.state.promises
    [(what, stored, rebuilt)] = audited(complaint, promises=(first.replace(due_at=at("Wed 12:00")), second))
    assert (what, "11-04T12:00" in str(stored), "11-03T14:00" in str(rebuilt)) == ("promise 1", True, True)
    assert [item.what for item in audited(complaint, promises=(first, second.replace(reason="y")))] == ["promise 2"]
    assert [item.what for item in audited(complaint, promises=(first,))] == ["promise 2"]
    lost = first.replace(cycle=9)
    assert audited(complaint, promises=(lost, second)) == [Difference("promise 1", "of cycle 9", "no such cycle")]
    third = second.replace(number=3, due_at=at("Fri 16:00"))
    assert [item.what for item in audited(complaint, promises=(first, second, third))] == ["promise 3"]


def test_an_extension_without_a_request_or_without_a_moved_promise_is_found() -> None:
    complaint = moved()
    assert complaint.state is not None
    [request] = complaint.state.extensions
    other = request.replace(expected_at=at("Thu 12:00"))
    assert len(audited(complaint, extensions=())) == 1
    assert {item.stored for item in audited(complaint, extensions=(other,))} == {
        "never stored",
        "stored once",
        "approved by head",
    }


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (PromiseMade, "promise 1"),
        (ExtensionRequested, "extension of promise 1"),
        (PromiseAtRisk, "risk:2:lag"),
        (ClockWarned, "step "),
    ],
)
def test_what_is_stored_and_was_never_published_is_found(kind: type[Fact], what: str) -> None:
    complaint = moved()
    differences = audited(complaint, [fact for fact in complaint.published if not isinstance(fact, kind)])
    assert differences
    assert all(item.what.startswith(what) for item in differences)


def test_a_letter_on_one_side_only_is_found() -> None:
    complaint = with_pack()
    assert complaint.state is not None
    [difference] = audited(complaint, [fact for fact in complaint.published if not isinstance(fact, LetterDue)])
    assert difference == Difference("letter:eu-psd2:holding", "stored once", "never published")
    [difference] = audited(
        complaint, fired=tuple(mark for mark in complaint.state.fired if not mark.startswith("letter:"))
    )
    assert difference == Difference("letter:eu-psd2:holding", "never stored", "published once")

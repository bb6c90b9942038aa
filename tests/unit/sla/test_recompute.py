"""A publication recomputes open complaints: their revision and clocks change, promises never do."""

from datetime import timedelta

from services.sla.domain import Recompute
from services.sla.policies import Rulebook
from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockCorrected,
    ClockRebased,
    ClockWarned,
    PromiseBroken,
)
from tests.unit.sla import complaint_builder
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    ComplaintBuilder,
    accepted,
    at,
    resolved,
    triaged,
    triaged_complaint,
)
from tests.unit.sla.rulebook_revisions import closed_on, published, with_goal

ASKED = Recompute(COMPLAINT)
STORM = closed_on("2026-11-03")  # the Tuesday of that week


def under(complaint: ComplaintBuilder, rulebook: Rulebook) -> ComplaintBuilder:
    complaint.rulebook = rulebook
    return complaint


def revisions(complaint: ComplaintBuilder) -> list[int]:
    assert complaint.state
    return [applied.terms.revision for applied in complaint.state.terms]


def test_a_late_holiday_moves_the_due_time_and_publishes_both_dates() -> None:
    complaint = under(triaged_complaint(published()), published((STORM, "rebase_open")))
    assert complaint.clock().due_at == at("Tue 10:00")
    events = complaint.handle("Mon 12:00", ASKED)
    assert complaint.clock().due_at == at("Wed 10:00")
    (moved,) = (fact for fact in events if isinstance(fact, ClockRebased))
    assert (moved.old_due_at, moved.due_at) == (at("Tue 10:00"), at("Wed 10:00"))
    assert (moved.actor, moved.reason) == ("actor 2", "reason 2")
    assert complaint.handle("Mon 12:01", ASKED) == []


def test_new_only_moves_nothing_and_a_second_triage_stays_in_the_old_revision() -> None:
    complaint = under(triaged_complaint(published()), published((STORM, "new_only")))
    before = complaint.state
    assert complaint.handle("Mon 12:00", ASKED) == []
    assert complaint.state == before
    complaint.receive("Mon 13:00", triaged("high"))
    assert revisions(complaint) == [1, 1, 1]
    assert complaint.clock().due_at == at("Tue 10:00")


def test_a_new_only_revision_does_not_hide_an_older_one_that_moves_what_is_open() -> None:
    """The worker was slower than the next publication."""
    later = with_goal({"business": "PT2H"}, before=STORM)
    complaint = under(triaged_complaint(published()), published((STORM, "rebase_open"), (later, "new_only")))
    complaint.handle("Mon 12:00", ASKED)
    assert revisions(complaint) == [1, 1, 2]
    assert complaint.clock().due_at == at("Wed 10:00")
    assert complaint.clock().spec.source.version == 1


def test_several_publications_apply_one_after_the_other() -> None:
    slower = with_goal({"business": "PT16H"}, before=STORM)
    book = published((STORM, "rebase_open"), (slower, "rebase_remaining"))
    at_once, one_by_one = (triaged_complaint(published()) for _ in range(2))
    under(at_once, book).handle("Mon 12:00", ASKED)
    under(one_by_one, published((STORM, "rebase_open"))).handle("Mon 12:00", ASKED)
    under(one_by_one, book).handle("Mon 12:00", ASKED)
    assert revisions(at_once) == revisions(one_by_one) == [1, 1, 2, 3]
    assert at_once.clock().due_at == one_by_one.clock().due_at


def test_a_late_triage_from_before_a_publication_is_matched_in_both_revisions() -> None:
    urgent = {**complaint_builder.POLICY, "id": "urgent", "when": {"severity": ["high"]}}
    first = {"calendar": [complaint_builder.OFFICE], "policy": [urgent, complaint_builder.POLICY]}
    third = {**first, "policy": [complaint_builder.POLICY]}
    book = published((first, "rebase_open"), (third, "new_only"))
    complaint = under(triaged_complaint(published()), book)
    complaint.handle("Mon 12:00", ASKED)
    complaint.receive("Mon 11:00", triaged("high"), now="Mon 12:30")
    assert complaint.state
    assert [(applied.why, applied.terms.revision, applied.terms.policy) for applied in complaint.state.terms] == [
        ("receipt", 1, "plain"),
        ("triage", 1, "plain"),
        ("triage", 1, "plain"),
        ("rebase", 2, "urgent"),
    ]


def test_the_remaining_time_is_counted_by_the_new_goal() -> None:
    complaint = under(triaged_complaint(published()), published((with_goal({"business": "PT4H"}), "rebase_remaining")))
    complaint.handle("Mon 13:00", ASKED)  # three of the eight hours are gone, so one of the four is left
    assert complaint.clock().due_at == at("Mon 14:00")


def test_fired_steps_do_not_fire_again_and_missed_steps_fire_as_one() -> None:
    complaint = triaged_complaint(published())
    complaint.pass_time_until("Mon 14:00")
    assert [
        fact.rung for fact in complaint.published if isinstance(fact, ClockWarned) and fact.clock == "requester_wait"
    ] == ["50%"]
    under(complaint, published((with_goal({"business": "PT5H"}), "rebase_open")))
    events = complaint.handle("Mon 14:45", ASKED)
    assert [fact.rung for fact in events if isinstance(fact, ClockWarned)] == ["90%"]
    complaint.pass_time_until("Mon+7 09:00")
    rungs = [(fact.clock, fact.rung) for fact in complaint.published if isinstance(fact, ClockWarned)]
    assert len(rungs) == len(set(rungs))


def test_a_breach_that_disappears_is_voided_and_a_new_one_is_published_with_its_cause() -> None:
    complaint = triaged_complaint(published())
    complaint.pass_time_until("Tue 11:00")
    assert any(isinstance(fact, ClockBreached) and fact.clock == "requester_wait" for fact in complaint.published)
    events = under(complaint, published((STORM, "rebase_open"))).handle("Tue 12:00", ASKED)
    (voided,) = (fact for fact in events if isinstance(fact, ClockBreachVoided))
    assert (voided.clock, voided.reason) == ("requester_wait", "reason 2")


def test_a_promise_stays_whatever_is_published() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    assert complaint.state
    promises = complaint.state.promises
    events = under(complaint, published((with_goal({"business": "PT1H"}), "rebase_open"))).handle("Mon 12:00", ASKED)
    assert complaint.state.promises == promises
    assert not [fact for fact in events if isinstance(fact, PromiseBroken)]
    assert [status.status for status in complaint.evaluation.promise_statuses] == ["open"]


def test_a_clock_that_ended_keeps_its_terms() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    closed = complaint.clock("acknowledge")
    under(complaint, published((closed_on("2026-11-02"), "rebase_open"))).handle("Mon 12:00", ASKED)
    assert complaint.clock("acknowledge").due_at == closed.due_at
    complaint.receive("Mon 15:00", resolved("Mon 15:00"))
    ended = complaint.clock()
    under(
        complaint,
        published((closed_on("2026-11-02"), "rebase_open"), (closed_on("2026-11-03", version=3), "rebase_open")),
    )
    complaint.handle("Mon 16:00", ASKED)
    assert (complaint.clock().due_at, complaint.clock().breached) == (ended.due_at, ended.breached)


def test_terms_never_go_back_in_time_if_the_clocks_of_machines_differ() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 12:00", triaged("high"))
    under(complaint, published((STORM, "rebase_open"))).handle("Mon 11:59", ASKED)
    assert complaint.state
    ats = [applied.at for applied in complaint.state.terms]
    assert ats == sorted(ats)
    assert ats[-1] - ats[-2] == timedelta()


def test_a_second_triage_without_changes_keeps_the_remaining_time() -> None:
    complaint = under(triaged_complaint(published()), published((with_goal({"business": "PT4H"}), "rebase_remaining")))
    complaint.handle("Mon 15:00", ASKED)
    due_at = complaint.clock().due_at
    complaint.receive("Tue 09:00", triaged("high"))
    assert complaint.clock().due_at == due_at


def test_only_a_publication_publishes_clock_rebased_and_a_late_triage_publishes_a_correction() -> None:
    urgent = {**complaint_builder.POLICY, "id": "urgent", "when": {"severity": ["high"]}}
    urgent["clocks"] = [urgent["clocks"][0], {**urgent["clocks"][1], "goal": {"business": "PT2H"}}]
    both = {"calendar": [complaint_builder.OFFICE], "policy": [urgent, complaint_builder.POLICY]}
    complaint = under(triaged_complaint(published()), published((both, "rebase_open")))
    complaint.handle("Mon 12:00", ASKED)
    events = complaint.receive("Mon 11:00", triaged("high"), now="Mon 12:30")
    assert not [fact for fact in events if isinstance(fact, ClockRebased)]
    (moved,) = (fact for fact in events if isinstance(fact, ClockCorrected) and fact.clock == "requester_wait")
    assert moved.cause_event

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
from tests.unit.sla.complaint_builder import (
    HANDLER,
    REOPENED,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    policy,
    proposed,
    received,
    resolved,
    rulebook_with,
    triaged,
    triaged_complaint,
)
from tests.unit.sla.promise_commands import make_promise, promises, revised_promise, statuses


def test_a_promise_needs_the_receipt_and_the_triage() -> None:
    complaint = ComplaintBuilder()
    assert promises(complaint.receive("Mon 10:00", received("Mon 10:00"))) == []
    [made] = promises(complaint.receive("Mon 10:01", triaged()))
    assert made == PromiseMade(
        promise=1, due_at=at("Tue 14:00"), policy="plain", policy_version=1, calendar="office", calendar_version=1
    )


def test_the_promise_is_later_than_the_target_by_hours_of_work() -> None:
    complaint = triaged_complaint(moment="Fri 15:00")
    assert complaint.clock().due_at == at("Mon+7 15:00")
    assert complaint.state is not None
    assert complaint.state.promises[0].due_at == at("Tue+7 11:00")


def test_a_complaint_of_sunday_night_is_promised_from_monday_morning() -> None:
    complaint = triaged_complaint(moment="Sun 23:50")
    assert complaint.state is not None
    assert complaint.state.promises[0].due_at == at("Tue+7 13:00")


def test_a_backdated_letter_shortens_the_target_but_not_the_promise() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Wed 10:00", received("Mon 10:00"))
    complaint.receive("Wed 10:00", triaged())
    assert complaint.clock().due_at == at("Tue 10:00")
    assert complaint.state is not None
    assert complaint.state.promises[0].due_at == at("Thu 14:00")


def test_a_promise_counts_from_a_triage_that_is_days_late() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    [made] = promises(complaint.receive("Fri 10:00", triaged()))
    assert made.due_at == at("Mon+7 14:00")


def test_a_later_date_with_a_reason_revises_the_promise_into_working_hours() -> None:
    complaint = triaged_complaint()
    [revised] = promises(complaint.receive("Mon 15:00", proposed("Sat 12:00")))
    assert revised == PromiseRevised(
        promise=2, old_due_at=at("Tue 14:00"), due_at=at("Mon+7 09:00"), reason="supplier_delay"
    )


@pytest.mark.parametrize(
    "proposal",
    [
        proposed("Mon 12:00"),  # over already
        proposed("Tue 09:00"),  # not later than promised: being early needs no new promise
        proposed("Tue 14:00"),
        proposed("Thu 12:00", None),  # without a reason
        proposed("Thu 12:00", ""),
    ],
)
def test_a_date_that_does_not_move_the_promise_is_absorbed(proposal: Any) -> None:
    complaint = triaged_complaint()
    assert promises(complaint.receive("Mon 15:00", proposal)) == []
    assert complaint.state is not None
    assert len(complaint.state.promises) == 1
    assert complaint.state.proposals == ()


def test_a_date_more_than_ten_years_ahead_is_absorbed() -> None:
    complaint = triaged_complaint()
    far = proposed("Thu 12:00")
    assert (
        promises(
            complaint.receive("Mon 15:00", far.model_copy(update={"expected_at": at("Thu 12:00").replace(year=2300)}))
        )
        == []
    )


def test_a_proposal_waits_for_the_promise_it_moves() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    complaint.receive("Mon 11:00", proposed("Thu 12:00"))
    made, revised = promises(complaint.receive("Mon 10:01", triaged(), now="Mon 11:01"))
    assert (made.promise, revised.promise, revised.old_due_at) == (1, 2, made.due_at)


def test_a_promise_is_kept_at_its_first_date() -> None:
    complaint = acknowledged_complaint()
    assert promises(complaint.resolve_and_tell("Tue 13:00")) == [PromiseKept(promise=1, first=True)]
    assert statuses(complaint) == [("kept", "kept_first")]


def test_an_untold_date_is_neither_kept_nor_broken() -> None:
    kept, missed = triaged_complaint(), triaged_complaint()
    assert promises(kept.receive("Tue 13:00", resolved("Tue 13:00"))) == []
    assert promises(missed.pass_time_until("Fri 12:00")) == []
    assert statuses(kept) == statuses(missed) == [("untold", "untold")]


def test_a_date_told_after_it_had_passed_is_broken_from_the_start() -> None:
    complaint = triaged_complaint()
    complaint.tick("Wed 10:00")
    [broken] = promises(complaint.receive("Wed 11:00", accepted("Wed 11:00", promise=1)))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))


def test_a_revised_promise_is_kept_but_not_at_its_first_date() -> None:
    complaint = revised_promise()
    assert promises(complaint.resolve_and_tell("Wed 13:00")) == [PromiseKept(promise=2, first=False)]
    assert statuses(complaint) == [("revised", "kept_revised"), ("kept", "kept_revised")]


def test_the_replacement_lead_is_how_long_before_the_old_date_the_new_one_was_told() -> None:
    complaint = revised_promise()
    first, second = complaint.evaluation.promise_statuses
    assert first.replacement_lead == at("Tue 14:00") - at("Mon 15:00")
    assert second.replacement_lead is None


def test_a_revised_promise_that_was_not_needed_counts_as_kept_first() -> None:
    complaint = revised_promise()
    assert promises(complaint.resolve_and_tell("Tue 10:00")) == [PromiseKept(promise=2, first=True)]


def test_an_untold_new_date_does_not_replace_the_old_one() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Mon 15:00", proposed("Thu 12:00"))
    [broken] = promises(complaint.tick("Tue 14:01"))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))
    assert statuses(complaint)[0] == ("broken", "broken")


def test_a_promise_breaks_once_when_its_date_passes() -> None:
    complaint = acknowledged_complaint()
    assert promises(complaint.pass_time_until("Tue 14:00")) == []
    assert promises(complaint.tick("Tue 14:01")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]
    assert promises(complaint.tick("Tue 15:00")) == []
    assert promises(complaint.resolve_and_tell("Tue 16:00")) == []
    assert statuses(complaint) == [("broken", "broken_then_kept")]


def test_an_answer_after_the_date_breaks_the_promise_even_if_no_timer_saw_it() -> None:
    complaint = acknowledged_complaint()
    assert promises(complaint.resolve_and_tell("Wed 10:00")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]


def test_a_replacement_told_after_the_date_does_not_count() -> None:
    complaint = acknowledged_complaint()
    complaint.tick("Tue 14:01")
    [moved] = promises(complaint.receive("Wed 10:00", proposed("Fri 12:00")))
    assert (moved.promise, moved.due_at) == (2, at("Fri 12:00"))
    complaint.receive("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert statuses(complaint) == [("broken", "broken"), ("open", "broken")]
    assert complaint.evaluation.promise_statuses[0].replacement_lead == at("Tue 14:00") - at("Wed 10:01"), (
        "negative: after the date"
    )
    assert promises(complaint.resolve_and_tell("Thu 10:00")) == [PromiseKept(promise=2, first=False)]
    assert statuses(complaint) == [("broken", "broken_then_kept"), ("kept", "broken_then_kept")]


def test_withdrawing_ends_a_promise_without_keeping_or_breaking_it() -> None:
    complaint = acknowledged_complaint()
    assert promises(complaint.receive("Mon 12:00", WITHDRAWN)) == []
    assert promises(complaint.tick("Fri 12:00")) == []
    assert statuses(complaint) == [("cancelled", "cancelled")]


def test_reopening_makes_the_next_promise() -> None:
    complaint = acknowledged_complaint()
    complaint.resolve_and_tell("Mon 15:00")
    [made] = promises(complaint.receive("Wed 10:00", REOPENED))
    assert (made.promise, made.due_at) == (2, at("Thu 14:00"))
    assert isinstance(made, PromiseMade)
    complaint.receive("Wed 10:01", accepted("Wed 10:01", "progress", promise=2))
    assert promises(complaint.resolve_and_tell("Thu 10:00")) == [PromiseKept(promise=2, first=True)]


def test_a_promise_counts_as_told_once_a_provider_accepted_the_message_that_states_it() -> None:
    complaint = triaged_complaint()
    assert complaint.evaluation.promise_statuses[0].told_at is None
    complaint.receive("Mon 10:03", accepted("Mon 10:02", promise=1))
    assert complaint.evaluation.promise_statuses[0].told_at == at("Mon 10:02")
    complaint.receive("Mon 10:09", accepted("Mon 10:09", "progress", promise=1))
    assert complaint.evaluation.promise_statuses[0].told_at == at("Mon 10:02"), "the first time counts"


def test_a_bounced_message_tells_no_promise() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 10:02", accepted("Mon 10:02", promise=1, message="m1"))
    assert statuses(complaint) == [("open", "open")]
    complaint.receive("Mon 10:05", bounced("m1", hard=True))
    assert statuses(complaint) == [("untold", "untold")]
    complaint.receive("Mon 10:07", accepted("Mon 10:07", promise=1, message="m2"))
    assert complaint.evaluation.promise_statuses[0].told_at == at("Mon 10:07")


def test_an_answer_before_the_promise_leaves_nothing_to_promise() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    complaint.receive("Mon 10:30", resolved("Mon 10:30"))
    assert promises(complaint.receive("Mon 10:05", triaged(), now="Mon 10:31")) == []
    assert statuses(complaint) == [("untold", "untold")]


def test_a_date_told_after_the_answer_does_not_count() -> None:
    complaint = triaged_complaint()
    complaint.resolve_and_tell("Mon 12:00")
    assert promises(complaint.receive("Mon 12:05", accepted("Mon 12:05", promise=1))) == []
    assert statuses(complaint) == [("untold", "untold")]


def test_a_replacement_told_after_the_answer_does_not_count() -> None:
    complaint = acknowledged_complaint()
    complaint.tick("Tue 14:01")
    complaint.receive("Wed 09:00", proposed("Fri 12:00"))
    complaint.resolve_and_tell("Wed 10:00")
    complaint.receive("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert statuses(complaint) == [("broken", "broken_then_kept"), ("untold", "broken_then_kept")]


def test_of_two_replacements_the_first_told_counts() -> None:
    """The message about the second date was held up, the one about the third was not."""
    complaint = revised_promise()
    complaint.receive("Tue 09:00", proposed("Fri 12:00"))
    complaint.receive("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held = acknowledged_complaint()
    held.receive("Mon 15:00", proposed("Thu 12:00"))
    held.receive("Tue 09:00", proposed("Fri 12:00"))
    held.receive("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held.receive("Wed 09:00", accepted("Wed 09:00", "promise_moved", promise=2))
    assert statuses(held)[0] == statuses(complaint)[0] == ("revised", "open")


def test_the_next_promised_date_covers_every_subject() -> None:
    complaint = acknowledged_complaint()
    assert complaint.state is not None
    assert complaint.state.promised_at == at("Tue 14:00")
    complaint.handle("Mon 11:00", make_promise("Mon 16:00"))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    assert complaint.state.promised_at == at("Mon 16:00")
    complaint.tick("Mon 16:30")
    assert complaint.state.promised_at == at("Mon 16:00"), "missed, and still owed"
    complaint.receive("Mon 17:00", HANDLER)
    assert complaint.state.promised_at == at("Tue 14:00")
    complaint.resolve_and_tell("Tue 12:00")
    assert complaint.state.promised_at is None


def test_a_bounced_message_does_not_end_the_silence() -> None:
    complaint = acknowledged_complaint(rulebook_with(policy(id="quiet", when={"severity": ["normal"]}, silence_days=3)))
    complaint.receive("Tue 10:00", accepted("Tue 10:00", "progress", message="m9"))
    complaint.receive("Tue 10:05", bounced("m9", hard=True))
    published_facts = [fact for fact in complaint.pass_time_until("Sun 12:00") if isinstance(fact, SilenceNoticed)]
    assert [(fact.since, fact.days) for fact in published_facts] == [(at("Mon 10:00"), 3)], "once for each silence"


def test_no_promise_lies_beyond_a_legal_limit_that_is_still_ahead() -> None:
    disp = load_rulebook(None, around=date(2026, 11, 1), packs=["uk-disp"])
    days = {54: at("Wed 17:00"), 57: None, 0: None}  # since the firm had it; eight weeks are 56
    for since, expected in days.items():
        complaint = ComplaintBuilder(disp)
        complaint.receive(
            "Mon 10:00", received("Mon 10:00").replace(received_at=at("Mon 10:00") - timedelta(days=since))
        )
        complaint.receive("Mon 10:00", triaged())
        assert complaint.state
        made = complaint.state.promises[0]
        assert made.by == ("law" if expected else "policy")
        assert made.due_at == expected or (expected is None and made.due_at > at("Wed 17:00"))


def test_the_replacement_lead_is_exact_to_the_hour() -> None:
    complaint = revised_promise("Tue 13:00")
    assert complaint.evaluation.promise_statuses[0].replacement_lead == timedelta(hours=1)

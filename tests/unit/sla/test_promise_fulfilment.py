"""Fulfilment of promises: an answer when it was told, an update when it was sent, an action when it was completed."""

from typing import Any

import pytest

from services.sla.domain import MakePromise, MarkAtRisk, RevisePromise
from shared.contracts.events import (
    MessageFailed,
    MessageSuppressed,
    PromiseAtRisk,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
)
from shared.errors import Rejected
from tests.unit.sla.complaint_builder import (
    COMPLAINT,
    HANDLER,
    REOPENED,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    bounced,
    milestone,
    received,
    resolved,
    triaged,
    triaged_complaint,
)

BROKEN = PromiseBroken(promise=1, due_at=at("Tue 14:00"))
KEPT = PromiseKept(promise=1, first=True)


def promises(facts: list[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, PromiseMade | PromiseKept | PromiseBroken)]


def fates(complaint: ComplaintBuilder) -> list[tuple[str, str]]:
    return [(pledge.status, pledge.outcome) for pledge in complaint.evaluation.promise_statuses]


def waits(complaint: ComplaintBuilder) -> Any:
    """Return the stored date of the next promise to keep."""
    assert complaint.state is not None
    return complaint.state.promised_at


def resolved_on(moment: str) -> ComplaintBuilder:
    """Build a resolved complaint whose customer has not received the answer."""
    complaint = acknowledged_complaint()
    complaint.receive(moment, resolved(moment))
    return complaint


def makes(until: str, subject: Any = "next_update", item: str = "") -> MakePromise:
    return MakePromise(COMPLAINT, actor="ann", subject=subject, due_at=at(until), item=item)


# ── the answer ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_untold_answer_keeps_no_promise() -> None:
    complaint = acknowledged_complaint()
    assert promises(complaint.receive("Tue 13:00", resolved("Tue 13:00"))) == []
    assert (fates(complaint), waits(complaint)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(complaint.accept_answer("Tue 13:30")) == [KEPT]
    assert (fates(complaint), waits(complaint)) == ([("kept", "kept_first")], None)
    assert promises(complaint.pass_time_until("Fri 12:00")) == []


def test_an_answer_never_sent_breaks_the_promise_on_its_date() -> None:
    complaint = resolved_on("Tue 13:00")
    assert promises(complaint.pass_time_until("Fri 12:00")) == [BROKEN]
    assert (fates(complaint), waits(complaint)) == ([("broken", "broken")], at("Tue 14:00"))


def test_an_answer_told_after_the_date_is_late_even_if_decided_before_it() -> None:
    seen, unseen = resolved_on("Tue 10:00"), resolved_on("Tue 10:00")
    assert promises(seen.pass_time_until("Tue 15:00")) == [BROKEN]
    assert promises(seen.accept_answer("Tue 16:00")) == []
    assert promises(unseen.accept_answer("Tue 16:00")) == [BROKEN]
    for complaint in (seen, unseen):
        assert (fates(complaint), waits(complaint)) == ([("broken", "broken_then_kept")], None)


@pytest.mark.parametrize(
    "back",
    [
        bounced("m1", hard=True),
        MessageFailed(message="m1", message_kind="resolution", channel="email", cause="c", reason="gone", attempts=9),
    ],
)
def test_a_bounced_answer_was_not_told(back: Any) -> None:
    complaint = resolved_on("Tue 10:00")
    assert promises(complaint.accept_answer("Tue 10:01", "m1")) == [KEPT]
    complaint.receive("Tue 10:05", back)
    assert (fates(complaint), waits(complaint)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(complaint.pass_time_until("Wed 12:00")) == [BROKEN]
    assert promises(complaint.accept_answer("Wed 13:00", "m2")) == []
    assert (fates(complaint), waits(complaint)) == ([("broken", "broken_then_kept")], None)


def test_a_bounced_answer_that_was_sent_again_by_the_date_keeps_the_promise() -> None:
    complaint = resolved_on("Tue 10:00")
    complaint.accept_answer("Tue 10:01", "m1")
    complaint.receive("Tue 10:05", bounced("m1", hard=True))
    assert promises(complaint.receive("Tue 11:00", HANDLER)) == [KEPT], (
        "told again: a handler told the customer in person"
    )
    assert fates(complaint) == [("kept", "kept_first")]


def test_an_answer_that_bounces_after_the_date_breaks_the_promise_then() -> None:
    complaint = resolved_on("Tue 10:00")
    complaint.accept_answer("Tue 10:01", "m1")
    complaint.pass_time_until("Wed 12:00")
    complaint.tick("Wed 12:00")
    assert promises(complaint.receive("Wed 13:00", bounced("m1", hard=True))) == [BROKEN]


def test_a_message_before_the_resolution_is_no_answer_and_one_after_it_is() -> None:
    complaint = acknowledged_complaint()
    complaint.receive("Tue 10:00", HANDLER)
    complaint.receive("Tue 11:00", resolved("Tue 11:00"))
    assert fates(complaint) == [("open", "open")]
    assert promises(complaint.receive("Tue 12:00", HANDLER)) == [KEPT]


def test_an_answer_accepted_before_the_resolution_counts_from_the_resolution() -> None:
    """The clock of the machine that sends is a second behind."""
    complaint = acknowledged_complaint()
    complaint.receive("Tue 12:59:59", accepted("Tue 12:59:59", "resolution"))
    assert fates(complaint) == [("open", "open")], "no answer without a resolution"
    assert promises(complaint.receive("Tue 13:00", resolved("Tue 13:00"))) == [KEPT]
    assert complaint.evaluation.promise_statuses[0].done_at == at("Tue 13:00")


def test_a_date_told_after_the_resolution_but_before_the_answer_is_a_promise() -> None:
    complaint = triaged_complaint()
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    assert fates(complaint) == [("untold", "untold")]
    complaint.receive("Mon 12:01", accepted("Mon 12:01", promise=1))
    assert (fates(complaint), waits(complaint)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(complaint.accept_answer("Mon 12:02")) == [KEPT]


def test_a_promise_whose_answer_waits_is_at_risk_during_an_outage() -> None:
    complaint = resolved_on("Tue 10:00")
    facts = complaint.handle("Tue 11:00", MarkAtRisk(COMPLAINT, cause="provider", until=at("Tue 15:00")))
    assert [fact.promise for fact in facts if isinstance(fact, PromiseAtRisk)] == [1]


def test_without_a_reachable_customer_nothing_is_promised() -> None:
    """No date and no answer is told; `MessageSuppressed` needs no handling of its own."""
    complaint = triaged_complaint()
    for kind in ("acknowledgement", "resolution"):
        if kind == "resolution":
            complaint.receive("Tue 10:00", resolved("Tue 10:00"))
        suppressed = MessageSuppressed(message=kind, message_kind=kind, channel="email", cause="c", reason="no_address")
        assert complaint.receive("Tue 10:00", suppressed) == []
    assert promises(complaint.pass_time_until("Fri+14 12:00")) == []
    assert fates(complaint) == [("untold", "untold")]
    assert complaint.state is not None
    assert (
        complaint.state.promised_at,
        complaint.state.untold_since,
        complaint.evaluation.promise_statuses[0].is_over,
    ) == (
        None,
        None,
        True,
    )


def test_an_answer_before_triage_promises_nothing_even_before_it_is_told() -> None:
    complaint = ComplaintBuilder()
    complaint.receive("Mon 10:00", received("Mon 10:00"))
    complaint.receive("Mon 10:30", resolved("Mon 10:30"))
    assert promises(complaint.receive("Mon 10:31", triaged())) == []
    assert promises(complaint.pass_time_until("Fri 12:00")) == []


# ── a reopening ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told_on", "reopened_on", "fate"),
    [
        ("Tue 11:00", "Tue 12:00", ("kept", "kept_first")),
        (None, "Tue 12:00", ("cancelled", "cancelled")),  # the next cycle's promise takes its place
        (None, "Wed 12:00", ("broken", "broken")),  # its date had passed unanswered
        ("Wed 11:00", "Wed 12:00", ("broken", "broken_then_kept")),
        ("Tue 13:00", "Tue 12:00", ("cancelled", "cancelled")),  # an answer of before, told after it, answers nothing
        ("Wed 13:00", "Wed 12:00", ("broken", "broken")),
    ],
)
def test_an_untold_answer_at_the_reopening_is_broken_after_its_date_and_cancelled_before_it(
    told_on: str | None, reopened_on: str, fate: tuple[str, str]
) -> None:
    complaint = resolved_on("Tue 10:00")
    for moment in sorted([reopened_on, *([told_on] if told_on else [])], key=at):
        if moment == told_on:
            complaint.accept_answer(moment)
        else:
            complaint.receive(moment, REOPENED)
    complaint.tick("Wed 16:00")
    assert fates(complaint) == [fate, ("untold", "untold")]
    assert waits(complaint) is None, "the date of the cycle before is owed no more"
    assert complaint.published.count(BROKEN) == (fate[0] == "broken")


def test_the_date_of_the_new_cycle_waits_for_its_own_answer() -> None:
    complaint = resolved_on("Tue 10:00")
    complaint.accept_answer("Tue 10:01")
    complaint.receive("Wed 10:00", REOPENED)
    complaint.receive("Wed 10:01", accepted("Wed 10:01", "reopened", promise=2))
    complaint.receive("Wed 12:00", resolved("Wed 12:00"))
    assert (fates(complaint)[1], waits(complaint)) == (("open", "open"), at("Thu 14:00"))
    assert promises(complaint.accept_answer("Wed 13:00")) == [KEPT.model_copy(update={"promise": 2})]


def test_an_earlier_answer_accepted_after_the_reopening_does_not_keep_the_new_promise() -> None:
    complaint = resolved_on("Tue 10:00")
    complaint.receive("Wed 10:00", REOPENED)
    complaint.receive("Wed 10:01", accepted("Wed 10:01", "reopened", promise=2))
    complaint.accept_answer("Wed 11:00")
    complaint.receive("Wed 12:00", resolved("Wed 12:00"))
    assert fates(complaint)[1] == ("open", "open")
    assert promises(complaint.accept_answer("Wed 13:00")) == [KEPT.model_copy(update={"promise": 2})]


# ── the next word ─────────────────────────────────────────────────────────────────────────────────────────────────────


def word_promised(until: str = "Mon 16:00") -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", makes(until))
    complaint.receive("Mon 11:01", accepted("Mon 11:01", "progress", promise=2, message="m2"))
    return complaint


def test_a_resolution_is_no_update_and_the_answer_is_one() -> None:
    complaint = word_promised()
    assert promises(complaint.receive("Mon 15:00", resolved("Mon 15:00"))) == []
    published = promises(complaint.accept_answer("Mon 15:30"))
    assert published == [KEPT, PromiseKept(promise=2, first=True, subject="next_update")]


def test_a_promised_update_breaks_without_a_message_after_the_resolution() -> None:
    complaint = word_promised()
    complaint.receive("Mon 15:00", resolved("Mon 15:00"))
    broken = PromiseBroken(promise=2, due_at=at("Mon 16:00"), subject="next_update")
    assert promises(complaint.pass_time_until("Mon 17:00")) == [broken]
    complaint.receive("Mon 17:00", REOPENED)
    complaint.receive("Mon 17:01", accepted("Mon 17:01", "reopened"))
    assert fates(complaint)[1] == ("broken", "broken_then_kept"), "any word will do, whatever was reopened before it"


def test_an_update_promised_after_the_answer_does_not_count() -> None:
    """Its message was delayed until the answer had arrived."""
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", makes("Mon 16:00"))
    complaint.resolve_and_tell("Mon 12:00")
    complaint.receive("Mon 12:05", accepted("Mon 12:05", "progress", promise=2))
    assert fates(complaint)[1] == ("untold", "untold")
    assert promises(complaint.pass_time_until("Tue 17:00")) == []


def test_an_untold_promise_of_an_update_ends_with_the_resolution() -> None:
    complaint = acknowledged_complaint()
    complaint.handle("Mon 11:00", makes("Mon 16:00"))
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    assert complaint.state is not None
    assert (fates(complaint)[1], complaint.state.untold_since) == (("untold", "untold"), None)


@pytest.mark.parametrize("between", [[], [("Mon 12:00", resolved("Mon 12:00")), ("Mon 12:30", REOPENED)]])
def test_a_withdrawal_cancels_a_promised_update_and_a_later_message_changes_nothing(
    between: list[Any],
) -> None:
    complaint = word_promised()
    for moment, fact in (*between, ("Mon 13:00", WITHDRAWN)):
        complaint.receive(moment, fact)
    assert fates(complaint)[1] == ("cancelled", "cancelled")
    complaint.receive("Fri 10:00", REOPENED)
    complaint.receive("Fri 10:01", HANDLER)
    assert fates(complaint)[1] == ("cancelled", "cancelled")
    assert not any(isinstance(fact, PromiseBroken) and fact.promise == 2 for fact in complaint.published)


# ── an action ─────────────────────────────────────────────────────────────────────────────────────────────────────────

AGREED, COMPLETED = "action_agreed", "action_completed"


def with_refund(*milestones: tuple[str, str]) -> ComplaintBuilder:
    complaint = acknowledged_complaint()
    for name, moment in milestones:
        complaint.receive(moment, milestone(name, moment, "refund"))
    return complaint


def refund_promised(
    *milestones: tuple[str, str], made: str = "Mon 12:00", message: str | None = "Mon 12:01"
) -> ComplaintBuilder:
    complaint = with_refund(*milestones)
    [fact] = promises(complaint.handle(made, makes("Fri 12:00", "action", "refund")))
    assert (fact.promise, fact.subject) == (2, "action")
    if message:
        complaint.receive(message, accepted(message, "progress", promise=2))
    return complaint


ACTION_KEPT = PromiseKept(promise=2, first=True, subject="action", item="refund")


@pytest.mark.parametrize("before", [[], [(AGREED, "Mon 10:30")]])
def test_a_completed_action_cannot_be_promised(before: list[Any]) -> None:
    complaint = with_refund(*before, (COMPLETED, "Mon 11:00"))
    state = complaint.state
    with pytest.raises(Rejected, match="completed already; there is nothing to promise unless it is agreed again"):
        complaint.handle("Mon 12:00", makes("Fri 12:00", "action", "refund"))
    assert complaint.state == state
    [made] = promises(complaint.handle("Mon 12:00", makes("Fri 12:00", "action", "letter")))
    assert made.item == "letter", "another action is another promise"


def test_an_action_agreed_again_is_not_kept_by_its_first_completion() -> None:
    complaint = refund_promised((AGREED, "Mon 10:30"), (COMPLETED, "Mon 11:00"), (AGREED, "Mon 11:30"))
    assert (fates(complaint)[1], complaint.evaluation.promise_statuses[1].done_at) == (("open", "open"), None)
    complaint.pass_time_until("Thu 09:00")
    assert promises(complaint.receive("Thu 10:00", milestone(COMPLETED, "Thu 10:00", "refund"))) == [ACTION_KEPT]


def test_a_completion_recorded_late_belongs_to_the_agreement_before_it() -> None:
    complaint = refund_promised((AGREED, "Mon 10:30"), (AGREED, "Mon 11:30"))
    complaint.receive("Mon 11:00", milestone(COMPLETED, "Mon 11:00", "refund"), now="Mon 15:00")
    assert fates(complaint)[1] == ("open", "open")


@pytest.mark.parametrize("happened", ["Mon 11:00", "Mon 12:00:30", "Mon 14:00"])
@pytest.mark.parametrize("agreed", [[], [(AGREED, "Mon 10:30")], [(AGREED, "Mon 11:30")]])
def test_a_completion_recorded_late_counts_no_earlier_than_the_promise(agreed: list[Any], happened: str) -> None:
    complaint = refund_promised(*agreed)
    published_facts = complaint.receive(happened, milestone(COMPLETED, happened, "refund"), now="Mon 15:00")
    assert promises(published_facts) == [ACTION_KEPT]
    assert complaint.evaluation.promise_statuses[1].done_at == max(at(happened), at("Mon 12:01"))


def test_an_untold_date_counts_from_when_it_was_made() -> None:
    complaint = refund_promised(message=None)
    complaint.receive("Mon 11:00", milestone(COMPLETED, "Mon 11:00", "refund"), now="Mon 15:00")
    assert (fates(complaint)[1], complaint.evaluation.promise_statuses[1].done_at) == (
        ("untold", "untold"),
        at("Mon 12:00"),
    )


def test_a_completion_recorded_before_the_promise_leaves_nothing_to_tell() -> None:
    """Recorded before, received after the promise, which would otherwise stay open: no second completion follows."""
    complaint = refund_promised(message=None)
    complaint.receive("Mon 11:59", milestone(COMPLETED, "Mon 11:59", "refund"), now="Mon 11:59:59")
    complaint.receive("Mon 12:01", accepted("Mon 12:01", "progress", promise=2))
    assert fates(complaint)[1] == ("untold", "untold")
    assert not [fact for fact in promises(complaint.pass_time_until("Mon+7 12:00")) if fact.promise == 2]


def test_a_fulfilled_promise_cannot_be_moved() -> None:
    complaint = refund_promised((AGREED, "Mon 10:30"))
    complaint.receive("Mon 13:00", milestone(COMPLETED, "Mon 13:00", "refund"))
    later = RevisePromise(COMPLAINT, actor="ann", promise=2, due_at=at("Mon+7 12:00"), reason="x")
    with pytest.raises(Rejected, match="has been done"):
        complaint.handle("Mon 14:00", later)

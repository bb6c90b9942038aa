from datetime import date, timedelta
from typing import Any

import pytest

from services.sla.domain import DecideExtension, MakePromise, MarkAtRisk, RevisePromise
from services.sla.domain.commands import VersionConflict
from services.sla.policies import load_rulebook, parse_rulebook
from shared.contracts.events import (
    ExtensionRequested,
    PromiseAtRisk,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
    SilenceNoticed,
)
from shared.errors import IllegalMove, ImplausibleTime, NotFound
from tests.unit.sla.lives import (
    COMPLAINT,
    HANDLER,
    OFFICE,
    POLICY,
    REOPENED,
    WITHDRAWN,
    Life,
    accepted,
    at,
    book,
    bounced,
    milestone,
    opened,
    policy,
    promised,
    proposed,
    received,
    resolved,
    triaged,
)


def promises(facts: list[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, PromiseMade | PromiseRevised | PromiseKept | PromiseBroken)]


def test_a_promise_needs_the_receipt_and_the_word_of_triage() -> None:
    life = Life()
    assert promises(life.hears("Mon 10:00", received("Mon 10:00"))) == []
    [made] = promises(life.hears("Mon 10:01", triaged()))
    assert made == PromiseMade(
        promise=1, due_at=at("Tue 14:00"), policy="plain", policy_version=1, calendar="office", calendar_version=1
    )


def test_the_promise_is_later_than_the_target_by_hours_of_work() -> None:
    life = opened(moment="Fri 15:00")
    assert life.clock().due_at == at("Mon+7 15:00")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Tue+7 11:00")


def test_a_complaint_of_sunday_night_is_promised_from_monday_morning() -> None:
    life = opened(moment="Sun 23:50")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Tue+7 13:00")


def test_a_letter_that_lay_about_shortens_the_target_but_not_the_promise() -> None:
    life = Life()
    life.hears("Wed 10:00", received("Mon 10:00"))
    life.hears("Wed 10:00", triaged())
    assert life.clock().due_at == at("Tue 10:00")
    assert life.state is not None
    assert life.state.promises[0].due_at == at("Thu 14:00")


def test_when_triage_was_away_for_days_the_promise_counts_from_its_return() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    [made] = promises(life.hears("Fri 10:00", triaged()))
    assert made.due_at == at("Mon+7 14:00")


def test_a_later_date_with_a_reason_revises_the_promise_into_working_hours() -> None:
    life = opened()
    [revised] = promises(life.hears("Mon 15:00", proposed("Sat 12:00")))
    assert revised == PromiseRevised(
        promise=2, old_due_at=at("Tue 14:00"), due_at=at("Mon+7 09:00"), reason="supplier_delay"
    )


@pytest.mark.parametrize(
    "proposal",
    [
        proposed("Mon 12:00"),  # over already
        proposed("Tue 09:00"),  # not later than promised: being early needs no notice
        proposed("Tue 14:00"),
        proposed("Thu 12:00", None),  # without a reason
        proposed("Thu 12:00", ""),
    ],
)
def test_a_date_that_does_not_move_the_promise_is_absorbed(proposal: Any) -> None:
    life = opened()
    assert promises(life.hears("Mon 15:00", proposal)) == []
    assert life.state is not None
    assert len(life.state.promises) == 1
    assert life.state.proposals == ()


def test_a_date_in_another_century_is_absorbed() -> None:
    life = opened()
    far = proposed("Thu 12:00")
    assert (
        promises(life.hears("Mon 15:00", far.model_copy(update={"expected_at": at("Thu 12:00").replace(year=2300)})))
        == []
    )


def test_a_proposal_waits_for_the_promise_it_moves() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 11:00", proposed("Thu 12:00"))
    made, revised = promises(life.hears("Mon 10:01", triaged(), now="Mon 11:01"))
    assert (made.promise, revised.promise, revised.old_due_at) == (1, 2, made.due_at)


def fates(life: Life) -> list[tuple[str, str]]:
    return [(pledge.status, pledge.outcome) for pledge in life.ledger.promise_statuses]


def revised(moment: str = "Mon 15:00", until: str = "Thu 12:00") -> Life:
    """Moved to a later date in time, and the customer told so."""
    life = promised()
    life.hears(moment, proposed(until))
    life.hears(moment, accepted(moment, "promise_moved", promise=2))
    return life


def test_a_promise_is_kept_at_its_first_date() -> None:
    life = promised()
    assert promises(life.answers("Tue 13:00")) == [PromiseKept(promise=1, first=True)]
    assert fates(life) == [("kept", "kept_first")]


def test_a_date_nobody_was_told_is_neither_kept_nor_broken() -> None:
    kept, missed = opened(), opened()
    assert promises(kept.hears("Tue 13:00", resolved("Tue 13:00"))) == []
    assert promises(missed.passes_until("Fri 12:00")) == []
    assert fates(kept) == fates(missed) == [("untold", "untold")]


def test_a_date_told_after_it_had_passed_is_broken_from_the_start() -> None:
    life = opened()
    life.ticks("Wed 10:00")
    [broken] = promises(life.hears("Wed 11:00", accepted("Wed 11:00", promise=1)))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))


def test_a_revised_promise_that_holds_is_kept_but_not_at_its_first_date() -> None:
    life = revised()
    assert promises(life.answers("Wed 13:00")) == [PromiseKept(promise=2, first=False)]
    assert fates(life) == [("revised", "kept_revised"), ("kept", "kept_revised")]


def test_the_notice_of_a_move_is_how_long_before_the_old_date_the_new_one_was_told() -> None:
    life = revised()
    first, second = life.ledger.promise_statuses
    assert first.notice_lead == at("Tue 14:00") - at("Mon 15:00")
    assert second.notice_lead is None


def test_a_revised_promise_that_was_not_needed_counts_as_kept_first() -> None:
    life = revised()
    assert promises(life.answers("Tue 10:00")) == [PromiseKept(promise=2, first=True)]


def test_a_new_date_that_was_never_told_does_not_save_the_old_one() -> None:
    life = promised()
    life.hears("Mon 15:00", proposed("Thu 12:00"))
    [broken] = promises(life.ticks("Tue 14:01"))
    assert broken == PromiseBroken(promise=1, due_at=at("Tue 14:00"))
    assert fates(life)[0] == ("broken", "broken")


def test_a_promise_breaks_once_when_its_date_passes_in_silence() -> None:
    life = promised()
    assert promises(life.passes_until("Tue 14:00")) == []
    assert promises(life.ticks("Tue 14:01")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]
    assert promises(life.ticks("Tue 15:00")) == []
    assert promises(life.answers("Tue 16:00")) == []
    assert fates(life) == [("broken", "broken_then_kept")]


def test_an_answer_after_the_date_breaks_the_promise_even_if_no_timer_saw_it() -> None:
    life = promised()
    assert promises(life.answers("Wed 10:00")) == [PromiseBroken(promise=1, due_at=at("Tue 14:00"))]


def test_notice_after_the_date_is_no_notice() -> None:
    life = promised()
    life.ticks("Tue 14:01")
    [moved] = promises(life.hears("Wed 10:00", proposed("Fri 12:00")))
    assert (moved.promise, moved.due_at) == (2, at("Fri 12:00"))
    life.hears("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert fates(life) == [("broken", "broken"), ("open", "broken")]
    assert life.ledger.promise_statuses[0].notice_lead == at("Tue 14:00") - at("Wed 10:01"), "negative: after the date"
    assert promises(life.answers("Thu 10:00")) == [PromiseKept(promise=2, first=False)]
    assert fates(life) == [("broken", "broken_then_kept"), ("kept", "broken_then_kept")]


def test_withdrawing_ends_a_promise_without_keeping_or_breaking_it() -> None:
    life = promised()
    assert promises(life.hears("Mon 12:00", WITHDRAWN)) == []
    assert promises(life.ticks("Fri 12:00")) == []
    assert fates(life) == [("cancelled", "cancelled")]


def test_reopening_makes_the_next_promise() -> None:
    life = promised()
    life.answers("Mon 15:00")
    [made] = promises(life.hears("Wed 10:00", REOPENED))
    assert (made.promise, made.due_at) == (2, at("Thu 14:00"))
    assert isinstance(made, PromiseMade)
    life.hears("Wed 10:01", accepted("Wed 10:01", "progress", promise=2))
    assert promises(life.answers("Thu 10:00")) == [PromiseKept(promise=2, first=True)]


def test_a_promise_counts_as_told_once_a_provider_accepted_the_message_that_states_it() -> None:
    life = opened()
    assert life.ledger.promise_statuses[0].told_at is None
    life.hears("Mon 10:03", accepted("Mon 10:02", promise=1))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:02")
    life.hears("Mon 10:09", accepted("Mon 10:09", "progress", promise=1))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:02"), "the first time counts"


def test_a_message_that_came_back_told_nobody_anything() -> None:
    life = opened()
    life.hears("Mon 10:02", accepted("Mon 10:02", promise=1, message="m1"))
    assert fates(life) == [("open", "open")]
    life.hears("Mon 10:05", bounced("m1", hard=True))
    assert fates(life) == [("untold", "untold")]
    life.hears("Mon 10:07", accepted("Mon 10:07", promise=1, message="m2"))
    assert life.ledger.promise_statuses[0].told_at == at("Mon 10:07")


def test_nobody_is_promised_anything_when_the_answer_came_first() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 10:30", resolved("Mon 10:30"))
    assert promises(life.hears("Mon 10:05", triaged(), now="Mon 10:31")) == []
    assert fates(life) == [("untold", "untold")]


def test_a_date_told_after_the_answer_promises_nothing() -> None:
    life = opened()
    life.answers("Mon 12:00")
    assert promises(life.hears("Mon 12:05", accepted("Mon 12:05", promise=1))) == []
    assert fates(life) == [("untold", "untold")]


def test_notice_after_the_answer_does_not_count_either() -> None:
    life = promised()
    life.ticks("Tue 14:01")
    life.hears("Wed 09:00", proposed("Fri 12:00"))
    life.answers("Wed 10:00")
    life.hears("Wed 10:01", accepted("Wed 10:01", "promise_moved", promise=2))
    assert fates(life) == [("broken", "broken_then_kept"), ("untold", "broken_then_kept")]


def test_of_two_notices_the_one_that_was_told_first_counts() -> None:
    """The message about the second date was held up, the one about the third was not."""
    life = revised()
    life.hears("Tue 09:00", proposed("Fri 12:00"))
    life.hears("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held = promised()
    held.hears("Mon 15:00", proposed("Thu 12:00"))
    held.hears("Tue 09:00", proposed("Fri 12:00"))
    held.hears("Tue 09:01", accepted("Tue 09:01", "promise_moved", promise=3))
    held.hears("Wed 09:00", accepted("Wed 09:00", "promise_moved", promise=2))
    assert fates(held)[0] == fates(life)[0] == ("revised", "open")


def test_what_is_promised_next_is_known_whatever_it_is_about() -> None:
    life = promised()
    assert life.state is not None
    assert life.state.promised_at == at("Tue 14:00")
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    assert life.state.promised_at == at("Mon 16:00")
    life.ticks("Mon 16:30")
    assert life.state.promised_at == at("Mon 16:00"), "missed, and still owed"
    life.hears("Mon 17:00", HANDLER)
    assert life.state.promised_at == at("Tue 14:00")
    life.answers("Tue 12:00")
    assert life.state.promised_at is None


# ── by people ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CAPPED = book(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def moves(until: str, promise: int = 1, **input_: Any) -> RevisePromise:
    return RevisePromise(COMPLAINT, actor="ann", promise=promise, due_at=at(until), reason="supplier_delay", **input_)


def makes(until: str, subject: Any = "next_update", item: str = "") -> MakePromise:
    return MakePromise(COMPLAINT, actor="ann", subject=subject, due_at=at(until), item=item)


def decides(approve: bool, promise: int = 1) -> DecideExtension:
    return DecideExtension(COMPLAINT, actor="head", promise=promise, approve=approve)


def test_a_promise_for_the_next_word_is_kept_by_the_next_word() -> None:
    life = promised()
    [made] = promises(life.asks("Mon 11:00", makes("Mon 16:00")))
    assert (made.promise, made.subject, made.due_at) == (2, "next_update", at("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    [kept] = promises(life.hears("Mon 15:00", HANDLER))
    assert kept == PromiseKept(promise=2, first=True, subject="next_update")


def test_a_promise_for_the_next_word_breaks_in_silence() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    assert promises(life.passes_until("Mon 17:00")) == [
        PromiseBroken(promise=2, due_at=at("Mon 16:00"), subject="next_update")
    ]


def test_the_next_word_can_be_promised_again_once_it_came() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    life.hears("Mon 12:00", HANDLER)
    life.asks("Mon 13:00", makes("Wed 12:00"))
    assert promises(life.hears("Mon 13:01", accepted("Mon 13:01", "progress", promise=3, message="m3"))) == []
    assert fates(life)[1:] == [("kept", "kept_first"), ("open", "open")]
    assert [fact.promise for fact in promises(life.passes_until("Wed 13:00")) if fact.subject == "next_update"] == [3]


def test_a_word_that_moves_another_date_is_a_word_all_the_same() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    life.asks("Mon 12:00", moves("Thu 12:00"))
    [kept] = promises(life.hears("Mon 12:01", accepted("Mon 12:01", "promise_moved", promise=3)))
    assert (kept.promise, kept.subject) == (2, "next_update")


def test_a_word_that_came_back_keeps_no_promise() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    life.hears("Mon 12:00", accepted("Mon 12:00", "progress", message="m9"))
    life.hears("Mon 12:05", bounced("m9", hard=True))
    assert life.ledger.promise_statuses[1].status == "open"


def test_a_promised_action_is_kept_by_that_action_alone_even_after_the_answer() -> None:
    life = promised()
    life.hears("Mon 11:00", milestone("action_agreed", "Mon 11:00", "refund"))
    life.asks("Mon 11:00", makes("Fri 12:00", "action", "refund"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Wed 10:00", milestone("action_completed", "Wed 10:00", "letter"))
    assert life.ledger.promise_statuses[1].status == "open"
    [kept] = promises(life.hears("Thu 10:00", milestone("action_completed", "Thu 10:00", "refund")))
    assert kept == PromiseKept(promise=2, first=True, subject="action", item="refund")


def test_a_promised_action_breaks_though_the_complaint_is_closed() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Fri 12:00", "action", "refund"))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2))
    life.answers("Mon 12:00")
    [broken] = promises(life.passes_until("Fri 13:00"))
    assert (broken.promise, broken.subject) == (2, "action")


@pytest.mark.parametrize(
    ("command", "refusal", "sentence"),
    [
        (makes("Thu 12:00", "outcome"), IllegalMove, "made by policy; revise it"),
        (makes("Mon 09:00"), ImplausibleTime, "still to come"),
        (moves("Mon 09:00"), ImplausibleTime, "still to come"),
        (moves("Tue 12:00"), ImplausibleTime, "later than what was promised"),
        (moves("Fri 12:00", promise=9), NotFound, "no promise 9"),
        (decides(approve=True), NotFound, "no extension waits"),
        (moves("Thu 12:00", version=99), VersionConflict, "changed since"),
    ],
)
def test_what_may_not_be_is_refused_with_the_reason_and_nothing_has_changed(
    command: Any, refusal: type[Exception], sentence: str
) -> None:
    life = promised()
    before = life.state
    with pytest.raises(refusal, match=sentence):
        life.asks("Mon 11:00", command)
    assert life.state == before


def test_the_same_promise_is_not_made_twice() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    with pytest.raises(IllegalMove, match="such a promise already"):
        life.asks("Mon 11:01", makes("Mon 16:00"))


def test_a_promise_that_was_moved_already_cannot_be_moved_again_by_its_old_number() -> None:
    life = promised()
    life.asks("Mon 11:00", moves("Thu 12:00"))
    with pytest.raises(IllegalMove, match="revise 2"):
        life.asks("Mon 11:01", moves("Fri 12:00"))
    [moved] = promises(life.asks("Mon 11:02", moves("Fri 12:00", promise=2)))
    assert (moved.promise, moved.old_due_at) == (3, at("Thu 12:00"))


def test_a_closed_complaint_has_no_dates_to_move() -> None:
    life = promised()
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        life.asks("Mon 13:00", moves("Thu 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        life.asks("Mon 13:00", makes("Thu 12:00"))


@pytest.mark.parametrize("by", ["proposal", "command"])
def test_beyond_the_cap_nothing_moves_and_somebody_is_asked(by: str) -> None:
    life = promised(CAPPED)
    extension = (
        life.asks("Mon 11:00", moves("Fri 12:00"))
        if by == "command"
        else life.hears("Mon 11:00", proposed("Fri 12:00"))
    )
    assert promises(extension) == []
    [request] = [fact for fact in extension if isinstance(fact, ExtensionRequested)]
    assert (request.promise, request.expected_at) == (1, at("Fri 12:00"))
    assert request.limit_at == at("Thu 17:00"), "two business days after Tuesday"
    assert [status.promise.due_at for status in life.ledger.promise_statuses] == [at("Tue 14:00")]


def test_within_the_cap_a_handler_moves_a_date_alone() -> None:
    life = promised(CAPPED)
    [moved] = promises(life.asks("Mon 11:00", moves("Thu 16:00")))
    assert moved.due_at == at("Thu 16:00")


def test_the_cap_counts_from_the_first_date_however_often_it_was_moved() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Thu 16:00"))
    extension_request = life.asks("Mon 12:00", moves("Fri 12:00", promise=2))
    assert promises(extension_request) == []
    assert [type(fact) for fact in extension_request] == [ExtensionRequested]


def test_what_was_approved_moves_and_what_was_refused_does_not() -> None:
    granted, refused = promised(CAPPED), promised(CAPPED)
    for life in (granted, refused):
        life.asks("Mon 11:00", moves("Fri 12:00"))
    [moved] = promises(granted.asks("Mon 12:00", decides(approve=True)))
    assert (moved.due_at, moved.reason) == (at("Fri 12:00"), "supplier_delay")
    assert promises(refused.asks("Mon 12:00", decides(approve=False))) == []
    assert [each.approved for life in (granted, refused) for each in (life.state.extensions if life.state else ())] == [
        True,
        False,
    ]
    with pytest.raises(NotFound):
        refused.asks("Mon 12:01", decides(approve=True))


def test_what_was_asked_for_cannot_be_approved_once_it_is_over() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Fri 12:00"))
    with pytest.raises(IllegalMove, match="over"):
        life.asks("Mon+7 10:00", decides(approve=True))


def test_an_extension_cannot_be_approved_for_a_complaint_that_is_closed() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Fri 12:00"))
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    with pytest.raises(IllegalMove, match="closed"):
        life.asks("Mon 13:00", decides(approve=True))


def test_whoever_may_approve_needs_nobody_else() -> None:
    life = promised(CAPPED)
    [moved] = promises(life.asks("Mon 11:00", moves("Fri 12:00", approved=True)))
    assert moved.due_at == at("Fri 12:00")


def test_more_moves_than_the_rules_allow_need_approval() -> None:
    often = {"buffer": "PT4H", "extension": {"business_days": 20, "revisions": 1}}
    for by in ("proposal", "command"):
        life = promised(book(policy(id="once", when={"severity": ["normal"]}, promise=often)))
        life.asks("Mon 11:00", moves("Thu 12:00"))
        again = moves("Fri 12:00", promise=2)
        events_published = (
            life.asks("Mon 12:00", again) if by == "command" else life.hears("Mon 12:00", proposed("Fri 12:00"))
        )
        assert [type(fact) for fact in events_published] == [ExtensionRequested], by


def test_notice_lead_is_told_for_the_figures_even_where_it_is_hours() -> None:
    life = revised("Tue 13:00")
    assert life.ledger.promise_statuses[0].notice_lead == timedelta(hours=1)


def test_the_same_date_is_asked_for_once_and_the_last_one_asked_for_is_decided() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Fri 12:00"))
    with pytest.raises(IllegalMove, match="waits for approval already"):
        life.asks("Mon 11:01", moves("Fri 12:00"))
    life.asks("Mon 11:02", moves("Mon+7 12:00"))
    [moved] = promises(life.asks("Mon 12:00", decides(approve=True)))
    assert moved.due_at == at("Mon+7 12:00")
    assert [element.approved for element in (life.state.extensions if life.state else ())] == [False, True]


def test_a_date_proposed_again_while_it_waits_is_not_asked_for_twice() -> None:
    life = promised(CAPPED)
    for moment, until, expected_requests in (
        ("Mon 11:00", "Fri 12:00", 1),
        ("Mon 11:30", "Fri 12:00", 0),
        ("Mon 12:00", "Mon+7 12:00", 1),  # another date is another question
        ("Mon 12:30", "Fri 12:00", 0),
    ):
        facts = life.hears(moment, proposed(until))
        assert [type(fact) for fact in facts] == [ExtensionRequested] * expected_requests, moment
    assert life.state is not None
    assert len(life.state.extensions) == 2
    life.asks("Mon 13:00", decides(approve=False))
    facts = life.hears("Mon 14:00", proposed("Fri 12:00"))
    assert [type(fact) for fact in facts] == [ExtensionRequested], "what was refused may be asked for again"


def test_a_date_proposed_twice_before_triage_spoke_is_asked_for_once() -> None:
    life = Life(CAPPED)
    life.hears("Mon 10:00", received("Mon 10:00"))
    for moment in ("Mon 10:01", "Mon 10:02"):
        life.hears(moment, proposed("Fri 12:00"))
    published = life.hears("Mon 10:03", triaged())
    assert [type(fact) for fact in published].count(ExtensionRequested) == 1


def test_a_date_that_waits_by_a_command_is_not_asked_for_again_by_progress() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Fri 12:00"))
    assert life.hears("Mon 11:30", proposed("Fri 12:00")) == []


def test_an_approval_does_not_move_a_promise_back() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", moves("Fri 12:00"))
    life.asks("Mon 11:30", moves("Mon+7 12:00", approved=True))
    with pytest.raises(IllegalMove, match="meanwhile"):
        life.asks("Mon 12:00", decides(approve=True))


def packed(**pack: Any) -> Life:
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
    life = promised(
        parse_rulebook({"calendar": [OFFICE], "policy": [POLICY], "pack": [rule]}, around=date(2026, 11, 1))
    )
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    return life


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
    life = packed(**pack)
    [request] = [fact for fact in life.asks("Mon 11:00", moves("Tue+7 12:00")) if isinstance(fact, ExtensionRequested)]
    assert request.limit_at == at(limit)
    [moved] = promises(life.asks("Mon 12:00", moves("Thu 16:00")))
    assert moved.due_at == at("Thu 16:00"), "within it a handler moves the date alone"


def test_silence_is_not_broken_by_a_message_that_came_back() -> None:
    life = promised(book(policy(id="quiet", when={"severity": ["normal"]}, silence_days=3)))
    life.hears("Tue 10:00", accepted("Tue 10:00", "progress", message="m9"))
    life.hears("Tue 10:05", bounced("m9", hard=True))
    published_facts = [fact for fact in life.passes_until("Sun 12:00") if isinstance(fact, SilenceNoticed)]
    assert [(fact.since, fact.days) for fact in published_facts] == [(at("Mon 10:00"), 3)], "once for each silence"


def test_a_promise_is_named_once_for_each_thing_that_is_down() -> None:
    life = promised()
    for cause, soon, named in (
        ("lag", "Tue 12:00", 0),  # it falls due later than that
        ("lag", "Tue 15:00", 1),
        ("lag", "Tue 15:00", 0),
        ("provider", "Tue 15:00", 1),
    ):
        published_facts = life.asks("Mon 12:00", MarkAtRisk(COMPLAINT, cause=cause, until=at(soon)))
        assert [fact.promise for fact in published_facts if isinstance(fact, PromiseAtRisk)] == [1] * named


def test_no_policy_names_a_date_beyond_a_limit_of_the_law_that_is_still_ahead() -> None:
    disp = load_rulebook(None, around=date(2026, 11, 1), packs=["uk-disp"])
    days = {54: at("Wed 17:00"), 57: None, 0: None}  # since the firm had it; eight weeks are 56
    for since, expected in days.items():
        life = Life(disp)
        life.hears("Mon 10:00", received("Mon 10:00").replace(received_at=at("Mon 10:00") - timedelta(days=since)))
        life.hears("Mon 10:00", triaged())
        assert life.state
        made = life.state.promises[0]
        assert made.by == ("law" if expected else "policy")
        assert made.due_at == expected or (expected is None and made.due_at > at("Wed 17:00"))

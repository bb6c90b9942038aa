"""When what was promised is done: an answer once it was told, a next word once it was said, an action once completed."""

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
from tests.unit.sla.lives import (
    COMPLAINT,
    HANDLER,
    REOPENED,
    WITHDRAWN,
    Life,
    accepted,
    at,
    bounced,
    milestone,
    opened,
    promised,
    received,
    resolved,
    triaged,
)

BROKEN = PromiseBroken(promise=1, due_at=at("Tue 14:00"))
KEPT = PromiseKept(promise=1, first=True)


def promises(facts: list[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, PromiseMade | PromiseKept | PromiseBroken)]


def fates(life: Life) -> list[tuple[str, str]]:
    return [(pledge.status, pledge.outcome) for pledge in life.ledger.promise_statuses]


def waits(life: Life) -> Any:
    """The earliest date that waits to be kept, as it is stored."""
    assert life.state is not None
    return life.state.promised_at


def resolved_on(moment: str) -> Life:
    """Resolved by us, and the customer does not know it yet."""
    life = promised()
    life.hears(moment, resolved(moment))
    return life


def makes(until: str, subject: Any = "next_update", item: str = "") -> MakePromise:
    return MakePromise(COMPLAINT, actor="ann", subject=subject, due_at=at(until), item=item)


# ── the answer ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_nobody_was_told_keeps_no_promise() -> None:
    life = promised()
    assert promises(life.hears("Tue 13:00", resolved("Tue 13:00"))) == []
    assert (fates(life), waits(life)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(life.tells("Tue 13:30")) == [KEPT]
    assert (fates(life), waits(life)) == ([("kept", "kept_first")], None)
    assert promises(life.passes_until("Fri 12:00")) == []


def test_an_answer_that_is_never_sent_breaks_the_promise_on_its_date_and_it_stays_owed() -> None:
    life = resolved_on("Tue 13:00")
    assert promises(life.passes_until("Fri 12:00")) == [BROKEN]
    assert (fates(life), waits(life)) == ([("broken", "broken")], at("Tue 14:00"))


def test_an_answer_told_after_the_date_is_late_however_early_it_was_decided() -> None:
    seen, unseen = resolved_on("Tue 10:00"), resolved_on("Tue 10:00")
    assert promises(seen.passes_until("Tue 15:00")) == [BROKEN]
    assert promises(seen.tells("Tue 16:00")) == []
    assert promises(unseen.tells("Tue 16:00")) == [BROKEN]
    for life in (seen, unseen):
        assert (fates(life), waits(life)) == ([("broken", "broken_then_kept")], None)


@pytest.mark.parametrize(
    "back",
    [
        bounced("m1", hard=True),
        MessageFailed(message="m1", message_kind="resolution", channel="email", cause="c", reason="gone", attempts=9),
    ],
)
def test_an_answer_that_came_back_was_not_told(back: Any) -> None:
    life = resolved_on("Tue 10:00")
    assert promises(life.tells("Tue 10:01", "m1")) == [KEPT]
    life.hears("Tue 10:05", back)
    assert (fates(life), waits(life)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(life.passes_until("Wed 12:00")) == [BROKEN]
    assert promises(life.tells("Wed 13:00", "m2")) == []
    assert (fates(life), waits(life)) == ([("broken", "broken_then_kept")], None)


def test_an_answer_that_came_back_and_was_told_again_by_the_date_keeps_the_promise() -> None:
    life = resolved_on("Tue 10:00")
    life.tells("Tue 10:01", "m1")
    life.hears("Tue 10:05", bounced("m1", hard=True))
    assert promises(life.hears("Tue 11:00", HANDLER)) == [KEPT], "said anew: somebody told them in person"
    assert fates(life) == [("kept", "kept_first")]


def test_an_answer_that_came_back_after_the_date_breaks_it_then() -> None:
    life = resolved_on("Tue 10:00")
    life.tells("Tue 10:01", "m1")
    life.passes_until("Wed 12:00")
    life.ticks("Wed 12:00")
    assert promises(life.hears("Wed 13:00", bounced("m1", hard=True))) == [BROKEN]


def test_words_before_the_resolution_are_no_answer_and_words_after_it_are() -> None:
    life = promised()
    life.hears("Tue 10:00", HANDLER)
    life.hears("Tue 11:00", resolved("Tue 11:00"))
    assert fates(life) == [("open", "open")]
    assert promises(life.hears("Tue 12:00", HANDLER)) == [KEPT]


def test_an_answer_that_seems_told_before_it_was_given_was_told_when_it_was_given() -> None:
    """Two machines: the clock of the one that tells is a second behind."""
    life = promised()
    life.hears("Tue 12:59:59", accepted("Tue 12:59:59", "resolution"))
    assert fates(life) == [("open", "open")], "no answer without a resolution"
    assert promises(life.hears("Tue 13:00", resolved("Tue 13:00"))) == [KEPT]
    assert life.ledger.promise_statuses[0].done_at == at("Tue 13:00")


def test_a_date_told_after_the_resolution_but_before_the_answer_is_a_promise() -> None:
    life = opened()
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    assert fates(life) == [("untold", "untold")]
    life.hears("Mon 12:01", accepted("Mon 12:01", promise=1))
    assert (fates(life), waits(life)) == ([("open", "open")], at("Tue 14:00"))
    assert promises(life.tells("Mon 12:02")) == [KEPT]


def test_a_promise_whose_answer_waits_is_named_while_something_is_down() -> None:
    life = resolved_on("Tue 10:00")
    facts = life.asks("Tue 11:00", MarkAtRisk(COMPLAINT, cause="provider", until=at("Tue 15:00")))
    assert [fact.promise for fact in facts if isinstance(fact, PromiseAtRisk)] == [1]


def test_where_the_customer_cannot_be_written_to_nothing_is_promised_and_nothing_hangs() -> None:
    """Neither date nor answer is ever told: `MessageSuppressed` adds nothing that their absence does not say."""
    life = opened()
    for kind in ("acknowledgement", "resolution"):
        if kind == "resolution":
            life.hears("Tue 10:00", resolved("Tue 10:00"))
        suppressed = MessageSuppressed(message=kind, message_kind=kind, channel="email", cause="c", reason="no_address")
        assert life.hears("Tue 10:00", suppressed) == []
    assert promises(life.passes_until("Fri+14 12:00")) == []
    assert fates(life) == [("untold", "untold")]
    assert life.state is not None
    assert (life.state.promised_at, life.state.untold_since, life.ledger.promise_statuses[0].is_over) == (
        None,
        None,
        True,
    )


def test_an_answer_known_before_triage_spoke_promises_nothing_even_while_it_waits_to_be_told() -> None:
    life = Life()
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 10:30", resolved("Mon 10:30"))
    assert promises(life.hears("Mon 10:31", triaged())) == []
    assert promises(life.passes_until("Fri 12:00")) == []


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
def test_what_was_not_told_by_the_reopening_is_broken_if_its_date_had_passed_and_superseded_otherwise(
    told_on: str | None, reopened_on: str, fate: tuple[str, str]
) -> None:
    life = resolved_on("Tue 10:00")
    for moment in sorted([reopened_on, *([told_on] if told_on else [])], key=at):
        if moment == told_on:
            life.tells(moment)
        else:
            life.hears(moment, REOPENED)
    life.ticks("Wed 16:00")
    assert fates(life) == [fate, ("untold", "untold")]
    assert waits(life) is None, "the date of the cycle before is owed no more"
    assert life.published.count(BROKEN) == (fate[0] == "broken")


def test_the_date_of_the_new_cycle_waits_for_its_own_answer() -> None:
    life = resolved_on("Tue 10:00")
    life.tells("Tue 10:01")
    life.hears("Wed 10:00", REOPENED)
    life.hears("Wed 10:01", accepted("Wed 10:01", "reopened", promise=2))
    life.hears("Wed 12:00", resolved("Wed 12:00"))
    assert (fates(life)[1], waits(life)) == (("open", "open"), at("Thu 14:00"))
    assert promises(life.tells("Wed 13:00")) == [KEPT.model_copy(update={"promise": 2})]


def test_the_answer_of_before_that_arrives_after_the_reopening_does_not_keep_the_new_date() -> None:
    life = resolved_on("Tue 10:00")
    life.hears("Wed 10:00", REOPENED)
    life.hears("Wed 10:01", accepted("Wed 10:01", "reopened", promise=2))
    life.tells("Wed 11:00")
    life.hears("Wed 12:00", resolved("Wed 12:00"))
    assert fates(life)[1] == ("open", "open")
    assert promises(life.tells("Wed 13:00")) == [KEPT.model_copy(update={"promise": 2})]


# ── the next word ─────────────────────────────────────────────────────────────────────────────────────────────────────


def word_promised(until: str = "Mon 16:00") -> Life:
    life = promised()
    life.asks("Mon 11:00", makes(until))
    life.hears("Mon 11:01", accepted("Mon 11:01", "progress", promise=2, message="m2"))
    return life


def test_resolving_is_no_word_and_the_answer_told_is_one() -> None:
    life = word_promised()
    assert promises(life.hears("Mon 15:00", resolved("Mon 15:00"))) == []
    published = promises(life.tells("Mon 15:30"))
    assert published == [KEPT, PromiseKept(promise=2, first=True, subject="next_update")]


def test_a_next_word_breaks_in_silence_though_we_have_resolved() -> None:
    life = word_promised()
    life.hears("Mon 15:00", resolved("Mon 15:00"))
    broken = PromiseBroken(promise=2, due_at=at("Mon 16:00"), subject="next_update")
    assert promises(life.passes_until("Mon 17:00")) == [broken]
    life.hears("Mon 17:00", REOPENED)
    life.hears("Mon 17:01", accepted("Mon 17:01", "reopened"))
    assert fates(life)[1] == ("broken", "broken_then_kept"), "any word will do, whatever was reopened before it"


def test_a_next_word_promised_after_the_answer_was_told_promises_nothing() -> None:
    """Its message was held up until the answer had arrived."""
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.answers("Mon 12:00")
    life.hears("Mon 12:05", accepted("Mon 12:05", "progress", promise=2))
    assert fates(life)[1] == ("untold", "untold")
    assert promises(life.passes_until("Tue 17:00")) == []


def test_a_next_word_that_nobody_was_told_of_ends_with_the_resolution() -> None:
    life = promised()
    life.asks("Mon 11:00", makes("Mon 16:00"))
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    assert life.state is not None
    assert (fates(life)[1], life.state.untold_since) == (("untold", "untold"), None)


@pytest.mark.parametrize("between", [[], [("Mon 12:00", resolved("Mon 12:00")), ("Mon 12:30", REOPENED)]])
def test_who_takes_the_complaint_back_is_owed_no_word_and_one_that_comes_later_keeps_and_breaks_nothing(
    between: list[Any],
) -> None:
    life = word_promised()
    for moment, fact in (*between, ("Mon 13:00", WITHDRAWN)):
        life.hears(moment, fact)
    assert fates(life)[1] == ("cancelled", "cancelled")
    life.hears("Fri 10:00", REOPENED)
    life.hears("Fri 10:01", HANDLER)
    assert fates(life)[1] == ("cancelled", "cancelled")
    assert not any(isinstance(fact, PromiseBroken) and fact.promise == 2 for fact in life.published)


# ── an action ─────────────────────────────────────────────────────────────────────────────────────────────────────────

AGREED, COMPLETED = "action_agreed", "action_completed"


def with_refund(*milestones: tuple[str, str]) -> Life:
    life = promised()
    for name, moment in milestones:
        life.hears(moment, milestone(name, moment, "refund"))
    return life


def refund_promised(*milestones: tuple[str, str], made: str = "Mon 12:00", message: str | None = "Mon 12:01") -> Life:
    life = with_refund(*milestones)
    [fact] = promises(life.asks(made, makes("Fri 12:00", "action", "refund")))
    assert (fact.promise, fact.subject) == (2, "action")
    if message:
        life.hears(message, accepted(message, "progress", promise=2))
    return life


ACTION_KEPT = PromiseKept(promise=2, first=True, subject="action", item="refund")


@pytest.mark.parametrize("before", [[], [(AGREED, "Mon 10:30")]])
def test_an_action_that_was_completed_is_not_promised_any_more(before: list[Any]) -> None:
    life = with_refund(*before, (COMPLETED, "Mon 11:00"))
    state = life.state
    with pytest.raises(Rejected, match="completed already; there is nothing to promise unless it is agreed again"):
        life.asks("Mon 12:00", makes("Fri 12:00", "action", "refund"))
    assert life.state == state
    [made] = promises(life.asks("Mon 12:00", makes("Fri 12:00", "action", "letter")))
    assert made.item == "letter", "another action is another promise"


def test_an_action_agreed_anew_is_promised_anew_and_the_first_completion_does_not_keep_it() -> None:
    life = refund_promised((AGREED, "Mon 10:30"), (COMPLETED, "Mon 11:00"), (AGREED, "Mon 11:30"))
    assert (fates(life)[1], life.ledger.promise_statuses[1].done_at) == (("open", "open"), None)
    life.passes_until("Thu 09:00")
    assert promises(life.hears("Thu 10:00", milestone(COMPLETED, "Thu 10:00", "refund"))) == [ACTION_KEPT]


def test_a_completion_told_late_belongs_to_the_agreement_before_it() -> None:
    life = refund_promised((AGREED, "Mon 10:30"), (AGREED, "Mon 11:30"))
    life.hears("Mon 11:00", milestone(COMPLETED, "Mon 11:00", "refund"), now="Mon 15:00")
    assert fates(life)[1] == ("open", "open")


@pytest.mark.parametrize("happened", ["Mon 11:00", "Mon 12:00:30", "Mon 14:00"])
@pytest.mark.parametrize("agreed", [[], [(AGREED, "Mon 10:30")], [(AGREED, "Mon 11:30")]])
def test_what_was_completed_and_told_late_is_done_no_earlier_than_it_was_promised(
    agreed: list[Any], happened: str
) -> None:
    life = refund_promised(*agreed)
    published_facts = life.hears(happened, milestone(COMPLETED, happened, "refund"), now="Mon 15:00")
    assert promises(published_facts) == [ACTION_KEPT]
    assert life.ledger.promise_statuses[1].done_at == max(at(happened), at("Mon 12:01"))


def test_a_date_that_nobody_was_told_counts_from_when_it_was_made() -> None:
    life = refund_promised(message=None)
    life.hears("Mon 11:00", milestone(COMPLETED, "Mon 11:00", "refund"), now="Mon 15:00")
    assert (fates(life)[1], life.ledger.promise_statuses[1].done_at) == (("untold", "untold"), at("Mon 12:00"))


def test_a_completion_on_its_way_while_the_promise_was_made_leaves_nothing_to_be_told() -> None:
    """Recorded before, heard after: the promise would else wait for a completion that nobody will record again."""
    life = refund_promised(message=None)
    life.hears("Mon 11:59", milestone(COMPLETED, "Mon 11:59", "refund"), now="Mon 11:59:59")
    life.hears("Mon 12:01", accepted("Mon 12:01", "progress", promise=2))
    assert fates(life)[1] == ("untold", "untold")
    assert not [fact for fact in promises(life.passes_until("Mon+7 12:00")) if fact.promise == 2]


def test_what_has_been_done_does_not_move() -> None:
    life = refund_promised((AGREED, "Mon 10:30"))
    life.hears("Mon 13:00", milestone(COMPLETED, "Mon 13:00", "refund"))
    later = RevisePromise(COMPLAINT, actor="ann", promise=2, due_at=at("Mon+7 12:00"), reason="x")
    with pytest.raises(Rejected, match="has been done"):
        life.asks("Mon 14:00", later)

"""Command handlers: legal and illegal moves, changes of the state, published events, and repeated commands."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from services.intake.domain import (
    MOVES,
    GiveFeedback,
    IdempotencyKeyReused,
    RecordMilestone,
    RecordProgress,
    Reopen,
    Resolve,
    Withdraw,
    decide,
)
from services.intake.domain.handle import KEYS_MAX
from services.intake.domain.lifecycle import CLOSED_STAGES, MILESTONES, MILESTONES_AFTER_RESOLUTION, OPEN_STAGES, Move
from services.intake.domain.state import Stage
from shared.contracts import events as e
from shared.errors import Conflict, IllegalMove, NotFound, Rejected
from shared.runner.types import Context
from tests.factories import complaint_id, event
from tests.unit.intake.builders import ID, NOW, decide_update, file_complaint, idempotency_key, message, state_after

RESOLVE = Resolve(ID, outcome="upheld", explanation="A new one is on its way.")
REOPEN = Reopen(ID, reason="It leaks again.")
WITHDRAW = Withdraw(ID)
NOT_FIXED = GiveFeedback(ID, fixed=False, words="Still wet.")
FIXED = GiveFeedback(ID, fixed=True, score=5)


def progress(state: str = "investigating", **changes: Any) -> RecordProgress:
    return RecordProgress(ID, state=state, **changes)  # type: ignore[arg-type]


def milestone(name: str = "action_agreed", **changes: Any) -> RecordMilestone:
    return RecordMilestone(ID, milestone=name, **changes)  # type: ignore[arg-type]


STATUS_AFTER: list[tuple[list[Any], str]] = [
    ([], "received"),
    ([message()], "received"),
    ([progress()], "open"),
    ([progress("awaiting_customer")], "awaiting_customer"),
    ([progress("awaiting_third_party")], "awaiting_third_party"),
    ([progress("awaiting_customer"), message()], "open"),
    ([progress("awaiting_customer"), message(author="handler")], "awaiting_customer"),
    ([milestone()], "received"),
    ([progress("awaiting_customer"), milestone("handed_over")], "awaiting_customer"),
    ([RESOLVE, milestone("settled")], "resolved"),
    ([RESOLVE, REOPEN, milestone()], "open"),
    ([RESOLVE], "resolved"),
    ([RESOLVE, message()], "resolved"),
    ([RESOLVE, FIXED], "resolved"),
    ([RESOLVE, NOT_FIXED], "open"),
    ([RESOLVE, REOPEN], "open"),
    ([RESOLVE, REOPEN, RESOLVE], "resolved"),
    ([WITHDRAW], "withdrawn"),
    ([WITHDRAW, message()], "withdrawn"),
    ([WITHDRAW, REOPEN], "open"),
]


@pytest.mark.parametrize(("commands", "status"), STATUS_AFTER)
def test_a_sequence_of_commands_ends_in_the_expected_status(commands: list[Any], status: str) -> None:
    assert state_after(file_complaint(), *commands).status == status


ILLEGAL: list[tuple[list[Any], Any]] = [
    ([], REOPEN),
    ([], FIXED),
    ([], NOT_FIXED),
    ([RESOLVE], RESOLVE),
    ([RESOLVE], WITHDRAW),
    ([RESOLVE], progress()),
    ([WITHDRAW], RESOLVE),
    ([WITHDRAW], WITHDRAW),
    ([WITHDRAW], progress()),
    ([RESOLVE, REOPEN], REOPEN),
]


@pytest.mark.parametrize(("earlier", "command"), ILLEGAL)
def test_an_illegal_move_is_refused_with_the_possible_moves(earlier: list[Any], command: Any) -> None:
    state = state_after(file_complaint(), *earlier)
    with pytest.raises(IllegalMove, match=r"expected one of .*customer_message"):
        decide(state, command, Context(NOW))


def test_every_stage_of_a_complaint_allows_a_message_of_the_customer() -> None:
    stages = set(get_args(Stage)) - {"unknown"}
    assert stages == {*OPEN_STAGES, *CLOSED_STAGES}
    assert all((stage, "customer_message") in MOVES for stage in stages)


def test_every_move_occurs_in_the_table_and_leads_to_a_stage_of_it() -> None:
    assert {move for _, move in MOVES} == set(get_args(Move))
    assert set(MOVES.values()) <= {*OPEN_STAGES, *CLOSED_STAGES}


@pytest.mark.parametrize("command", [message(), RESOLVE, progress(), milestone(), REOPEN, WITHDRAW, FIXED])
def test_an_update_of_a_complaint_that_does_not_exist_is_not_found(command: Any) -> None:
    with pytest.raises(NotFound):
        decide(None, command, Context(NOW))
    state = state_after(event(e.PromiseKept(promise=1, first=True), subject=ID))
    with pytest.raises(NotFound):
        decide(state, command, Context(NOW))


def test_filing_the_same_complaint_twice_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        decide(state_after(file_complaint()), file_complaint(), Context(NOW))


def test_texts_are_published_as_personal_data_and_not_in_the_facts() -> None:
    decision = decide_update(state_after(file_complaint()), message(text="One more thing."))
    (published,) = decision.events
    assert published.facts == e.MessageAdded(author="customer", public=True)
    assert [p.fields.text for p in published.personal] == ["One more thing."]
    assert {(p.id, p.role) for p in published.parties} == {("customer", "complainant")}


def test_a_note_of_a_handler_is_published_as_personal_data_of_the_handler() -> None:
    (published,) = decide_update(state_after(file_complaint()), progress(note="We asked the maker.")).events
    assert [p.party for p in published.personal] == ["handler"]
    assert {(p.id, p.role) for p in published.parties} == {("customer", "complainant"), ("handler", "handler")}


def test_a_command_without_text_publishes_nothing_personal() -> None:
    assert decide_update(state_after(file_complaint()), WITHDRAW).events[0].personal == ()


def test_a_resolution_is_published_with_its_redress_and_stored() -> None:
    refund = e.Redress(kind="refund", amount=Decimal("12.50"), currency="NOK")
    decision = decide_update(
        state_after(file_complaint()), Resolve(ID, outcome="settled", explanation="Sorry.", redress=(refund,))
    )
    facts = decision.events[0].facts
    assert (facts.outcome, facts.redress, facts.resolved_at) == ("settled", (refund,), NOW)
    assert decision.state is not None and decision.state.resolution is not None
    assert decision.state.resolution.explanation == "Sorry."
    assert decision.state.resolution.redress == (refund,)


def test_negative_feedback_reopens_the_complaint_and_publishes_both_events() -> None:
    decision = decide_update(state_after(file_complaint(), RESOLVE), NOT_FIXED)
    assert [type(event.facts) for event in decision.events] == [e.FeedbackGiven, e.Reopened]
    assert [len(event.personal) for event in decision.events] == [1, 0]
    assert decision.state is not None and decision.state.cycle == 2


def test_a_new_resolution_clears_the_feedback() -> None:
    assert state_after(file_complaint(), RESOLVE, NOT_FIXED, RESOLVE).feedback is None


def test_an_expected_date_in_the_past_is_refused() -> None:
    with pytest.raises(Rejected, match="expected_at: expected a time that is still to come") as caught:
        decide(state_after(file_complaint()), progress(expected_at=NOW, reason="x"), Context(NOW))
    assert caught.value.errors[0]["field"] == "expected_at"  # type: ignore[attr-defined]


# ── milestones ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MILESTONES)
def test_every_milestone_is_accepted_while_open_and_changes_only_the_timeline(name: str) -> None:
    for commands in (
        [],
        [progress()],
        [progress("awaiting_customer")],
        [progress("awaiting_third_party")],
        [RESOLVE, REOPEN],
    ):
        before = state_after(file_complaint(), *commands)
        decision = decide_update(before, milestone(name, item="part_2", note="The maker has it."))
        assert decision.events[0].facts == e.MilestoneRecorded(milestone=name, occurred_at=NOW, item="part_2")  # type: ignore[arg-type]
        assert [item.fields.text for item in decision.events[0].personal] == ["The maker has it."]
        changed = decision.state
        assert changed is not None and changed.new_entries[-1].words == "The maker has it."
        assert changed.model_copy(update={"new_entries": before.new_entries}) == before


@pytest.mark.parametrize("name", MILESTONES)
def test_only_some_milestones_are_accepted_after_a_resolution_and_none_after_a_withdrawal(name: str) -> None:
    resolved, withdrawn = state_after(file_complaint(), RESOLVE), state_after(file_complaint(), WITHDRAW)
    if name in MILESTONES_AFTER_RESOLUTION:
        assert decide_update(resolved, milestone(name)).status == "resolved"
    else:
        with pytest.raises(IllegalMove, match="ombudsman_asked"):
            decide(resolved, milestone(name), Context(NOW))
    with pytest.raises(IllegalMove, match=f"{name}: not possible while withdrawn; expected one of .*reopen"):
        decide(withdrawn, milestone(name), Context(NOW))


@pytest.mark.parametrize(
    ("occurred_at", "published_at"),
    [
        (None, NOW),
        (NOW - timedelta(minutes=2), NOW - timedelta(minutes=2)),
        (NOW + timedelta(minutes=1), NOW),
    ],
)
def test_a_published_milestone_is_never_in_the_future(occurred_at: Any, published_at: Any) -> None:
    (milestone_recorded,) = decide_update(state_after(file_complaint()), milestone(occurred_at=occurred_at)).events
    assert milestone_recorded.facts.occurred_at == published_at


def test_a_milestone_before_the_complaint_was_received_is_refused() -> None:
    with pytest.raises(Rejected, match="occurred_at: expected a time after the complaint was received") as caught:
        decide(state_after(file_complaint()), milestone(occurred_at=NOW - timedelta(days=1)), Context(NOW))
    assert caught.value.errors[0]["field"] == "occurred_at"  # type: ignore[attr-defined]


def test_a_milestone_repeated_with_its_key_is_published_once() -> None:
    first = decide_update(state_after(file_complaint()), milestone(idempotency_key=idempotency_key()))
    again = decide_update(first.state, milestone(idempotency_key=idempotency_key()))
    assert again.replayed
    assert again.events == ()


def test_a_resolution_before_the_complaint_was_received_is_refused() -> None:
    early = Resolve(ID, outcome="upheld", explanation="x", resolved_at=NOW - timedelta(days=1))
    with pytest.raises(Rejected, match="resolved_at"):
        decide(state_after(file_complaint()), early, Context(NOW))


# ── repeated commands ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_repeated_command_gets_the_same_response_and_changes_nothing() -> None:
    first = decide_update(state_after(file_complaint()), message(idempotency_key=idempotency_key()))
    later = state_after(RESOLVE, state=first.state)
    again = decide_update(
        later, message(idempotency_key=idempotency_key(salt=b"other salt 16 by")), NOW + timedelta(days=3)
    )
    assert again.replayed and not first.replayed
    assert (again.status, again.recorded_at) == (first.status, first.recorded_at)
    assert again.state is later
    assert again.events == ()


def test_the_same_key_with_another_body_is_refused() -> None:
    state = decide_update(state_after(file_complaint()), message(idempotency_key=idempotency_key())).state
    with pytest.raises(IdempotencyKeyReused):
        decide(state, message(idempotency_key=idempotency_key(body=b"other")), Context(NOW))


def test_idempotency_keys_of_two_clients_are_independent() -> None:
    state = decide_update(state_after(file_complaint()), message(idempotency_key=idempotency_key(client="shop"))).state
    other = decide_update(state, message(idempotency_key=idempotency_key(client="bank", body=b"other")))
    assert not other.replayed


def test_a_refused_command_does_not_use_up_its_idempotency_key() -> None:
    state = state_after(file_complaint())
    with pytest.raises(IllegalMove):
        decide(state, Reopen(ID, idempotency_key=idempotency_key()), Context(NOW))
    assert not decide_update(state, message(idempotency_key=idempotency_key(body=b"other"))).replayed


def test_without_an_idempotency_key_a_repeated_command_is_handled_again() -> None:
    assert state_after(file_complaint(), message(), message()).messages == 2


def test_only_the_newest_idempotency_keys_of_a_complaint_are_kept() -> None:
    state = state_after(
        file_complaint(), *(message(idempotency_key=idempotency_key(key=f"k{n}")) for n in range(KEYS_MAX + 5))
    )
    assert len(state.idempotency) == KEYS_MAX
    assert state.find_record("shop", "k4") is None
    assert state.find_record("shop", f"k{KEYS_MAX + 4}") is not None


def test_the_seal_of_a_body_is_salted() -> None:
    first, second = idempotency_key(salt=b"a" * 16), idempotency_key(salt=b"b" * 16)
    assert first.seal != second.seal
    assert first.matches(second.seal)
    assert not first.matches(idempotency_key(body=b"other").seal)


# ── the timeline ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_command_adds_a_timeline_entry_outside_the_document() -> None:
    state = state_after(file_complaint(), message(), RESOLVE, NOT_FIXED)
    assert [entry.kind for entry in state.new_entries] == [
        "complaint.received",
        "complaint.message_added",
        "complaint.resolved",
        "complaint.feedback_given",
        "complaint.reopened",
    ]
    assert "new_entries" not in state.model_dump()
    assert b"new_entries" not in state.__pydantic_serializer__.to_json(state)


def test_an_internal_note_of_a_handler_is_not_public() -> None:
    *_, line = state_after(file_complaint(), message(author="handler", public=False)).new_entries
    assert not line.public


def test_the_state_has_the_complaint_id_of_its_commands() -> None:
    other = complaint_id()
    assert state_after(file_complaint(complaint_id=other), message(other)).complaint_id == other

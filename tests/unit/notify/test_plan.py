"""Planning of messages: which are composed, when, and what they contain."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.contracts.events import MessageSuppressed
from shared.runner.types import Tick
from tests.unit.notify import builders as b

LATER = replace(b.CONTEXT, now=b.START + timedelta(seconds=16))


def test_the_acknowledgement_is_planned_as_soon_as_owner_and_date_are_stored() -> None:
    state, events = b.fold(b.OPENING_EVENTS)
    (message,) = state.planned
    assert (message.kind, message.states_promise, message.address) == ("acknowledgement", 1, "customer-12@example.com")
    content = message.content
    assert (content.reference, content.subject, content.expected_outcome) == ("RD-1", "Kettle", "A new kettle")
    assert (content.category, content.team, content.handler) == (("delivery",), "deliveries", "Handler 3")
    assert content.due_at == b.at(4000)
    assert not events
    assert state.due_at is None


@pytest.mark.parametrize("absent", [1, 2, 3])
def test_an_incomplete_acknowledgement_waits_and_sets_a_timer(absent: int) -> None:
    state, _ = b.fold(event for n, event in enumerate(b.OPENING_EVENTS) if n != absent)
    assert not state.planned
    assert state.due_at == b.START + timedelta(seconds=15)


def test_a_tick_plans_the_incomplete_acknowledgement() -> None:
    waiting, _ = b.fold([b.complaint_received(), b.triaged()])
    state, _ = b.fold([Tick(LATER.now)], waiting, LATER)
    (message,) = state.planned
    assert message.states_promise is None
    assert message.content.category == ("delivery",)
    assert message.content.due_at is None
    assert state.due_at is None


def test_an_early_tick_changes_nothing() -> None:
    waiting, _ = b.fold([b.complaint_received()])
    state, _ = b.fold([Tick(b.START)], waiting)
    assert state == waiting


def test_a_promise_after_the_acknowledgement_has_a_message_of_its_own() -> None:
    waiting, _ = b.fold([b.complaint_received()])
    state, _ = b.fold([Tick(LATER.now), b.promise_made()], waiting, LATER)
    assert b.planned_kinds(state) == ["acknowledgement", "promise_moved"]
    assert state.planned[1].states_promise == 1
    assert state.planned[1].content.old_due_at is None
    assert not state.owes_date


def test_a_date_stated_by_the_acknowledgement_is_not_sent_again() -> None:
    state, _ = b.fold([b.complaint_received(), b.triaged(), b.assigned(), b.promise_made(), b.promise_revised()])
    late, _ = b.fold([b.promise_made(), b.promise_revised(), b.triaged(), b.assigned(), b.complaint_received()])
    assert b.planned_kinds(state) == ["acknowledgement", "promise_moved"]
    assert b.planned_kinds(late) == ["acknowledgement"]
    assert late.planned[0].states_promise == 2
    assert late.intents.keys() == state.intents.keys()


def test_a_moved_date_states_old_and_new_date_and_the_reason() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.promise_revised()])
    content = state.planned[1].content
    assert (content.old_due_at, content.due_at, content.reasons) == (b.at(4000), b.at(6000), ("supplier_delay",))
    assert state.planned[1].states_promise == 2


def test_a_broken_promise_causes_a_delay_message_with_the_old_date() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.promise_broken()])
    assert b.planned_kinds(state) == ["acknowledgement", "delay"]
    content = state.planned[1].content
    assert (content.old_due_at, content.due_at) == (b.at(4000), None)
    assert state.planned[1].states_promise is None


def test_a_delay_message_composed_late_states_the_revised_date() -> None:
    state, _ = b.fold(
        [b.promise_made(), b.promise_broken(), b.promise_revised(sequence=3, minutes=4002), *b.OPENING_EVENTS[:3]]
    )
    delay = next(message for message in state.planned if message.kind == "delay")
    assert (delay.content.due_at, delay.states_promise) == (b.at(6000), 2)


def test_progress_is_sent_with_the_text_of_the_handler() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.progress_recorded()])
    assert b.planned_kinds(state) == ["acknowledgement", "progress"]
    assert state.planned[1].content.words == "We spoke to the courier."
    assert (state.planned[1].content.due_at, state.planned[1].states_promise) == (b.at(4000), 1)


@pytest.mark.parametrize("changes", [{"state": "awaiting_customer"}, {"expected_at": b.at(6000), "reason": "parts"}])
def test_progress_that_will_move_the_date_does_not_repeat_the_old_one(changes: dict[str, object]) -> None:
    event = b.progress_recorded()
    facts = event.facts.model_copy(update=changes)
    moving = event.model_copy(update={"data": event.data.model_copy(update={"facts": facts})})
    state, _ = b.fold([*b.OPENING_EVENTS, moving])
    assert (state.planned[1].content.due_at, state.planned[1].states_promise) == (None, None)


@pytest.mark.parametrize("text", [None, "  "])
def test_progress_without_text_causes_no_message(text: str | None) -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.progress_recorded(text=text)])
    assert b.planned_kinds(state) == ["acknowledgement"]


def test_a_resolution_message_is_planned_at_once() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.resolved()])
    assert b.planned_kinds(state) == ["acknowledgement", "resolution"]
    content = state.planned[1].content
    assert (content.outcome, content.words, str(content.redress[0].amount)) == (
        "upheld",
        "It broke on the way.",
        "12.50",
    )


def test_an_early_resolution_is_planned_after_the_waiting_acknowledgement() -> None:
    state, _ = b.fold([b.complaint_received(), b.resolved(sequence=2)])
    assert b.planned_kinds(state) == ["acknowledgement", "resolution"]
    assert not state.owes_date
    assert state.due_at is None


def test_the_reopened_message_waits_for_the_promise_of_the_new_cycle() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.resolved(), b.reopened()])
    assert b.planned_kinds(state) == ["acknowledgement", "resolution"]
    assert state.due_at is not None
    dated, _ = b.fold([b.promise_made(number=2, sequence=2, minutes=301, due=9000, cycle=2)], state)
    assert dated.planned[-1].kind == "reopened"
    assert (dated.planned[-1].states_promise, dated.planned[-1].content.due_at) == (2, b.at(9000))


def test_a_promise_of_the_previous_cycle_does_not_release_the_reopened_message() -> None:
    """Test a late triage: sla made the promises of both cycles after the reopening."""
    state, _ = b.fold(
        [b.OPENING_EVENTS[0], b.resolved(), b.reopened(), b.promise_made(number=1, sequence=1, minutes=302)]
    )
    assert "reopened" not in b.planned_kinds(state)
    dated, _ = b.fold(
        [b.promise_made(number=2, sequence=2, minutes=302, due=9000, cycle=2), *b.OPENING_EVENTS[1:]], state
    )
    assert [m.states_promise for m in dated.planned if m.kind == "reopened"] == [2]


def test_a_second_resolution_causes_a_second_resolution_message() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.resolved(), b.reopened(), b.resolved(sequence=5, minutes=400)])
    assert b.planned_kinds(state) == ["acknowledgement", "resolution", "reopened", "resolution"]
    assert len({message.message_id for message in state.planned}) == 4


def test_a_withdrawal_is_confirmed() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.withdrawn(sequence=2)])
    assert b.planned_kinds(state) == ["acknowledgement", "withdrawn"]


@pytest.mark.parametrize("event", [b.progress_recorded(), b.promise_revised(), b.promise_broken(minutes=150)])
def test_a_message_superseded_by_the_answer_is_not_sent_and_its_intent_is_stored(event: object) -> None:
    state, _ = b.fold([b.resolved(), *b.OPENING_EVENTS, event])
    assert "resolution" in b.planned_kinds(state)
    assert not {"progress", "promise_moved", "delay"} & set(b.planned_kinds(state))
    assert len(state.intents) == 3


def test_a_repeated_event_causes_one_message() -> None:
    state, _ = b.fold(
        [
            *b.OPENING_EVENTS,
            b.progress_recorded(),
            b.progress_recorded(),
            b.complaint_received(),
            b.resolved(),
            b.resolved(),
        ]
    )
    assert b.planned_kinds(state) == ["acknowledgement", "progress", "resolution"]


def test_a_message_has_the_same_identity_on_every_replay() -> None:
    first, _ = b.fold([*b.OPENING_EVENTS, b.resolved()])
    second, _ = b.fold([*b.OPENING_EVENTS, b.resolved()])
    assert [m.message_id for m in first.planned] == [m.message_id for m in second.planned]
    assert first.planned[0].intent_key == f"{b.SUBJECT}:acknowledgement:1:customer"


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        (None, "no_address"),
        (" ", "no_address"),
        ("customer", "malformed_address"),
        ("a b@example.com", "malformed_address"),
        ("a@b@example.com", "malformed_address"),
        ("a\r\nBcc: x@example.com", "malformed_address"),
        (".a@example.com", "malformed_address"),
        ("a@-example.com", "malformed_address"),
        ("o'x@localhost", "malformed_address"),
        ("user@ex_ample.org", "malformed_address"),
    ],
)
def test_each_message_to_a_customer_without_a_usable_address_is_published_as_suppressed(
    email: str | None, reason: str
) -> None:
    state, events = b.fold([b.complaint_received(email=email), *b.OPENING_EVENTS[1:], b.resolved()])
    facts = [event.facts for event in events]
    assert all(isinstance(fact, MessageSuppressed) and fact.reason == reason for fact in facts)
    assert [fact.message_kind for fact in facts] == ["acknowledgement", "resolution"]
    assert all(message.suppressed == reason for message in state.planned)
    assert {intent.result for intent in state.intents.values()} == {"suppressed"}


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com",
        "a.b+c@sub.example.org",
        "a@bücher.example",
        "o'x@mail.local",
        "jürgen@example.de",
        "用户@例子.公司",
    ],
)
def test_a_message_to_an_ordinary_address_is_not_suppressed(email: str) -> None:
    state, events = b.fold([b.complaint_received(email=email), *b.OPENING_EVENTS[1:]])
    assert not events
    assert state.planned[0].address == email


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("nb-NO", "nb-NO"), ("fr", "id"), (None, "id"), ("zh-TW", "zh-TW"), ("en-GB", "en-GB")],
)
def test_the_first_supported_language_of_the_customer_is_used(requested: str | None, expected: str) -> None:
    state, _ = b.fold([b.complaint_received(locale=requested), *b.OPENING_EVENTS[1:]])
    assert state.planned[0].locale == expected, "triage detected Indonesian"


def test_planned_messages_are_not_stored_in_the_document() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.resolved()])
    stored = type(state).model_validate_json(state.model_dump_json(exclude_none=True))
    assert not stored.planned
    assert stored == state.model_copy(update={"planned": ()})


def test_no_message_is_composed_before_the_complaint_is_received() -> None:
    state, events = b.fold([b.triaged(), b.assigned(), b.promise_made(), b.resolved(), b.promise_revised()])
    assert not state.planned
    assert not events
    assert state.due_at is None

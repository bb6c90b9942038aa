"""Events of sla: promises of updates and actions, promises at risk, letters required by rules, and silences."""

from dataclasses import replace
from typing import Any

import pytest

from services.notify.domain import AttemptFinished, NewMessage
from shared.runner.types import Tick
from tests.unit.notify import builders as b


def attempt_finished(message: NewMessage, outcome: str = "sent") -> AttemptFinished:
    return AttemptFinished(
        b.SUBJECT,
        message_id=message.message_id,
        intent=message.intent,
        attempt=9,
        outcome=outcome,  # type: ignore[arg-type]
        code="250",
        locale="en",
        template="t",
    )


def compose_after_acknowledgement(*events: Any) -> list[NewMessage]:
    """Return the messages that are composed after the acknowledgement was accepted."""
    state, _ = b.fold(b.OPENING_EVENTS)
    return list(b.fold([attempt_finished(state.planned[0]), *events], state)[0].planned[1:])


# ── promises of updates and actions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_progress_message_states_the_date_of_the_next_update_and_its_promise() -> None:
    (note,) = compose_after_acknowledgement(b.promise_made(2, 2, 30, due=900, subject="next_update"))
    assert (note.kind, note.states_promise, note.content.next_update_at) == ("progress", 2, b.at(900))
    assert note.content.due_at == b.at(4000), "the message also contains the date of the answer"
    assert (note.content.handler, note.content.old_due_at) == ("Handler 3", None)


def test_a_progress_message_states_the_date_of_an_action_and_its_promise() -> None:
    (note,) = compose_after_acknowledgement(b.promise_made(2, 2, 30, due=900, subject="action"))
    assert (note.kind, note.states_promise, note.content.action_at) == ("progress", 2, b.at(900))
    assert note.content.next_update_at is None


@pytest.mark.parametrize("subject", ["next_update", "action"])
def test_a_revised_date_of_an_update_or_action_is_stated_with_the_old_date_and_the_reason(subject: str) -> None:
    *_, note = compose_after_acknowledgement(
        b.promise_made(2, 2, 30, subject=subject), b.promise_revised(3, 3, 40, subject=subject)
    )
    content = note.content
    assert (note.kind, note.states_promise) == ("progress", 3)
    assert (content.old_due_at, content.reasons) == (b.at(4000), ("supplier_delay",))
    assert b.at(6000) in (content.next_update_at, content.action_at)


@pytest.mark.parametrize("subject", ["next_update", "action"])
def test_promises_of_updates_and_actions_do_not_change_the_outcome_promise(subject: str) -> None:
    other = [
        b.promise_made(2, 2, 30, due=900, subject=subject),
        b.promise_revised(3, 3, 40, due=950, subject=subject),
        b.promise_broken(3, 4, 60, subject=subject),
    ]
    state, _ = b.fold([*b.OPENING_EVENTS, *other, b.progress_recorded(2, 70)])
    assert state.promise == b.fold(b.OPENING_EVENTS)[0].promise
    assert (state.planned[-1].states_promise, state.planned[-1].content.due_at) == (1, b.at(4000))


def test_a_broken_update_promise_causes_a_delay_message_with_its_cause() -> None:
    late = compose_after_acknowledgement(
        b.promise_made(2, 2, 30, subject="next_update"), b.promise_broken(2, 3, subject="next_update", cause="lag")
    )[-1]
    assert (late.kind, late.states_promise, late.content.about) == ("delay", None, "next_update")
    assert (late.content.old_due_at, late.content.next_update_at) == (b.at(4000), None)
    assert late.content.reasons == ("lag",)


def test_a_delay_message_about_an_update_states_the_revised_date() -> None:
    events = [
        b.promise_made(2, 2, 30, subject="next_update"),
        b.promise_broken(2, 3, subject="next_update"),
        b.promise_revised(3, 4, 4002, subject="next_update"),
    ]
    state, _ = b.fold([b.promise_made(), *events, *b.OPENING_EVENTS[:3]])
    late = next(message for message in state.planned if message.kind == "delay")
    assert (late.states_promise, late.content.next_update_at) == (3, b.at(6000))


def test_only_the_newest_date_of_the_next_update_is_stated() -> None:
    events = [b.promise_made(2, 2, 30, subject="next_update"), b.promise_revised(3, 3, 40, subject="next_update")]
    state, _ = b.fold([b.promise_made(), *events, *b.OPENING_EVENTS[:3]])
    assert [(m.kind, m.states_promise) for m in state.planned] == [("acknowledgement", 1), ("progress", 3)]


def test_a_broken_update_promise_causes_no_progress_message() -> None:
    events = [b.promise_made(2, 2, 30, subject="next_update"), b.promise_broken(2, 3, subject="next_update")]
    state, _ = b.fold([b.promise_made(), *events, *b.OPENING_EVENTS[:3]])
    assert b.planned_kinds(state) == ["acknowledgement", "delay"]


def test_promises_of_two_actions_cause_a_message_each() -> None:
    events = [b.promise_made(n, n, 30 + n, due=1000 * n, subject="action") for n in (2, 3)]
    state, _ = b.fold([b.promise_made(), *events, *b.OPENING_EVENTS[:3]])
    assert [m.states_promise for m in state.planned] == [1, 2, 3]


def test_messages_about_actions_are_composed_after_a_resolution_but_not_after_a_withdrawal() -> None:
    action = [b.promise_made(2, 2, 190, subject="action"), b.promise_broken(2, 3, subject="action")]
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), *action)] == ["resolution", "progress", "delay"]
    assert [m.kind for m in compose_after_acknowledgement(b.withdrawn(), *action)] == ["withdrawn"]


def test_a_progress_message_contains_the_date_of_the_next_update_until_it_has_passed() -> None:
    update = b.promise_made(2, 2, 30, due=900, subject="next_update")
    message = compose_after_acknowledgement(update, b.progress_recorded())[-1]
    assert (message.content.words, message.content.next_update_at, message.states_promise) == (
        "We spoke to the courier.",
        b.at(900),
        1,
    )
    later = replace(b.CONTEXT, now=b.at(901))
    state, _ = b.fold([*b.OPENING_EVENTS, update])
    over, _ = b.fold([b.progress_recorded()], state, later)
    assert over.planned[-1].content.next_update_at is None


# ── promises at risk ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_promise_at_risk_causes_a_holding_message_without_a_new_date() -> None:
    (warning,) = compose_after_acknowledgement(b.promise_at_risk())
    content = warning.content
    assert (warning.kind, warning.states_promise) == ("holding", None)
    assert (content.old_due_at, content.due_at, content.reasons) == (b.at(4000), None, ("downtime",))


def test_each_cause_of_a_risk_causes_one_holding_message_per_subject() -> None:
    repeated = b.promise_at_risk(sequence=3, minutes=61)
    other = b.promise_at_risk(sequence=4, minutes=62, cause="provider")
    next_one = b.promise_at_risk(2, 5, 63, subject="next_update")
    update = b.promise_made(2, 6, 30, subject="next_update")
    warnings = [
        m
        for m in compose_after_acknowledgement(update, b.promise_at_risk(), repeated, other, next_one)
        if m.kind == "holding"
    ]
    assert [(m.content.about, m.content.reasons) for m in warnings] == [
        ("outcome", ("downtime",)),
        ("outcome", ("provider",)),
        ("next_update", ("downtime",)),
    ]


def test_no_at_risk_message_is_composed_after_a_revision_or_a_resolution() -> None:
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), b.promise_at_risk(minutes=190))] == [
        "resolution"
    ]
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), b.promise_at_risk(minutes=210))] == [
        "resolution"
    ], "published by sla before it received the resolution"
    state, _ = b.fold([b.promise_made(), b.promise_at_risk(), b.promise_revised(2, 3), *b.OPENING_EVENTS[:3]])
    assert "holding" not in b.planned_kinds(state)


def test_a_reopened_complaint_gets_messages_about_its_dates_again() -> None:
    again = [b.resolved(), b.reopened(), b.promise_made(2, 3, 301, due=9000, cycle=2), b.promise_at_risk(2, 4, 400)]
    assert [m.kind for m in compose_after_acknowledgement(*again)] == ["resolution", "reopened", "holding"]


# ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_letter_states_the_reasons_and_the_current_date() -> None:
    (letter,) = compose_after_acknowledgement(b.letter_due())
    content = letter.content
    assert (letter.kind, letter.states_promise, content.due_at) == ("holding", 1, b.at(4000))
    assert (content.letter, content.reasons, content.old_due_at) == ("uk:delay", ("investigation",), None)


def test_a_letter_after_a_broken_promise_states_no_date() -> None:
    letter = compose_after_acknowledgement(b.promise_broken(), b.letter_due(sequence=3, minutes=4100))[-1]
    assert (letter.kind, letter.states_promise, letter.content.due_at) == ("holding", None, None)


@pytest.mark.parametrize(
    ("letter", "reasons", "has_recourse"),
    [
        ("holding", ("why_delayed", "when_final"), False),
        ("progress", ("in_progress",), False),
        ("delay", (), True),
        ("delay-stage-2", ("why_delayed",), True),
        ("final_or_delay", (), True),
        ("holding", ("when_final", "ombudsman_now"), True),
        ("adr-referral", ("unresolved", "adr_scheme"), True),
    ],
)
def test_letters_about_delay_and_recourse_mention_the_right_to_recourse(
    letter: str, reasons: tuple[str, ...], has_recourse: bool
) -> None:
    (message,) = compose_after_acknowledgement(b.letter_due(letter, reasons=reasons))
    assert message.content.recourse is has_recourse


@pytest.mark.parametrize(
    ("events", "reasons"),
    [
        ([], ()),
        ([b.progress_recorded(text=None)], ("awaiting_third_party",)),
        ([b.promise_revised()], ("supplier_delay",)),
        ([b.promise_revised(), b.question()], ("supplier_delay", "awaiting_customer")),
    ],
)
def test_a_letter_adds_the_current_reasons_of_the_case(events: list[Any], reasons: tuple[str, ...]) -> None:
    letter = compose_after_acknowledgement(*events, b.letter_due(sequence=9, minutes=200, reasons=("why_delayed",)))[-1]
    assert letter.content.reasons == ("why_delayed", *reasons)


def test_a_letter_repeats_how_the_complaint_was_understood_if_a_rule_requires_it() -> None:
    (letter,) = compose_after_acknowledgement(
        b.letter_due("acknowledgement-stage-2", reasons=("issues_understood", "outcome_sought"))
    )
    assert letter.content.repeats
    assert (letter.content.subject, letter.content.expected_outcome) == ("Kettle", "A new kettle")
    assert not compose_after_acknowledgement(b.letter_due())[0].content.repeats


def test_second_stage_letters_are_composed_after_a_resolution_but_not_after_a_withdrawal() -> None:
    letter = b.letter_due("delay-stage-2", minutes=300)
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), letter)] == ["resolution", "holding"]
    assert [m.kind for m in compose_after_acknowledgement(b.withdrawn(), letter)] == ["withdrawn"]


@pytest.mark.parametrize("letter", ["final", "final-response"])
def test_no_holding_message_is_composed_for_a_final_letter(letter: str) -> None:
    assert compose_after_acknowledgement(b.letter_due(letter)) == []


def test_one_message_is_composed_per_pack_letter_and_limit() -> None:
    same = b.letter_due(sequence=3, minutes=71, reasons=("workload",))
    others = [
        b.letter_due(sequence=4, minutes=72, pack="de"),
        b.letter_due(sequence=5, minutes=73, limit_at=b.at(5001)),
        b.letter_due("holding", sequence=6, minutes=74),
    ]
    assert len(compose_after_acknowledgement(b.letter_due(), same, *others)) == 4


def test_no_letter_is_composed_after_a_resolution() -> None:
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), b.letter_due(minutes=300))] == ["resolution"]


# ── silence ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silence_causes_a_progress_message_about_the_state_of_the_work() -> None:
    (note,) = compose_after_acknowledgement(b.progress_recorded(text=None), b.silence_noticed())
    content = note.content
    assert (note.kind, note.states_promise, content.due_at) == ("progress", 1, b.at(4000))
    assert (content.progress, content.handler, content.words) == ("awaiting_third_party", "Handler 3", None)
    assert content.silent_since == b.at(0.5)


def test_an_answer_of_the_customer_or_a_reopening_ends_awaiting_customer() -> None:
    assert (
        compose_after_acknowledgement(b.question(), b.silence_noticed(since=51))[-1].content.progress
        == "awaiting_customer"
    )
    assert (
        compose_after_acknowledgement(b.question(), b.message_added(), b.silence_noticed(since=51))[-1].content.progress
        == "investigating"
    )
    assert compose_after_acknowledgement(b.question(), b.message_added(author="handler"), b.silence_noticed(since=51))[
        -1
    ].content.progress == ("awaiting_customer")
    reopened = b.fold([*b.OPENING_EVENTS, b.question(), b.resolved(), b.reopened()])[0]
    assert reopened.progress is None


def test_each_silence_causes_one_message() -> None:
    same = b.silence_noticed(sequence=3, minutes=40_000)
    assert len(compose_after_acknowledgement(b.silence_noticed(), same)) == 1
    assert (
        len(
            compose_after_acknowledgement(
                b.silence_noticed(), same, b.silence_noticed(since=20_001, sequence=4, minutes=50_000)
            )
        )
        == 2
    )


def test_a_silence_whose_message_failed_causes_another_one() -> None:
    state, _ = b.fold(b.OPENING_EVENTS)
    state, _ = b.fold([attempt_finished(state.planned[0]), b.silence_noticed()], state)
    failed, _ = b.fold([attempt_finished(state.planned[-1], "failed_permanent")], state)
    repeated = [b.silence_noticed(sequence=number, minutes=40_000, tried=20_000) for number in (3, 4)]
    notes = [m.content.silent_since for m in b.fold(repeated, failed)[0].planned if m.kind == "progress"]
    assert notes == [b.at(0.5)] * 2, "the failed message and a second one, both since the last accepted message"


@pytest.mark.parametrize("since", [20, 49])
def test_a_silence_that_began_before_the_last_message_causes_no_message(since: float) -> None:
    assert [
        m.content.silent_since
        for m in compose_after_acknowledgement(b.progress_recorded(), b.silence_noticed(since=since))
    ] == [None]


def test_a_silence_causes_no_message_while_the_acknowledgement_waits() -> None:
    waiting, _ = b.fold([b.complaint_received()])
    late = replace(b.CONTEXT, now=b.at(20_000))
    together, _ = b.fold([b.silence_noticed(since=0)], waiting, late)
    assert b.planned_kinds(together) == ["acknowledgement"]
    queued, _ = b.fold([Tick(late.now)], waiting, late)
    after, _ = b.fold([b.silence_noticed(since=1)], queued, late)
    assert b.planned_kinds(after) == ["acknowledgement"]


def test_a_message_accepted_after_the_silence_began_ends_it() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.progress_recorded()])
    acknowledged = replace(b.CONTEXT, now=b.at(1))
    state, _ = b.fold([attempt_finished(state.planned[0])], state, acknowledged)
    arrived, _ = b.fold([attempt_finished(state.planned[1])], state, replace(b.CONTEXT, now=b.at(500)))
    assert b.planned_kinds(b.fold([b.silence_noticed(since=499)], arrived)[0]) == ["acknowledgement", "progress"]
    assert b.planned_kinds(b.fold([b.silence_noticed(since=500)], arrived)[0]) == [
        "acknowledgement",
        "progress",
        "progress",
    ]


def test_a_failed_message_does_not_end_a_silence() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.progress_recorded()])
    failed, _ = b.fold([attempt_finished(message, "failed_permanent") for message in state.planned], state)
    after, _ = b.fold([b.silence_noticed(since=20)], failed)
    assert after.planned[-1].content.silent_since == b.at(20)


def test_a_silence_about_a_closed_complaint_causes_no_message() -> None:
    assert [m.kind for m in compose_after_acknowledgement(b.resolved(), b.silence_noticed())] == ["resolution"]
    assert [m.kind for m in compose_after_acknowledgement(b.withdrawn(sequence=2), b.silence_noticed())] == [
        "withdrawn"
    ]


def test_events_of_two_topics_with_the_same_sequence_cause_separate_messages() -> None:
    events = [
        b.progress_recorded(sequence=2),
        b.promise_made(2, 2, 55, subject="next_update"),
        b.silence_noticed(since=60, sequence=3),
    ]
    messages = compose_after_acknowledgement(*events)
    assert [m.kind for m in messages] == ["progress"] * 3
    assert len({m.message_id for m in messages}) == len({m.intent for m in messages}) == 3


def test_a_letter_has_the_same_message_id_and_intent_on_every_replay() -> None:
    (first,), (second,) = compose_after_acknowledgement(b.letter_due()), compose_after_acknowledgement(b.letter_due())
    assert first.intent == "holding:letter-uk/delay/2026-03-05T11:10:00+00:00:customer"
    assert first.message_id == second.message_id
    assert b.letter_due().facts.limit_at.isoformat() == "2026-03-05T11:10:00+00:00", "the limit is part of the intent"

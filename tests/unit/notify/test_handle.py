"""Handling of finished attempts: status, schedule and published results."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notify.domain import AttemptFinished
from services.notify.domain.retry_schedule import SCHEDULE, AttemptResult, next_status
from shared.contracts.events import MessageAccepted, MessageFailed
from shared.errors import NotFound
from tests.unit.notify import builders as b

WINDOW = timedelta(minutes=15)
ACKNOWLEDGED, _ = b.fold(b.OPENING_EVENTS)
WITH_PROGRESS, _ = b.fold([*b.OPENING_EVENTS, b.progress_recorded()])


def attempt_finished(message: Any, outcome: str = "sent", **changes: Any) -> AttemptFinished:
    fields = {
        "complaint_id": b.SUBJECT,
        "message_id": message.message_id,
        "intent": message.intent,
        "attempt": 1,
        "outcome": outcome,
        "code": "250",
        "locale": "en",
        "template": "acknowledgement/en@0",
        "states_promise": message.states_promise,
    }
    return AttemptFinished(**(fields | changes))


@pytest.mark.parametrize(
    ("outcome", "attempt", "kind", "expected"),
    [
        ("sent", 1, "acknowledgement", AttemptResult("accepted")),
        ("sent", 9, "progress", AttemptResult("accepted")),
        ("failed_permanent", 1, "acknowledgement", AttemptResult("dead")),
        ("failed_transient", 1, "progress", AttemptResult("retry_wait", timedelta(seconds=30))),
        ("failed_transient", 2, "progress", AttemptResult("retry_wait", timedelta(minutes=2))),
        ("failed_transient", 8, "progress", AttemptResult("retry_wait", timedelta(hours=8))),
        ("failed_transient", 9, "progress", AttemptResult("dead")),
        ("uncertain", 1, "acknowledgement", AttemptResult("uncertain", WINDOW)),
        ("uncertain", 1, "resolution", AttemptResult("uncertain", WINDOW)),
        ("uncertain", 1, "holding", AttemptResult("uncertain", WINDOW)),
        ("uncertain", 1, "promise_moved", AttemptResult("uncertain", WINDOW)),
        ("uncertain", 9, "acknowledgement", AttemptResult("uncertain")),
        ("uncertain", 1, "progress", AttemptResult("uncertain")),
    ],
)
def test_the_outcome_of_an_attempt_decides_the_next_status_and_delay(
    outcome: Any, attempt: int, kind: Any, expected: AttemptResult
) -> None:
    assert next_status(outcome, attempt, kind=kind, receipt_window=WINDOW) == expected


def test_the_retry_delays_increase_and_sum_up_to_about_sixteen_hours() -> None:
    assert timedelta(hours=15) < sum(SCHEDULE, timedelta()) < timedelta(hours=17)
    assert list(SCHEDULE) == sorted(SCHEDULE)


def test_an_accepted_message_is_published_with_the_promise_it_states() -> None:
    (message,) = ACKNOWLEDGED.planned
    state, events = b.fold([attempt_finished(message, attempt=3)], ACKNOWLEDGED)
    (fact,) = [event.facts for event in events]
    assert isinstance(fact, MessageAccepted)
    assert (fact.message_kind, fact.states_promise, fact.attempts, fact.locale) == ("acknowledgement", 1, 3, "en")
    assert (fact.cause, fact.accepted_at) == (str(b.complaint_received().id), b.START)
    assert state.intents[message.intent].result == "accepted"
    assert state.finished[0].status == "accepted"


def test_an_accepted_letter_is_published_with_its_name() -> None:
    state, _ = b.fold([*b.OPENING_EVENTS, b.letter_due()])
    acknowledgement, letter = state.planned
    _, events = b.fold([attempt_finished(acknowledgement), attempt_finished(letter)], state)
    assert [event.facts.letter for event in events] == [None, "uk:delay"]
    assert events[1].facts.message_kind == "holding"


def test_a_transient_failure_publishes_nothing_and_is_retried_after_its_delay() -> None:
    (message,) = ACKNOWLEDGED.planned
    state, events = b.fold([attempt_finished(message, "failed_transient", jitter=1.2)], ACKNOWLEDGED)
    assert not events
    assert state.finished[0].next_attempt_at == b.START + timedelta(seconds=36)
    assert state.intents[message.intent].result is None


def test_a_permanent_failure_is_published_with_its_code() -> None:
    (message,) = ACKNOWLEDGED.planned
    state, events = b.fold([attempt_finished(message, "failed_permanent", code="550 5.1.1")], ACKNOWLEDGED)
    (fact,) = [event.facts for event in events]
    assert isinstance(fact, MessageFailed)
    assert (fact.reason, fact.attempts) == ("550 5.1.1", 1)
    assert state.finished[0].status == "dead"


def test_an_uncertain_mandatory_message_is_sent_again_and_an_optional_one_is_given_up() -> None:
    mandatory, optional = WITH_PROGRESS.planned
    state, events = b.fold(
        [attempt_finished(mandatory, "uncertain"), attempt_finished(optional, "uncertain")], WITH_PROGRESS
    )
    assert [attempt.next_attempt_at for attempt in state.finished] == [b.START + WINDOW, None]
    assert [(event.facts.message_kind, event.facts.reason) for event in events] == [("progress", "uncertain")]


def test_an_uncertain_message_is_accepted_by_a_later_successful_attempt() -> None:
    (message,) = ACKNOWLEDGED.planned
    state, events = b.fold([attempt_finished(message, "uncertain"), attempt_finished(message, "sent")], ACKNOWLEDGED)
    assert [type(event.facts) for event in events] == [MessageAccepted]
    assert [attempt.status for attempt in state.finished] == ["uncertain", "accepted"]


@pytest.mark.parametrize("late", ["sent", "failed_transient", "failed_permanent", "uncertain"])
def test_a_final_result_is_kept_after_later_attempts_and_published_once(late: str) -> None:
    (message,) = ACKNOWLEDGED.planned
    state, events = b.fold([attempt_finished(message), attempt_finished(message, late, attempt=2)], ACKNOWLEDGED)
    assert [type(event.facts) for event in events] == [MessageAccepted]
    assert [attempt.status for attempt in state.finished] == ["accepted", None]


def test_an_attempt_without_an_intent_is_refused() -> None:
    (message,) = ACKNOWLEDGED.planned
    with pytest.raises(NotFound):
        b.fold([replace(attempt_finished(message), intent="resolution:9:customer")], ACKNOWLEDGED)
    with pytest.raises(NotFound):
        b.fold([attempt_finished(message)])

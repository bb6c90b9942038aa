"""Behaviour that every runner must have, wherever it stores states."""

import pytest

from shared.contracts.events import FeedbackGiven
from shared.errors import Rejected
from shared.runner.runner import BatchResult
from tests.conformance.conftest import Candidate
from tests.factories import complaint_id, event, received, record
from tests.toy import Add, make_records


async def test_events_are_applied_in_order_and_published_events_are_numbered_without_gaps(candidate: Candidate) -> None:
    subject, records = make_records("a", "b", "c")
    for record_ in records:
        assert await candidate.runner.apply_records([record_]) == BatchResult(done=1)
    assert await candidate.load_words(subject) == ("a", "b", "c")
    events = await candidate.load_events()
    assert [(event_.sequence, event_.facts.team, event_.subject) for event_ in events] == [
        (n, w, subject) for n, w in enumerate("abc", 1)
    ]
    assert all(event_.causationid and event_.source == "/redress/triage" for event_ in events)


async def test_an_event_delivered_twice_changes_nothing(candidate: Candidate) -> None:
    subject, records = make_records("one")
    await candidate.runner.apply_records(records)
    assert await candidate.runner.apply_records(records * 2) == BatchResult(duplicate=2)
    assert await candidate.load_words(subject) == ("one",)
    assert len(await candidate.load_events()) == 1


async def test_two_records_of_one_event_in_one_batch_count_once(candidate: Candidate) -> None:
    subject, records = make_records("one")
    await candidate.runner.apply_records(records * 3)
    assert await candidate.load_words(subject) == ("one",)


@pytest.mark.parametrize("word", ["BROKEN", "BUG", "HUGE"])
async def test_an_event_that_cannot_be_applied_is_a_dead_letter_and_the_others_are_applied(
    candidate: Candidate, word: str
) -> None:
    before, first = make_records("fine")
    failing, middle = make_records(word)
    after, last = make_records("fine", "fine")
    outcome = await candidate.runner.apply_records([*first, *middle, *last])
    assert (outcome.done, outcome.buried) == (3, 1)
    assert [await candidate.load_words(subject) for subject in (before, failing, after)] == [
        ("fine",),
        (),
        ("fine", "fine"),
    ]
    assert await candidate.runner.apply_records(middle) == BatchResult(duplicate=1), (
        "one dead letter, however often Kafka redelivers the record"
    )


async def test_later_events_of_a_complaint_with_a_dead_letter_are_parked(candidate: Candidate) -> None:
    subject, records = make_records("one", "BROKEN", "two", "three")
    assert await candidate.runner.apply_records(records[:3]) == BatchResult(done=1, buried=1, parked=1)
    assert await candidate.runner.apply_records(records[3:]) == BatchResult(parked=1)
    assert await candidate.load_words(subject) == ("one",)
    assert await candidate.load_letters() == [
        ("buried", "this one is broken"),
        ("parked", "Waits behind an earlier event of the same complaint that could not be applied."),
        ("parked", "Waits behind an earlier event of the same complaint that could not be applied."),
    ]
    assert (await candidate.replay(subject)).left == 3, "it still fails, so the parked ones stay parked"


async def test_a_record_that_is_no_event_is_one_dead_letter(candidate: Candidate) -> None:
    subject, good = make_records("fine")
    bad = record(b"{", offset=7, headers=[("x", None), ("y", b"\xff")])
    assert await candidate.runner.apply_records([bad, *good]) == BatchResult(done=1, buried=1)
    assert await candidate.runner.apply_records([bad]) == BatchResult(duplicate=1)
    assert await candidate.load_letters() == [("buried", "not JSON")]
    assert await candidate.load_words(subject) == ("fine",)


async def test_an_event_with_a_wrong_key_or_on_a_wrong_topic_is_a_dead_letter(candidate: Candidate) -> None:
    first, second = event(received()), event(received())
    outcome = await candidate.runner.apply_records(
        [record(first, key=b"other"), record(second, topic="complaints.sla.v1", offset=1)]
    )
    assert outcome.buried == 2
    misplaced = record(event(FeedbackGiven(fixed=True)), topic="complaints.sla.v1", offset=2)
    assert (await candidate.runner.apply_records([misplaced])).buried == 1, (
        "of a type to which it does not subscribe, on a wrong topic"
    )


async def test_an_event_of_a_type_without_subscription_is_skipped(candidate: Candidate) -> None:
    assert await candidate.runner.apply_records([record(event(FeedbackGiven(fixed=True)))]) == BatchResult(skipped=1)
    assert not await candidate.load_letters()


async def test_only_due_timers_fire(candidate: Candidate) -> None:
    now, due = make_records("NOW")
    later, not_yet = make_records("LATER")
    await candidate.runner.apply_records([*due, *not_yet])
    assert await candidate.runner.fire_timers(10) == 1
    assert (await candidate.load_words(now), await candidate.load_words(later)) == (("NOW", "tick"), ("LATER",))
    assert await candidate.runner.fire_timers(10) == 0


async def test_a_timer_whose_tick_fails_is_postponed_and_does_not_block_others(candidate: Candidate) -> None:
    bad, first = make_records("TICKBUG", "NOW")
    good, second = make_records("NOW")
    await candidate.runner.apply_records([*first, *second])
    assert await candidate.runner.fire_timers(10) == 2
    assert await candidate.load_words(good) == ("NOW", "tick")
    assert await candidate.runner.fire_timers(10) == 0
    assert 800 < await candidate.seconds_until_due() <= 900
    await candidate.runner.handle_commands([Add(bad, "changed")])
    assert await candidate.runner.fire_timers(10) == 1, "the change may have solved the problem"


async def test_the_next_timer_is_reported_in_seconds(candidate: Candidate) -> None:
    assert await candidate.seconds_until_due() is None
    _, later = make_records("LATER")
    await candidate.runner.apply_records(later)
    assert 3500 < await candidate.seconds_until_due() <= 3600
    _, now = make_records("NOW")
    await candidate.runner.apply_records(now)
    assert await candidate.seconds_until_due() <= 0
    assert await candidate.runner.fire_timers(10) == 1
    assert await candidate.seconds_until_due() > 3500


async def test_a_rejected_command_does_not_affect_other_commands(candidate: Candidate) -> None:
    subject, records = make_records("one")
    await candidate.runner.apply_records(records)
    good, bad, again = await candidate.runner.handle_commands(
        [Add(subject, "x"), Add(complaint_id(), "y"), Add(subject, "z")]
    )
    assert not isinstance(good, Exception)
    assert not isinstance(again, Exception)
    assert isinstance(bad, Rejected)
    assert await candidate.load_words(subject) == ("one", "x", "z")

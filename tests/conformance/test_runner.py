"""What every runner owes a fold, whatever it keeps its states on."""

import pytest

from shared.contracts.events import FeedbackGiven
from shared.errors import Rejected
from shared.runner.runner import BatchResult
from tests.conformance.conftest import Candidate
from tests.factories import complaint_id, event, received, record
from tests.toy import Add, words


async def test_events_are_folded_in_order_and_what_is_said_is_numbered_without_gaps(candidate: Candidate) -> None:
    subject, records = words("a", "b", "c")
    for one in records:
        assert await candidate.runner.apply_records([one]) == BatchResult(done=1)
    assert await candidate.heard(subject) == ("a", "b", "c")
    said = await candidate.said()
    assert [(one.sequence, one.facts.team, one.subject) for one in said] == [
        (n, w, subject) for n, w in enumerate("abc", 1)
    ]
    assert all(one.causationid and one.source == "/redress/triage" for one in said)


async def test_an_event_heard_twice_changes_nothing(candidate: Candidate) -> None:
    subject, records = words("one")
    await candidate.runner.apply_records(records)
    assert await candidate.runner.apply_records(records * 2) == BatchResult(duplicate=2)
    assert await candidate.heard(subject) == ("one",)
    assert len(await candidate.said()) == 1


async def test_two_records_of_one_event_in_one_batch_count_once(candidate: Candidate) -> None:
    subject, records = words("one")
    await candidate.runner.apply_records(records * 3)
    assert await candidate.heard(subject) == ("one",)


@pytest.mark.parametrize("word", ["BROKEN", "BUG", "HUGE"])
async def test_a_guilty_event_is_buried_alone_and_its_neighbours_are_done(candidate: Candidate, word: str) -> None:
    before, first = words("fine")
    guilty, middle = words(word)
    after, last = words("fine", "fine")
    outcome = await candidate.runner.apply_records([*first, *middle, *last])
    assert (outcome.done, outcome.buried) == (3, 1)
    assert [await candidate.heard(one) for one in (before, guilty, after)] == [("fine",), (), ("fine", "fine")]
    assert await candidate.runner.apply_records(middle) == BatchResult(duplicate=1), "buried once, whatever Kafka redelivers"


async def test_later_events_of_the_same_complaint_wait_behind_the_buried_one(candidate: Candidate) -> None:
    subject, records = words("one", "BROKEN", "two", "three")
    assert await candidate.runner.apply_records(records[:3]) == BatchResult(done=1, buried=1, parked=1)
    assert await candidate.runner.apply_records(records[3:]) == BatchResult(parked=1)
    assert await candidate.heard(subject) == ("one",)
    assert await candidate.letters() == [
        ("buried", "this one is broken"),
        ("parked", "Waits behind an earlier event of the same complaint that could not be applied."),
        ("parked", "Waits behind an earlier event of the same complaint that could not be applied."),
    ]
    assert (await candidate.replay(subject)).left == 3, "it still fails, and so what waits goes on waiting"


async def test_bytes_that_are_no_event_are_buried_once(candidate: Candidate) -> None:
    subject, good = words("fine")
    bad = record(b"{", offset=7, headers=[("x", None), ("y", b"\xff")])
    assert await candidate.runner.apply_records([bad, *good]) == BatchResult(done=1, buried=1)
    assert await candidate.runner.apply_records([bad]) == BatchResult(duplicate=1)
    assert await candidate.letters() == [("buried", "not JSON")]
    assert await candidate.heard(subject) == ("fine",)


async def test_an_event_under_a_wrong_key_or_on_a_foreign_topic_is_buried(candidate: Candidate) -> None:
    one, other = event(received()), event(received())
    outcome = await candidate.runner.apply_records(
        [record(one, key=b"other"), record(other, topic="complaints.sla.v1", offset=1)]
    )
    assert outcome.buried == 2
    stranger = record(event(FeedbackGiven(fixed=True)), topic="complaints.sla.v1", offset=2)
    assert (await candidate.runner.apply_records([stranger])).buried == 1, "of a type it does not hear, on a foreign topic"


async def test_what_the_service_does_not_hear_is_skipped(candidate: Candidate) -> None:
    assert await candidate.runner.apply_records([record(event(FeedbackGiven(fixed=True)))]) == BatchResult(skipped=1)
    assert not await candidate.letters()


async def test_a_tick_reaches_what_is_due_and_nothing_else(candidate: Candidate) -> None:
    now, due = words("NOW")
    later, not_yet = words("LATER")
    await candidate.runner.apply_records([*due, *not_yet])
    assert await candidate.runner.fire_timers(10) == 1
    assert (await candidate.heard(now), await candidate.heard(later)) == (("NOW", "tick"), ("LATER",))
    assert await candidate.runner.fire_timers(10) == 0


async def test_a_timer_whose_tick_fails_is_put_off_and_starves_nobody(candidate: Candidate) -> None:
    bad, first = words("TICKBUG", "NOW")
    good, second = words("NOW")
    await candidate.runner.apply_records([*first, *second])
    assert await candidate.runner.fire_timers(10) == 2
    assert await candidate.heard(good) == ("NOW", "tick")
    assert await candidate.runner.fire_timers(10) == 0
    assert 800 < await candidate.rest() <= 900
    await candidate.runner.handle_commands([Add(bad, "changed")])
    assert await candidate.runner.fire_timers(10) == 1, "what changed it may have mended it"


async def test_the_next_timer_is_told_by_how_long_it_is_away(candidate: Candidate) -> None:
    assert await candidate.rest() is None
    _, later = words("LATER")
    await candidate.runner.apply_records(later)
    assert 3500 < await candidate.rest() <= 3600
    _, now = words("NOW")
    await candidate.runner.apply_records(now)
    assert await candidate.rest() <= 0
    assert await candidate.runner.fire_timers(10) == 1
    assert await candidate.rest() > 3500


async def test_a_rejected_command_is_its_own_result_and_harms_no_other(candidate: Candidate) -> None:
    subject, records = words("one")
    await candidate.runner.apply_records(records)
    good, bad, again = await candidate.runner.handle_commands([Add(subject, "x"), Add(complaint_id(), "y"), Add(subject, "z")])
    assert not isinstance(good, Exception)
    assert not isinstance(again, Exception)
    assert isinstance(bad, Rejected)
    assert await candidate.heard(subject) == ("one", "x", "z")

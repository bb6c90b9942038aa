"""Runner on real PostgreSQL: transactions, dead letters, timers, and order under concurrency."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.contracts import read
from shared.runner.group_commit import GroupCommitter
from shared.runner.runner import BatchResult, BreakerOpen
from shared.runner.types import Command, Decision
from tests.factories import record
from tests.integration.conftest import ToyService
from tests.toy import Add, make_records, toy


async def test_a_batch_is_committed_with_state_inbox_and_outbox(toy_service: ToyService) -> None:
    subject, records = make_records("one", "two")
    assert await toy_service.runner.apply_records(records) == BatchResult(done=2)
    assert await toy_service.load_words(subject) == ("one", "two")
    events = [read(row["value"]) for row in await toy_service.rows("select value from outbox order by xid, id")]
    assert [(event.sequence, event.facts.team, event.subject) for event in events] == [
        (1, "one", subject),
        (2, "two", subject),
    ]
    assert events[0].causationid and events[0].source == "/redress/triage"


@pytest.mark.parametrize("word", ["HUGE", "NUL"])
async def test_an_event_that_cannot_be_applied_is_a_dead_letter_and_the_others_are_applied(
    toy_service: ToyService, word: str
) -> None:
    before, first = make_records("fine")
    failing, middle = make_records(word)
    after, last = make_records("fine", "fine")
    outcome = await toy_service.runner.apply_records([*first, *middle, *last])
    assert (outcome.done, outcome.buried) == (3, 1)
    assert await toy_service.load_words(before) == ("fine",)
    assert await toy_service.load_words(after) == ("fine", "fine")
    assert await toy_service.load_words(failing) == ()
    assert await toy_service.runner.apply_records(middle) == BatchResult(duplicate=1), (
        "one dead letter, however often Kafka redelivers the record"
    )


async def test_a_command_that_cannot_be_stored_fails_alone(toy_service: ToyService) -> None:
    subjects = [make_records("one") for _ in range(12)]
    await toy_service.runner.apply_records([record_ for _, records in subjects for record_ in records])
    committer = GroupCommitter[Command, Decision[Any, Any]](toy_service.runner.handle_commands)
    commands = [Add(subject, "nul\x00" if n == 5 else "fine") for n, (subject, _) in enumerate(subjects)]
    answers = await asyncio.gather(*map(committer.submit, commands), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [5]
    stored = [await toy_service.load_words(subject) for subject, _ in subjects]
    assert stored == [("one",) if n == 5 else ("one", "fine") for n in range(12)]


async def test_a_replay_applies_in_order_and_stops_at_an_event_that_fails(toy_service: ToyService) -> None:
    subject, records = make_records("one", "BROKEN", "two", "three")
    await toy_service.runner.apply_records(records)
    assert (await toy_service.replay.replay(subject)).left == 3
    assert await toy_service.replay.discard((await toy_service.replay.list_open(subject, 1))[0]["id"])
    done = await toy_service.replay.replay(subject)
    assert (done.applied, done.left) == (2, 0)
    assert await toy_service.load_words(subject) == ("one", "two", "three")
    assert not await toy_service.replay.list_open(subject, 1)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (b"{", "not JSON"),
        (b"[]", "object"),
        (None, "without a value"),
        (b"\xff\xfe", "not JSON"),
        (b'{"type":"redress.complaint.received.v9"}', "unknown event type"),
        (b'{"type":"redress.complaint.received.v1"}', "Field required"),
        (b"x" * 1_048_000, "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
async def test_a_record_that_is_no_event_is_a_dead_letter_with_its_bytes(
    toy_service: ToyService, value: bytes | None, sentence: str
) -> None:
    subject, good = make_records("fine")
    bad = record(value, offset=7, headers=[("x", None), ("y", b"\xff")])
    outcome = await toy_service.runner.apply_records([bad, *good])
    assert (outcome.buried, outcome.done) == (1, 1)
    (letter,) = await toy_service.replay.list_open(None, 10)
    assert sentence in letter["error"]
    assert letter["value"] == value
    assert (await toy_service.runner.apply_records([bad])).duplicate == 1


async def test_dead_letters_are_published_on_the_dead_topic(toy_service: ToyService) -> None:
    _, records = make_records("BROKEN")
    await toy_service.runner.apply_records(records)
    (row,) = await toy_service.rows("select topic, value from outbox")
    assert row["topic"] == "complaints.triage.dead.v1"
    notice = json.loads(row["value"])
    assert (notice["status"], notice["error"], notice["offset"]) == ("buried", "this one is broken", 0)
    assert b"RC-" not in row["value"]


async def test_the_breaker_opens_after_consecutive_dead_letters(
    toy_service: ToyService, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        await toy_service.runner.apply_records(make_records("BROKEN")[1])
    subject, records = make_records("BROKEN")
    with pytest.raises(BreakerOpen, match="in a row") as error:
        await toy_service.runner.apply_records(records)
    place = f"{records[0].topic}/{records[0].partition}/{records[0].offset}, complaint {subject}"
    assert f"first error: this one is broken, at {place}. The batch was rolled back" in error.value.detail
    with pytest.raises(BreakerOpen):
        await toy_service.runner.apply_records(make_records("fine")[1])
    assert [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"] == [error.value.detail]
    assert len(await toy_service.replay.list_open(None, 100)) == 4, "the batch that tripped it was rolled back"
    assert toy_service.metrics.value("redress_breaker_open") == 1
    toy_service.runner.breaker.close()
    assert (await toy_service.runner.apply_records(make_records("fine")[1])).done == 1


async def test_a_batch_of_mostly_malformed_records_opens_the_breaker(toy_service: ToyService) -> None:
    malformed = [record(b"{", offset=n) for n in range(30)]
    with pytest.raises(BreakerOpen, match=r"30 of 31.*first error: .*not JSON"):
        await toy_service.runner.apply_records([*malformed, *make_records("fine")[1]])
    assert not await toy_service.replay.list_open(None, 10)


async def test_a_timer_that_is_still_due_after_its_tick_is_postponed_and_does_not_block_others(
    toy_service: ToyService,
) -> None:
    idle, first = make_records("STAYS", "NOW")
    good, second = make_records("NOW")
    await toy_service.runner.apply_records([*first, *second])
    assert await toy_service.runner.fire_timers(10) == 2
    assert await toy_service.load_words(good) == ("NOW", "tick")
    (row,) = await toy_service.rows("select due_at - now() as left from complaint where complaint_id = $1", idle)
    assert row["left"] > timedelta(minutes=14)


async def test_a_tick_skips_a_state_written_by_a_later_transaction(toy_service: ToyService) -> None:
    """Check that the tick waits: rows are published by transaction id, and its event must follow the earlier one."""
    subject, records = make_records("NOW")
    async with toy_service.pool.acquire() as conn, conn.transaction():
        await conn.fetchval("select pg_current_xact_id()")
        await toy_service.runner.apply_records(records)
        assert await toy().store.claim_due(conn, 10) == []
    async with toy_service.pool.acquire() as conn, conn.transaction():
        (due,) = await toy().store.claim_due(conn, 10)
    assert due.state.complaint_id == subject


async def test_a_timer_of_a_locked_row_is_skipped(toy_service: ToyService) -> None:
    held, first = make_records("NOW")
    free, second = make_records("NOW")
    await toy_service.runner.apply_records([*first, *second])
    async with toy_service.pool.acquire() as conn, conn.transaction():
        await conn.execute("select from complaint where complaint_id = $1 for update", held)
        assert await toy_service.runner.fire_timers(10) == 1
        assert await toy_service.load_words(free) == ("NOW", "tick")
    assert await toy_service.runner.fire_timers(10) == 1


async def test_two_workers_never_tick_the_same_complaint(toy_service: ToyService) -> None:
    subjects = []
    for _ in range(40):
        subject, records = make_records("NOW")
        subjects.append(subject)
        await toy_service.runner.apply_records(records)
    counts = await asyncio.gather(*(toy_service.runner.fire_timers(15) for _ in range(4)))
    while more := await toy_service.runner.fire_timers(15):
        counts.append(more)
    assert sum(counts) == 40
    assert {await toy_service.load_words(subject) for subject in subjects} == {("NOW", "tick")}


async def test_a_transient_failure_is_retried_and_is_no_dead_letter(toy_service: ToyService) -> None:
    subject, records = make_records("one")
    holder = await asyncpg.connect(toy_service.dsn)
    await holder.execute("begin; lock table inbox in access exclusive mode")
    running = asyncio.create_task(toy_service.runner.apply_records(records))
    while not await holder.fetchval("select count(*) from pg_locks where not granted"):
        await asyncio.sleep(0.01)
    await holder.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'redress-toy' and pid <> pg_backend_pid()"
    )
    await holder.execute("rollback")
    assert await running == BatchResult(done=1)
    assert await toy_service.load_words(subject) == ("one",)
    assert not await toy_service.replay.list_open(None, 1)
    assert toy_service.metrics.value("redress_inputs", label="retry") >= 1
    await holder.close()


async def test_the_stored_state_is_plain_json(toy_service: ToyService) -> None:
    subject, records = make_records("one")
    await toy_service.runner.apply_records(records)
    (row,) = await toy_service.rows("select state from complaint")
    assert json.loads(row["state"])["words"] == ["one"]


@pytest.mark.parametrize(
    "case",
    ["a command between claim and load", "a tick between claim and load", "a command waiting for the lock first"],
)
async def test_events_of_a_complaint_are_published_in_the_order_of_decisions(
    toy_service: ToyService, case: str
) -> None:
    """Check a batch, whose transaction id dates from the inbox, when a later transaction locks the complaint first."""
    subject, records = make_records("NOW", "later")
    await toy_service.runner.apply_records(records[:1])
    loading, go_on = asyncio.Event(), asyncio.Event()
    store = toy_service.runner.spec.store
    load_context = store.load_context

    async def load_slowly(conn: asyncpg.Connection, now: datetime, prepared: Any) -> Any:
        if asyncio.current_task() is batch and not loading.is_set():
            loading.set()
            await go_on.wait()
        return await load_context(conn, now, prepared)

    store.load_context = load_slowly  # type: ignore[method-assign]
    batch = asyncio.create_task(toy_service.runner.apply_records(records[1:]))
    await loading.wait()
    if case == "a tick between claim and load":
        assert await toy_service.runner.fire_timers(10) == 1
    elif case == "a command between claim and load":
        await toy_service.runner.handle_commands([Add(subject, "asked")])
    else:
        async with toy_service.pool.acquire() as conn, conn.transaction():
            await conn.execute("select from complaint where complaint_id = $1 for update", subject)
            command = asyncio.create_task(toy_service.runner.handle_commands([Add(subject, "asked")]))
            await wait_for_locks(toy_service, 1)
            go_on.set()
            await wait_for_locks(toy_service, 2)
        await command
    go_on.set()
    await batch
    assert len(await toy_service.load_words(subject)) == 3
    sequences = [
        read(row["value"]).sequence for row in await toy_service.rows("select value from outbox order by xid, id")
    ]
    assert sequences == [1, 2, 3]


async def wait_for_locks(toy_service: ToyService, count: int) -> None:
    async with asyncio.timeout(10):
        while len(await toy_service.rows("select from pg_stat_activity where wait_event_type = 'Lock'")) < count:
            await asyncio.sleep(0.01)

"""Delivery over real Kafka: outbox → relay → topic → consumer → inbox, with crashes, rebalances and malformed records."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import EmbeddedKafka
from deploy.local.topics import create_topics, topic_settings
from shared.contracts import INTAKE, TRIAGE, read, write
from shared.messaging.kafka import partition_of
from shared.messaging.relay import Relay
from shared.ops.metrics import Metrics
from shared.storage import outbox, postgres
from tests.factories import complaint_id, event, received, settings
from tests.group_members import ToyMember
from tests.integration.conftest import ToyService


async def wait_until(condition, seconds: float = 30.0) -> None:
    """Poll until the (async) condition returns a true value."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def topics(kafka: EmbeddedKafka) -> AsyncIterator[str]:
    """Bootstrap address of Kafka with new, empty topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics(list(set(topic_settings()) & set(await admin.list_topics())))

    async def are_deleted() -> bool:
        return not set(topic_settings()) & set(await admin.list_topics())

    await wait_until(are_deleted)
    await create_topics(kafka.bootstrap)
    yield kafka.bootstrap
    await admin.close()


@asynccontextmanager
async def open_producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def run_jobs(*jobs) -> AsyncIterator[asyncio.Event]:
    """Run `job(stopping)` for each job; stop them at the end and raise their errors."""
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(job(stopping)) for job in jobs]
    try:
        yield stopping
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)


def member(toy_service: ToyService, bootstrap: str, public_key: Path) -> ToyMember:
    return ToyMember(settings(toy_service.dsn, public_key, kafka=bootstrap), toy_service.runner, toy_service.metrics)


async def publish(producer: AIOKafkaProducer, event_, **headers) -> None:
    await producer.send_and_wait(INTAKE.topic, write(event_), key=str(event_.subject).encode(), **headers)


async def end_offsets(bootstrap: str, topic: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(12)])
    finally:
        await consumer.stop()
    return sum(ends.values())


async def read_all(bootstrap: str, topic: str, count: int) -> list:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    collected: list = []
    try:
        async with asyncio.timeout(30):
            while len(collected) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    collected.extend(records)
    finally:
        await consumer.stop()
    return collected


async def test_events_are_applied_and_their_results_are_published_in_order(
    toy_service: ToyService, topics: str, keys
) -> None:
    relay = Relay("triage", settings(toy_service.dsn, keys[1], kafka=topics), toy_service.metrics)
    subjects = [complaint_id() for _ in range(20)]
    async with open_producer(topics) as producer, run_jobs(member(toy_service, topics, keys[1]).run, relay.run):
        for n in range(1, 6):
            for subject in subjects:
                await publish(producer, event(received(reference=f"w{n}"), subject=subject, sequence=n))
        records = await read_all(topics, TRIAGE.topic, 100)
    assert len(records) == 100
    published = [(record.partition, read(record.value)) for record in records]
    for subject in subjects:
        assert [event_.sequence for _, event_ in published if event_.subject == subject] == [1, 2, 3, 4, 5]
        assert await toy_service.load_words(subject) == ("w1", "w2", "w3", "w4", "w5")
    assert {partition for partition, _ in published} == {partition_of(str(s).encode(), 12) for s in subjects}


async def test_malformed_records_are_dead_letters_and_valid_ones_between_them_are_applied(
    toy_service: ToyService, topics: str, keys
) -> None:
    malformed: list[tuple[bytes | None, list]] = [
        (b"{", []),
        (b'{"type":"redress.complaint.received.v1"}', []),
        (b'{"type":"redress.complaint.received.v9"}', []),
        (None, []),
        (b"\xff" * 10, []),
        (b"{" + b" " * 1_000_000, []),
        (b"{", [("h", None)]),
        (b"{", [("h", b"\xff")]),
    ]
    good = [event(received(reference="fine")) for _ in range(len(malformed) * 2)]
    async with open_producer(topics) as producer, run_jobs(member(toy_service, topics, keys[1]).run):
        for number, (value, headers) in enumerate(malformed):
            await publish(producer, good[2 * number], headers=[("h", None), ("i", b"\xff")])
            await producer.send_and_wait(INTAKE.topic, value, key=b"malformed", headers=headers)
            await publish(producer, good[2 * number + 1])

        async def are_handled() -> bool:
            return len(await toy_service.rows("select from inbox")) >= len(malformed) * 3

        await wait_until(are_handled)
    letters = await toy_service.replay.list_open(None, 100)
    assert len(letters) == len(malformed)
    assert {await toy_service.load_words(event_.subject) for event_ in good} == {("fine",)}


async def test_after_a_crash_between_commit_and_offset_commit_events_are_applied_once(
    toy_service: ToyService, topics: str, keys
) -> None:
    """Check a consumer that applies records and never commits their offsets, so that another receives them again."""
    events = [event(received(reference="once")) for _ in range(50)]
    async with open_producer(topics) as producer:
        for event_ in events:
            await publish(producer, event_)
    raw = AIOKafkaConsumer(
        INTAKE.topic,
        bootstrap_servers=topics,
        group_id="redress-triage",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await raw.start()
    seen: list = []
    while len(seen) < 50:
        for records in (await raw.getmany(timeout_ms=200)).values():
            seen.extend(records)
    await toy_service.runner.apply_records(seen)
    await raw.stop()
    async with run_jobs(member(toy_service, topics, keys[1]).run):

        async def are_repeated() -> bool:
            return toy_service.metrics.value("redress_inputs", label="duplicate") >= 50

        await wait_until(are_repeated)
    assert {await toy_service.load_words(event_.subject) for event_ in events} == {("once",)}


async def test_rebalances_with_a_second_member_lose_and_duplicate_nothing(
    toy_service: ToyService, topics: str, keys
) -> None:
    subjects = [complaint_id() for _ in range(60)]

    async def wait_for_inbox(count: int) -> None:
        async def is_complete() -> bool:
            return len(await toy_service.rows("select from inbox")) >= count

        await wait_until(is_complete, 60)

    async with open_producer(topics) as producer, run_jobs(member(toy_service, topics, keys[1]).run):
        for subject in subjects:
            await publish(producer, event(received(reference="a"), subject=subject, sequence=1))
        async with run_jobs(member(toy_service, topics, keys[1]).run):
            for n, word in enumerate(("b", "c"), start=2):
                for subject in subjects:
                    await publish(producer, event(received(reference=word), subject=subject, sequence=n))
            await wait_for_inbox(180)
        for subject in subjects:
            await publish(producer, event(received(reference="d"), subject=subject, sequence=4))
        await wait_for_inbox(240)
    assert Counter([await toy_service.load_words(subject) for subject in subjects]) == {("a", "b", "c", "d"): 60}


async def test_a_relay_that_lost_its_lock_stops_and_the_other_publishes_all_rows(
    toy_service: ToyService, topics: str, keys
) -> None:
    """Check two relays: one holds the lock, the other waits for it and takes over when the connection of the first ends."""
    chosen = settings(toy_service.dsn, keys[1], kafka=topics)
    first, second = Relay("triage", chosen, toy_service.metrics), Relay("triage", chosen, Metrics())

    async def append(count: int) -> None:
        async with postgres.transaction(toy_service.pool) as conn:
            events = [event(received()) for _ in range(count)]
            await outbox.append(conn, [outbox.OutboxRow(TRIAGE.topic, e.subject, e.id, write(e)) for e in events])

    stopping = asyncio.Event()
    leading = asyncio.create_task(first.run(stopping))
    await append(30)
    await read_all(topics, TRIAGE.topic, 30)
    waiting = asyncio.create_task(second.run(stopping))
    await toy_service.pool.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()"
    )
    # asyncpg raises the third message if the connection ends while it prepares a statement.
    with pytest.raises(Exception, match=r"closed|terminat|another operation .* is in progress"):
        await asyncio.wait_for(leading, 30)
    await append(30)
    records = await read_all(topics, TRIAGE.topic, 60)
    assert len({read(record.value).id for record in records}) == 60
    stopping.set()
    await asyncio.wait_for(waiting, 30)


async def test_rows_of_a_transaction_that_commits_late_are_not_skipped(
    toy_service: ToyService, topics: str, keys
) -> None:
    relay = Relay("triage", settings(toy_service.dsn, keys[1], kafka=topics), toy_service.metrics)
    early, late = event(received()), event(received())
    slow = await postgres.connect_alone(settings(toy_service.dsn, keys[1]), "slow")
    async with run_jobs(relay.run):
        transaction = slow.transaction()
        await transaction.start()
        await outbox.append(slow, [outbox.OutboxRow(TRIAGE.topic, early.subject, early.id, write(early))])
        async with postgres.transaction(toy_service.pool) as conn:
            await outbox.append(conn, [outbox.OutboxRow(TRIAGE.topic, late.subject, late.id, write(late))])
        assert await end_offsets(topics, TRIAGE.topic) == 0, "no row after those of an open transaction is published"
        await transaction.commit()
        relay.wake()
        records = await read_all(topics, TRIAGE.topic, 2)
    assert {read(record.value).id for record in records} == {early.id, late.id}
    await slow.close()


@pytest.mark.parametrize("query", ["SELECT_WINDOW", "SELECT_OLDEST_AGE"])
async def test_polling_the_outbox_does_not_read_published_rows(toy_service: ToyService, query: str) -> None:
    """Check the plan of the query, because the relay polls twenty times per second."""
    conn = await postgres.connect_alone(settings(toy_service.dsn, Path("unused")), "test")
    await conn.execute(
        "insert into outbox (topic, key, event_id, value) select 't', gen_random_uuid(), gen_random_uuid(), 'x'"
        " from generate_series(1, 20000)"
    )
    cursor, rows = await outbox.read_pending(conn, await outbox.take_over(conn), 20000)
    cursor = replace(cursor, published_below=cursor.window_end, id=rows[-1]["id"])
    assert await outbox.advance_cursor(conn, cursor)
    await conn.execute("analyze outbox")
    await conn.execute("set plan_cache_mode = force_generic_plan")  # PostgreSQL uses it for a statement executed often
    types, values = ("(text)", f"('{cursor.published_below}')") if query == "SELECT_WINDOW" else ("", "")
    await conn.execute(f"prepare poll{types} as {getattr(outbox, query)}")
    plans = json.loads(await conn.fetchval(f"explain (analyze, format json) execute poll{values}"))
    assert sum(rows_read(plans[0]["Plan"])) < 10
    await conn.close()


def rows_read(plan: dict[str, Any]) -> Iterator[int]:
    """Yield the number of rows that each scan of a plan returned or removed by its filter."""
    yield plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    for part in plan.get("Plans", ()):
        yield from rows_read(part)


async def test_a_published_partition_is_truncated_and_one_with_unpublished_rows_is_not(toy_service: ToyService) -> None:
    from datetime import UTC, datetime, timedelta

    event_ = event(received())
    async with postgres.transaction(toy_service.pool) as conn:
        await outbox.append(conn, [outbox.OutboxRow(TRIAGE.topic, event_.subject, event_.id, write(event_))])
    conn = await postgres.connect_alone(settings(toy_service.dsn, Path("unused")), "test")
    cursor = await outbox.take_over(conn)
    next_slot = datetime.now(UTC) + timedelta(seconds=600)
    assert await outbox.truncate_published(conn, next_slot, cursor) == 0
    window, (row,) = await outbox.read_pending(conn, cursor, 10)
    assert await outbox.truncate_published(conn, next_slot, window) == 0
    done = replace(window, id=row["id"])
    assert await outbox.truncate_published(conn, next_slot, done) == 1
    assert not await toy_service.rows("select from outbox")
    await conn.close()


async def test_events_of_a_complaint_are_published_in_lock_order_not_in_transaction_id_order(
    toy_service: ToyService, topics: str, keys
) -> None:
    """Check a batch that gets its transaction id at its first write and then waits for a complaint that is locked."""
    chosen = settings(toy_service.dsn, keys[1], kafka=topics)
    subject = complaint_id()
    first, second = (event(received(), subject=subject, sequence=n) for n in (1, 2))
    early, late = [await postgres.connect_alone(chosen, name) for name in ("early", "late")]
    first_started, second_started = early.transaction(), late.transaction()
    await first_started.start()
    await early.execute("select pg_current_xact_id()")
    await second_started.start()
    await outbox.append(late, [outbox.OutboxRow(TRIAGE.topic, subject, first.id, write(first))])
    await second_started.commit()
    await outbox.append(early, [outbox.OutboxRow(TRIAGE.topic, subject, second.id, write(second))])
    await first_started.commit()
    async with run_jobs(Relay("triage", chosen.model_copy(update={"relay_batch": 1}), toy_service.metrics).run):
        records = await read_all(topics, TRIAGE.topic, 2)
    assert [read(record.value).sequence for record in records] == [1, 2]
    for conn in (early, late):
        await conn.close()


async def test_an_old_epoch_cannot_advance_the_cursor(toy_service: ToyService) -> None:
    conn = await postgres.connect_alone(settings(toy_service.dsn, Path("unused")), "test")
    old = await outbox.take_over(conn)
    new = await outbox.take_over(conn)
    assert not await outbox.advance_cursor(conn, old)
    assert await outbox.advance_cursor(conn, new)
    await conn.close()

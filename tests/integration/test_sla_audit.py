"""Audit of sla on real Kafka and PostgreSQL: stored states agree with the events, and differences are reported."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.local.kafka import EmbeddedKafka
from deploy.local.topics import create_topics, topic_settings
from services.sla.app import build
from services.sla.audit.run import AuditReport, audit
from services.sla.settings import Settings
from shared.contracts import write
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import Assigned, ProgressRecorded, Resolved
from shared.messaging.reader import open_reader
from shared.runtime import Runtime
from shared.storage.postgres import transaction
from tests.factories import complaint_id, event, owner_of
from tests.group_members import consume
from tests.integration.service_client import open_runtime
from tests.integration.sla_client import accepted, received, sla_settings, triaged

PARTITIONS = 3
COMPLAINTS = 12


async def wait_until(condition: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


@dataclass
class AuditedSla:
    """Sla with its topics, database and complaints."""

    settings: Settings
    runtime: Runtime
    complaints: list[ComplaintId]

    async def audit(self) -> AuditReport:
        async with open_reader(self.settings) as reader:
            return await audit(reader, self.runtime.pool)

    async def change(self, statement: str) -> None:
        async with transaction(self.runtime.pool) as conn:
            await conn.execute(statement, self.complaints[0])

    async def relay(self) -> None:
        """Publish the outbox and empty it, as the relay does."""
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka, acks="all")
        await producer.start()
        for topic, key, value in await self.runtime.pool.fetch("select topic, key, value from outbox o order by o.id"):
            await producer.send_and_wait(topic, value, key=str(key).encode())
        await producer.stop()
        async with transaction(self.runtime.pool) as conn:
            await conn.execute("delete from outbox")

    async def delete_records(self, topic: str) -> None:
        """Delete all records of a topic, as a broker with a short retention does."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka)
        await consumer.start()
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
        await consumer.stop()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        await admin.delete_records({partition: RecordsToDelete(before_offset=end) for partition, end in ends.items()})
        await admin.close()

    async def differences(self, path: str, value: str) -> list[tuple[str, str, str]]:
        """Return the differences of the first complaint with that value in its state, which is restored afterwards."""
        before = await self.runtime.pool.fetchval(
            "select state from complaint where complaint_id = $1", self.complaints[0]
        )
        await self.change(f"update complaint set state = jsonb_set(state, '{path}', {value}) where complaint_id = $1")  # noqa: S608 (constants)
        report = await self.audit()
        async with transaction(self.runtime.pool) as conn:
            await conn.execute("update complaint set state = $2 where complaint_id = $1", self.complaints[0], before)
        assert set(report.differing) == {self.complaints[0]}
        return [(item.what, str(item.stored), str(item.rebuilt)) for item in report.differing[self.complaints[0]]]


def facts_of(number: int) -> list[tuple[Any, datetime]]:
    """Return the facts of a complaint with their times."""
    at = datetime.now(UTC) - timedelta(days=number)
    later = at + timedelta(hours=2)
    return [
        (received(at), at),
        (triaged(category=("billing",)), at),
        (Assigned(team="billing", handler="ann"), at),
        (accepted(1, at), at),
        (ProgressRecorded(state="awaiting_customer"), at + timedelta(hours=1)),
        *([(Resolved(outcome="upheld", resolved_at=later), later)] if number % 2 else []),
    ]


async def publish(bootstrap: str, complaints: list[ComplaintId], *, answered: bool) -> None:
    """Publish all events before the resolutions, or the resolutions. The date must be told before the complaint ends."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for number, complaint in enumerate(complaints):
            sequences: dict[str, int] = {}
            for fact, at in facts_of(number):
                source = owner_of(event(fact)).name
                sequences[source] = sequences.get(source, 0) + 1
                numbered = event(fact, subject=complaint, time=at, sequence=sequences[source])
                if isinstance(fact, Resolved) is not answered:
                    continue
                await producer.send_and_wait(owner_of(numbered).topic, write(numbered), key=str(complaint).encode())
    finally:
        await producer.stop()


@pytest.fixture
async def sla(
    kafka: EmbeddedKafka, dsns: dict[str, str], keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AuditedSla]:
    monkeypatch.setenv("REDRESS_KAFKA", kafka.bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics(list(set(topic_settings()) & set(await admin.list_topics())))

    async def are_deleted() -> bool:
        return not set(topic_settings()) & set(await admin.list_topics())

    await wait_until(are_deleted)
    await create_topics(kafka.bootstrap, PARTITIONS)
    await admin.close()

    settings = sla_settings(dsns["sla"], keys, kafka=kafka.bootstrap, packs="eu-psd2")
    app = build(settings)
    async with open_runtime(app) as runtime:
        complaints = [complaint_id() for _ in range(COMPLAINTS)]
        stopping = asyncio.Event()
        consuming = asyncio.create_task(consume(runtime, app.broker, stopping))

        async def are_applied(answers: int) -> bool:
            count = sum(len(facts_of(n)) for n in range(COMPLAINTS)) - COMPLAINTS // 2 + answers
            return await runtime.pool.fetchval("select count(*) from inbox") == count

        for answered, answers in ((False, 0), (True, COMPLAINTS // 2)):
            await publish(kafka.bootstrap, complaints, answered=answered)
            await wait_until(partial(are_applied, answers))
        while await runtime.timers.run_once():
            pass
        stopping.set()
        await asyncio.wait_for(consuming, 60)
        yield AuditedSla(settings, runtime, complaints)


async def test_stored_states_agree_with_the_events_until_a_row_is_changed(sla: AuditedSla) -> None:
    report = await sla.audit()
    assert report.is_well, report.differing
    assert (report.complaints, report.events) == (COMPLAINTS, sum(len(facts_of(n)) for n in range(COMPLAINTS)))

    first = sla.complaints[0]
    await sla.change("update complaint set promised_at = now() where complaint_id = $1")
    report = await sla.audit()
    assert {complaint: [item.what for item in items] for complaint, items in report.differing.items()} == {
        first: ["column promised_at"]
    }

    await sla.change(
        "update complaint set promised_at = (state->>'promised_at')::timestamptz, "
        "state = jsonb_set(state, '{moments,0,0}', '\"2020-01-01T00:00:00Z\"') where complaint_id = $1"
    )
    report = await sla.audit()
    assert [item.what for item in report.differing[first]] == ["moments"]

    await sla.change("delete from complaint where complaint_id = $1")
    report = await sla.audit()
    assert [item.what for item in report.differing[first]] == ["complaint"]

    await sla.change(
        "insert into complaint (complaint_id, state, version) select gen_random_uuid(), '{}', 1 where $1::uuid is not null"
    )
    assert (await sla.audit()).unread == 1, "a row that is in no topic"


async def test_a_removed_pack_a_changed_promise_and_an_unpublished_step_are_found(sla: AuditedSla) -> None:
    assert (await sla.audit()).is_well
    for place in (0, 1):  # of the receipt, of triage
        [(what, stored, events)] = await sla.differences(f"{{terms,{place},2,2}}", "'[]'")
        assert what.startswith("terms of ")
        assert ("packs none" in stored, "packs eu-psd2 1" in events) == (True, True)
    [(what, _, events)] = await sla.differences("{terms}", "(state->'terms') - 1")
    assert (what.startswith("terms of "), "triage under" in events) == (True, True)

    [(what, stored, events)] = await sla.differences("{promises,0,due_at}", "'\"2030-01-01T09:00:00Z\"'")
    assert (what, "2030-01-01T09:00:00+00:00" in stored, "2030" in events) == ("promise 1", True, False)
    [(what, stored, events)] = await sla.differences("{promises}", "'[]'")
    assert (what, stored, events.startswith("outcome by ")) == ("promise 1", "missing", True)
    [(what, stored, _)] = await sla.differences("{promises}", "'7'")
    assert (what, stored) == ("state", "unreadable")
    [(what, stored, _)] = await sla.differences("{fired}", """'["eu-psd2/regulatory_final:1:75%"]'""")
    assert (what, stored) == ("step eu-psd2/regulatory_final:1:75%", "fired")


async def test_deleted_first_events_are_reported_and_are_no_difference(sla: AuditedSla) -> None:
    await sla.relay()
    assert (await sla.audit()).is_well, "events on the topic count as those in the outbox"
    await sla.delete_records("complaints.sla.v1")
    report = await sla.audit()
    assert (report.is_well, report.cut, report.short) == (True, {"complaints.sla.v1"}, set(sla.complaints))
    await sla.delete_records("complaints.triage.v1")
    report = await sla.audit()
    assert report.is_well, report.differing
    assert report.cut == {"complaints.sla.v1", "complaints.triage.v1"}

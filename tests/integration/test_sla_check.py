"""`redress sla check` on real Kafka and PostgreSQL: what is stored is what the events say, and what is not is found."""

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
from services.sla.audit.run import AuditReport, check
from services.sla.settings import Settings
from shared.contracts import write
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import Assigned, ComplaintReceived, MessageAccepted, ProgressRecorded, Resolved, Triaged
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate, transaction
from tests.factories import complaint_id, event, owner_of
from tests.members import consume

PARTITIONS = 3
COMPLAINTS = 12


async def until(condition: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


@dataclass
class Scene:
    """Sla with its consumer, on topics and a database of this test's own."""

    bootstrap: str
    dsn: str
    runtime: Runtime
    complaints: list[ComplaintId]

    async def checked(self) -> AuditReport:
        return await check(self.bootstrap, self.dsn)

    async def tampers(self, statement: str) -> None:
        async with transaction(self.runtime.pool) as conn:
            await conn.execute(statement, self.complaints[0])

    async def relays(self) -> None:
        """All that was said goes to the topic, and the outbox is emptied as it will be."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        for topic, key, value in await self.runtime.pool.fetch("select topic, key, value from outbox o order by o.id"):
            await producer.send_and_wait(topic, value, key=str(key).encode())
        await producer.stop()
        async with transaction(self.runtime.pool) as conn:
            await conn.execute("delete from outbox")

    async def forgets(self, topic: str) -> None:
        """As a broker with a short retention would."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
        await consumer.stop()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.delete_records({one: RecordsToDelete(before_offset=end) for one, end in ends.items()})
        await admin.close()

    async def found(self, path: str, value: str) -> list[tuple[str, str, str]]:
        """What is said of the first complaint with that value in its state, which is put back afterwards."""
        before = await self.runtime.pool.fetchval(
            "select state from complaint where complaint_id = $1", self.complaints[0]
        )
        await self.tampers(f"update complaint set state = jsonb_set(state, '{path}', {value}) where complaint_id = $1")  # noqa: S608 (our own words)
        report = await self.checked()
        async with transaction(self.runtime.pool) as conn:
            await conn.execute("update complaint set state = $2 where complaint_id = $1", self.complaints[0], before)
        assert set(report.differing) == {self.complaints[0]}
        return [(one.what, str(one.stored), str(one.refolded)) for one in report.differing[self.complaints[0]]]


def life(number: int) -> list[tuple[Any, datetime]]:
    """What happened to one complaint, with whoever says it."""
    at = datetime.now(UTC) - timedelta(days=number)
    accepted = MessageAccepted(
        message=f"m{number}",
        message_kind="acknowledgement",
        channel="email",
        cause="c",
        accepted_at=at,
        locale="en",
        template="t",
        states_promise=1,
    )
    triaged = Triaged(
        category=("billing",), severity="normal", language="en", confidence=1, decided_by="r", decider_version="1"
    )
    later = at + timedelta(hours=2)
    return [
        (ComplaintReceived(reference="R", client="shop", channel="web", received_at=at), at),
        (triaged, at),
        (Assigned(team="billing", handler="ann"), at),
        (accepted, at),
        (ProgressRecorded(state="awaiting_customer"), at + timedelta(hours=1)),
        *([(Resolved(outcome="upheld", resolved_at=later), later)] if number % 2 else []),
    ]


async def publish(bootstrap: str, complaints: list[ComplaintId], *, answered: bool) -> None:
    """All up to the answer, or the answers: nobody tells a date that was over before sla could make it."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for number, one in enumerate(complaints):
            said: dict[str, int] = {}
            for fact, at in life(number):
                source = owner_of(event(fact)).name
                said[source] = said.get(source, 0) + 1
                made = event(fact, subject=one, time=at, sequence=said[source])
                if isinstance(fact, Resolved) is not answered:
                    continue
                await producer.send_and_wait(owner_of(made).topic, write(made), key=str(one).encode())
    finally:
        await producer.stop()


@pytest.fixture
async def scene(
    kafka: EmbeddedKafka, dsns: dict[str, str], keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("REDRESS_KAFKA", kafka.bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics(list(set(topic_settings()) & set(await admin.list_topics())))

    async def gone() -> bool:
        return not set(topic_settings()) & set(await admin.list_topics())

    await until(gone)
    await create_topics(kafka.bootstrap, PARTITIONS)
    await admin.close()

    given: dict[str, Any] = {"postgres": dsns["sla"], "auth_public_key_file": keys[1], "kafka": kafka.bootstrap}
    chosen = Settings(packs="eu-psd2", **given)
    app = build(chosen)
    runtime = app.runtime
    await migrate(dsns["sla"], app.schema)
    runtime.set_pool(await connect(chosen, "sla"))
    assert app.on_open
    await app.on_open()

    complaints = [complaint_id() for _ in range(COMPLAINTS)]
    stopping = asyncio.Event()
    consuming = asyncio.create_task(consume(runtime, app.broker, stopping))

    async def heard(answers: int) -> bool:
        count = sum(len(life(n)) for n in range(COMPLAINTS)) - COMPLAINTS // 2 + answers
        return await runtime.pool.fetchval("select count(*) from inbox") == count

    for answered, answers in ((False, 0), (True, COMPLAINTS // 2)):
        await publish(kafka.bootstrap, complaints, answered=answered)
        await until(partial(heard, answers))
    while await runtime.timers.run_once():
        pass
    stopping.set()
    await asyncio.wait_for(consuming, 60)
    yield Scene(kafka.bootstrap, dsns["sla"], runtime, complaints)
    await runtime.close()


async def test_what_is_stored_is_what_the_events_say_until_somebody_tampers_with_it(scene: Scene) -> None:
    report = await scene.checked()
    assert report.is_well, report.differing
    assert (report.complaints, report.events) == (COMPLAINTS, sum(len(life(n)) for n in range(COMPLAINTS)))

    first = scene.complaints[0]
    await scene.tampers("update complaint set promised_at = now() where complaint_id = $1")
    report = await scene.checked()
    assert {one: [d.what for d in found] for one, found in report.differing.items()} == {first: ["column promised_at"]}

    await scene.tampers(
        "update complaint set promised_at = (state->>'promised_at')::timestamptz, "
        "state = jsonb_set(state, '{moments,0,0}', '\"2020-01-01T00:00:00Z\"') where complaint_id = $1"
    )
    report = await scene.checked()
    assert [d.what for d in report.differing[first]] == ["moments"]

    await scene.tampers("delete from complaint where complaint_id = $1")
    report = await scene.checked()
    assert [d.what for d in report.differing[first]] == ["complaint"]

    await scene.tampers(
        "insert into complaint (complaint_id, state, version) select gen_random_uuid(), '{}', 1 where $1::uuid is not null"
    )
    assert (await scene.checked()).unread == 1, "a row of which no topic speaks"


async def test_a_lost_legal_clock_an_altered_promise_and_a_rung_that_nobody_said_are_found(scene: Scene) -> None:
    assert (await scene.checked()).is_well
    for place in (0, 1):  # of the receipt, of triage
        [(what, stored, events)] = await scene.found(f"{{terms,{place},2,2}}", "'[]'")
        assert what.startswith("terms of ")
        assert ("packs none" in stored, "packs eu-psd2 1" in events) == (True, True)
    [(what, _, events)] = await scene.found("{terms}", "(state->'terms') - 1")
    assert (what.startswith("terms of "), "triage under" in events) == (True, True)

    [(what, stored, events)] = await scene.found("{promises,0,due_at}", "'\"2030-01-01T09:00:00Z\"'")
    assert (what, "2030-01-01T09:00:00+00:00" in stored, "2030" in events) == ("promise 1", True, False)
    [(what, stored, events)] = await scene.found("{promises}", "'[]'")
    assert (what, stored, events.startswith("outcome by ")) == ("promise 1", "not there", True)
    [(what, stored, _)] = await scene.found("{promises}", "'7'")
    assert (what, stored) == ("state", "what cannot be read")
    [(what, stored, _)] = await scene.found("{fired}", """'["eu-psd2/regulatory_final:1:75%"]'""")
    assert (what, stored) == ("rung eu-psd2/regulatory_final:1:75%", "fired")


async def test_where_the_first_events_are_gone_that_is_said_and_is_no_difference(scene: Scene) -> None:
    await scene.relays()
    assert (await scene.checked()).is_well, "what the relay has published was said as well"
    await scene.forgets("complaints.sla.v1")
    report = await scene.checked()
    assert (report.is_well, report.cut, report.short) == (True, {"complaints.sla.v1"}, set(scene.complaints))
    await scene.forgets("complaints.triage.v1")
    report = await scene.checked()
    assert report.is_well, report.differing
    assert report.cut == {"complaints.sla.v1", "complaints.triage.v1"}

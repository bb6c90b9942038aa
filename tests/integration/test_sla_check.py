"""`redress sla check` on real Kafka and PostgreSQL: what is stored is what the events say, and what is not is found."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.cli.sla.check import Report, check
from deploy.local.kafka import EmbeddedKafka
from deploy.local.topics import create_topics, topic_settings
from services.sla.app import build
from services.sla.settings import Settings
from shared.contracts import write
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import Assigned, ComplaintReceived, MessageAccepted, ProgressRecorded, Resolved, Triaged
from shared.health import Health
from shared.kernel import Kernel
from shared.postgres import connect, migrate, transaction
from shared.runner.decision import Fold
from tests.factories import complaint_id, event, owner_of

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
    kernel: Kernel[Any, Any]
    complaints: list[ComplaintId]

    async def checked(self) -> Report:
        return await check(self.bootstrap, self.dsn)

    async def tampers(self, statement: str) -> None:
        async with transaction(self.kernel.pool) as conn:
            await conn.execute(statement, self.complaints[0])


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


async def publish(bootstrap: str, complaints: list[ComplaintId]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for number, one in enumerate(complaints):
            said: dict[str, int] = {}
            for fact, at in life(number):
                source = owner_of(event(fact)).name
                said[source] = said.get(source, 0) + 1
                made = event(fact, subject=one, time=at, sequence=said[source])
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

    chosen = Settings(postgres=dsns["sla"], auth_public_key_file=keys[1], kafka=kafka.bootstrap)  # type: ignore[arg-type]
    app = build(chosen)
    kernel: Kernel[Any, Any] = Kernel(Fold(app.service, app.decide, app.store), chosen, Health(needed=app.needed))
    await migrate(dsns["sla"], app.schema)
    kernel.opened(await connect(chosen, "sla"))
    assert app.opened
    await app.opened(kernel)

    complaints = [complaint_id() for _ in range(COMPLAINTS)]
    await publish(kafka.bootstrap, complaints)
    stopping = asyncio.Event()
    consuming = asyncio.create_task(kernel.consumer.run(stopping))

    async def heard() -> bool:
        return await kernel.pool.fetchval("select count(*) from inbox") == sum(len(life(n)) for n in range(COMPLAINTS))

    await until(heard)
    while await kernel.timers.run_once():
        pass
    stopping.set()
    await asyncio.wait_for(consuming, 60)
    yield Scene(kafka.bootstrap, dsns["sla"], kernel, complaints)
    await kernel.close()


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

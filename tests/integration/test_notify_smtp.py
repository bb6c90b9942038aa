"""Notify on real PostgreSQL and a real mail server: told once, in order, and honest about what it does not know."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import httpx
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.notify.app import build, notify_store
from services.notify.channels.interface import Channel, DeliveryReport, OutgoingMessage
from services.notify.channels.memory import MemoryChannel
from services.notify.channels.smtp import SmtpChannel
from services.notify.domain import decide
from services.notify.routes.messages import routes
from services.notify.sender import SendLoop
from services.notify.settings import Settings
from services.notify.store import states
from services.notify.templates import Renderer
from shared import auth
from shared.contracts import Event, read
from shared.contracts.topics import NOTIFY
from shared.http import problems
from shared.runner.runner import BatchResult
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.storage import postgres
from tests.factories import record
from tests.unit.notify import stories as s
from tests.unit.notify.postoffice import Office, line, post_office


@dataclass
class Desk:
    """Notify around a runtime, on a database of the test's own."""

    runtime: Runtime
    settings: Settings
    printer: Renderer = field(default_factory=lambda: Renderer("Example Shop"))

    async def hear(self, *events: Event[Any]) -> BatchResult:
        return await self.runtime.runner.apply_records([record(one, offset=n) for n, one in enumerate(events)])

    def sender(self, channel: Channel) -> SendLoop:
        return SendLoop(self.runtime, self.settings, channel, self.printer)

    def smtp(self, office: Any) -> SendLoop:
        return self.sender(SmtpChannel(office.server(), self.settings.sender()))

    async def said(self) -> list[Any]:
        rows = await self.runtime.pool.fetch("select value from outbox order by xid, id")
        return [read(row["value"]).facts for row in rows]

    async def messages(self) -> list[asyncpg.Record]:
        return list(await self.runtime.pool.fetch("select * from message order by position"))

    async def attempts(self) -> list[tuple[int, str | None, str | None, bool]]:
        rows = await self.runtime.pool.fetch("select * from attempt order by started_at, number")
        return [(row["number"], row["outcome"], row["code"], row["after_uncertain"]) for row in rows]

    async def pass_time(self) -> None:
        """All waits and claims are over."""
        await self.runtime.pool.execute(
            "update message set next_attempt_at = now() - interval '1 s' where next_attempt_at is not null"
        )
        await self.runtime.pool.execute(
            "update message set lease_until = now() - interval '1 s' where lease_until is not null"
        )


async def opened(dsn: str, key: Path, **given: Any) -> Desk:
    settings = Settings(postgres=dsn, auth_public_key_file=key, port=0, **given)
    await postgres.migrate(dsn, build(settings).schema)
    runtime = Runtime(ServiceSpec(NOTIFY, decide, notify_store(settings)), settings, needed=())
    runtime.set_pool(await postgres.connect(settings, "notify"))
    return Desk(runtime, settings)


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file; every test empties it."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
    yield provision(postgres.dsn.rsplit("/", 1)[0] + f"/{name}", postgres.home / "secrets" / "postgres.json")["notify"]
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
async def desk(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Desk]:
    made = await opened(dsn, keys[1])
    await made.runtime.pool.execute("truncate message, attempt, complaint, inbox, outbox, dead_letter")
    yield made
    await made.runtime.close()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with post_office() as open_office:
        yield open_office


def about(number: int, events: Sequence[Event[Any]] = s.FIRST) -> list[Event[Any]]:
    """The same story of another complaint."""
    subject = UUID(int=s.SUBJECT.int + number)
    return [one.model_copy(update={"subject": subject, "id": uuid5(subject, str(one.id))}) for one in events]


# ── told ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaint_is_acknowledged_by_mail_and_the_promise_counts_as_told(desk: Desk, office: Office) -> None:
    assert await desk.hear(*s.FIRST) == BatchResult(done=4)
    assert await desk.smtp(office).run_once() == 1
    (mail,) = office.to("customer-12@example.com")
    (row,) = await desk.messages()
    assert mail["Message-ID"] == f"<{row['message_id']}@example.com>"
    assert mail["Subject"] == "[RD-1] We have received your complaint"
    assert "Thursday, March 5, 2026" in mail.get_body(("plain",)).get_content()
    assert (row["status"], row["written_in"], row["attempts"]) == ("accepted", "en", 1)
    assert await desk.attempts() == [(1, "sent", "250", False)]
    (fact,) = await desk.said()
    assert (fact.kind, fact.message_kind, fact.states_promise) == ("message.accepted", "acknowledgement", 1)
    assert fact.template == row["template"]


async def test_one_complaints_messages_leave_in_their_order(desk: Desk, office: Office) -> None:
    await desk.hear(s.received(), s.resolved(sequence=2))
    sender = desk.smtp(office)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [mail["Subject"] for mail in office.mails] == [
        "[RD-1] We have received your complaint",
        "[RD-1] Our answer to your complaint",
    ]


async def test_events_heard_again_tell_nobody_twice(desk: Desk, office: Office) -> None:
    await desk.hear(*s.FIRST)
    sender = desk.smtp(office)
    await sender.run_once()
    assert await desk.hear(*s.FIRST) == BatchResult(duplicate=4)
    assert await sender.run_once() == 0
    assert len(office.mails) == 1


async def test_an_unreachable_customer_gets_a_row_with_the_reason_and_no_attempt(desk: Desk, office: Office) -> None:
    await desk.hear(s.received(email=None), *s.FIRST[1:])
    assert await desk.smtp(office).run_once() == 0
    (row,) = await desk.messages()
    assert (row["status"], row["reason"]) == ("suppressed", "no_address")
    assert [fact.kind for fact in await desk.said()] == ["message.suppressed"]


async def test_time_alone_sends_an_incomplete_acknowledgement(
    desk: Desk, dsn: str, keys: tuple[Path, Path], office: Office
) -> None:
    hasty = await opened(dsn, keys[1], acknowledge_within_seconds=0.001)
    await hasty.hear(s.received())
    assert await hasty.smtp(office).run_once() == 0
    assert await hasty.runtime.runner.fire_timers(10) == 1
    assert await hasty.runtime.runner.fire_timers(10) == 0
    assert await hasty.smtp(office).run_once() == 1
    await hasty.runtime.close()


# ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_passing_failure_is_tried_again_with_the_same_message_id(desk: Desk, office: Office) -> None:
    await desk.hear(s.received(email="greylist@example.com"), *s.FIRST[1:])
    await desk.smtp(office).run_once()
    (row,) = await desk.messages()
    assert (row["status"], row["reason"]) == ("retry_wait", "451 4.7.1")
    assert 24 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 36
    taken = MemoryChannel(desk.settings.sender())
    await desk.pass_time()
    await desk.sender(taken).run_once()
    assert [letter.message_id for letter in taken.taken] == [f"{row['message_id']}@example.com"]
    assert [one[:2] for one in await desk.attempts()] == [(1, "failed_transient"), (2, "sent")]
    assert [(fact.kind, fact.attempts) for fact in await desk.said()] == [("message.accepted", 2)]


async def test_a_waiting_retry_does_not_hold_back_the_answer(desk: Desk, office: Office) -> None:
    await desk.hear(s.received(email="greylist@example.com"), s.resolved(sequence=2))
    sender = desk.smtp(office)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [row["status"] for row in await desk.messages()] == ["retry_wait", "retry_wait"]


async def test_a_permanent_failure_ends_it_and_is_said(desk: Desk, office: Office) -> None:
    await desk.hear(s.received(email="never@example.com"), *s.FIRST[1:])
    sender = desk.smtp(office)
    await sender.run_once()
    await desk.pass_time()
    assert await sender.run_once() == 0
    assert [(fact.kind, fact.reason) for fact in await desk.said()] == [("message.failed", "550 5.1.1")]
    assert [row["status"] for row in await desk.messages()] == ["dead"]


async def test_the_attempt_is_committed_before_the_provider_is_called(desk: Desk) -> None:
    seen: list[Any] = []

    class Watching(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            seen.extend(await desk.attempts())
            return await super().send(letter)

    await desk.hear(*s.FIRST)
    await desk.sender(Watching(desk.settings.sender())).run_once()
    assert seen == [(1, None, None, False)]


async def test_a_crash_between_claim_and_record_is_uncertain_and_sent_again_as_the_same_mail(desk: Desk) -> None:
    await desk.hear(*s.FIRST)
    (claimed,) = await states.claim(desk.runtime.pool, 10, desk.settings.lease)
    taken = MemoryChannel(desk.settings.sender())
    sender = desk.sender(taken)
    assert await sender.sweep() == 0, "the claim still holds"
    await desk.pass_time()
    assert await sender.sweep() == 1
    (row,) = await desk.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "lease_expired")
    assert await sender.run_once() == 0, "the receipt window is still open"
    await desk.pass_time()
    assert await sender.run_once() == 1
    assert taken.taken[0].message_id.startswith(str(claimed.message_id))
    assert await desk.attempts() == [(1, "uncertain", "lease_expired", False), (2, "sent", "250", True)]


async def test_silence_after_the_message_left_is_uncertain_and_sent_again_after_the_window(desk: Desk) -> None:
    await desk.hear(*s.FIRST)
    async with line("body", "hang") as script:
        sender = desk.smtp(script)
        await sender.run_once()
        assert await sender.run_once() == 0
    (row,) = await desk.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "timeout body")
    assert 700 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 1100
    assert not await desk.said()


async def test_a_late_success_of_a_worker_thought_dead_is_believed(desk: Desk) -> None:
    await desk.hear(*s.FIRST)
    letting_go, going_on = asyncio.Event(), asyncio.Event()

    class Zombie(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            letting_go.set()
            await going_on.wait()
            return await super().send(letter)

    slow = asyncio.create_task(desk.sender(Zombie(desk.settings.sender())).run_once())
    await letting_go.wait()
    await desk.pass_time()
    assert await desk.sender(MemoryChannel(desk.settings.sender())).sweep() == 1
    going_on.set()
    await slow
    assert [row["status"] for row in await desk.messages()] == ["accepted"]
    assert await desk.attempts() == [(1, "sent", "250", False)]
    assert [fact.kind for fact in await desk.said()] == ["message.accepted"]


async def test_two_senders_never_take_the_same_message(desk: Desk, office: Office) -> None:
    await desk.hear(*(one for n in range(100) for one in about(n)))
    one, two = desk.smtp(office), desk.smtp(office)
    rounds = await asyncio.gather(one.run_once(), two.run_once(), one.run_once(), two.run_once())
    while await one.run_once():
        pass
    assert sum(rounds) <= 100
    assert len(office.mails) == len({mail["Message-ID"] for mail in office.mails}) == 100
    assert len(await desk.attempts()) == 100


# ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_commit_wakes_the_sender(desk: Desk, dsn: str, keys: tuple[Path, Path], office: Office) -> None:
    sleepy = await opened(dsn, keys[1], send_poll_ms=60_000)
    stopping = asyncio.Event()
    running = asyncio.create_task(sleepy.smtp(office).run(stopping))
    await sleepy.hear(*s.FIRST, s.progressed(), s.resolved())
    async with asyncio.timeout(10):
        while len(await sleepy.said()) < 3:
            await asyncio.sleep(0.02)
        stopping.set()
        await running
    assert len(office.mails) == 3
    await sleepy.runtime.close()


async def test_an_absent_mail_server_is_named_sick_and_loses_nothing(desk: Desk, office: Office) -> None:
    async with line("connect", "close") as script:
        gone = script
    await desk.hear(*s.FIRST)
    await desk.smtp(gone).run_once()
    assert "smtp" in str(desk.runtime.health.report())
    await desk.pass_time()
    await desk.smtp(office).run_once()
    assert "smtp" not in str(desk.runtime.health.report())
    assert len(office.mails) == 1


async def test_an_incomplete_message_is_never_sent(desk: Desk, office: Office) -> None:
    await desk.hear(*s.FIRST)
    await desk.runtime.pool.execute('update message set content = content || \'{"reference": " "}\'')
    await desk.smtp(office).run_once()
    assert not office.mails
    assert [(fact.kind, fact.reason) for fact in await desk.said()] == [("message.failed", "incomplete")]


# ── doors ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def http(desk: Desk, keys: tuple[Path, Path]) -> AsyncIterator[Any]:
    from fastapi import FastAPI

    app = FastAPI()
    app.state.authenticator = desk.runtime.authenticator
    problems.install(app)
    app.include_router(routes(desk.runtime, desk.printer))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://notify.example") as client:

        def bearer(*scopes: str) -> dict[str, str]:
            token = auth.create_token(
                keys[0], client="desk", scopes=frozenset(scopes), lasts=timedelta(hours=1), audience="redress"
            )
            return {"authorization": f"Bearer {token}"}

        yield client, bearer


async def test_the_timeline_shows_messages_with_their_attempts_and_no_address(
    desk: Desk, office: Office, http: Any
) -> None:
    client, bearer = http
    await desk.hear(*s.FIRST, s.resolved())
    await desk.smtp(office).run_once()
    answer = await client.get(f"/v1/complaints/{s.SUBJECT}/messages", headers=bearer("complaints:read"))
    assert answer.status_code == 200
    first, second = answer.json()
    assert (first["kind"], first["status"], first["states_promise"]) == ("acknowledgement", "accepted", 1)
    assert [(one["number"], one["outcome"]) for one in first["attempts"]] == [(1, "sent")]
    assert (second["kind"], second["status"], second["attempts"]) == ("resolution", "queued", [])
    assert "customer-12" not in answer.text
    assert "Kettle" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "scope", "body", "status"),
    [
        ("GET", f"/v1/complaints/{UUID(int=7)}/messages", "complaints:read", None, 404),
        ("GET", "/v1/complaints/nonsense/messages", "complaints:read", None, 422),
        ("GET", f"/v1/complaints/{s.SUBJECT}/messages", "operate", None, 403),
        ("POST", "/v1/preview", "complaints:read", {"kind": "delay"}, 403),
        ("POST", "/v1/preview", "operate", {"kind": "poem"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "colour": "red"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "locale": "x" * 99}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "locale": "en\x00"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "timezone": "UTC\r\n"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "timezone": "../../etc/passwd"}, 200),
    ],
)
async def test_doors_answer_plainly(http: Any, method: str, path: str, scope: str, body: Any, status: int) -> None:
    client, bearer = http
    answer = await client.request(method, path, json=body, headers=bearer(scope))
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_preview_is_the_letter_in_the_language_asked_for(http: Any) -> None:
    client, bearer = http
    answer = await client.post(
        "/v1/preview",
        json={"kind": "resolution", "locale": "id", "timezone": "Asia/Jakarta"},
        headers=bearer("operate"),
    )
    assert answer.headers["content-language"] == "id"
    assert "Pengaduan Anda benar" in answer.text

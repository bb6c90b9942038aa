"""Notify on real PostgreSQL and a real mail server: each message once, in order, with uncertain attempts recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from deploy.local.postgres import EmbeddedPostgres
from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.memory import MemoryChannel
from services.notify.store.messages import claim_messages
from shared.contracts import Event
from shared.runner.runner import BatchResult
from tests.integration.notify_service import NotifyService, empty_service, notify_database, open_service
from tests.unit.notify import builders as b
from tests.unit.notify.smtp_servers import MailServer, run_mail_server, run_scripted_server


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file; every test empties it."""
    with notify_database(postgres) as created:
        yield created


@pytest.fixture
async def service(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[NotifyService]:
    async with empty_service(dsn, keys[1]) as opened:
        yield opened


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running_server:
        yield running_server


def about(number: int, events: Sequence[Event[Any]] = b.OPENING_EVENTS) -> list[Event[Any]]:
    """Return the same events about another complaint."""
    subject = UUID(int=b.SUBJECT.int + number)
    return [event.model_copy(update={"subject": subject, "id": uuid5(subject, str(event.id))}) for event in events]


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaint_is_acknowledged_by_mail_with_its_promise(
    service: NotifyService, mail_server: MailServer
) -> None:
    assert await service.receive(*b.OPENING_EVENTS) == BatchResult(done=4)
    assert await service.smtp(mail_server).run_once() == 1
    (mail,) = mail_server.mails_to("customer-12@example.com")
    (row,) = await service.messages()
    assert mail["Message-ID"] == f"<{row['message_id']}@example.com>"
    assert mail["Subject"] == "[RD-1] We have received your complaint"
    assert "Thursday, March 5, 2026" in mail.get_body(("plain",)).get_content()
    assert (row["status"], row["written_in"], row["attempts"]) == ("accepted", "en", 1)
    assert await service.attempts() == [(1, "sent", "250", False)]
    (fact,) = await service.published()
    assert (fact.kind, fact.message_kind, fact.states_promise) == ("message.accepted", "acknowledgement", 1)
    assert fact.template == row["template"]


async def test_one_complaints_messages_leave_in_their_order(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(b.complaint_received(), b.resolved(sequence=2))
    sender = service.smtp(mail_server)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "[RD-1] We have received your complaint",
        "[RD-1] Our answer to your complaint",
    ]


async def test_a_repeated_event_sends_no_second_message(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(*b.OPENING_EVENTS)
    sender = service.smtp(mail_server)
    await sender.run_once()
    assert await service.receive(*b.OPENING_EVENTS) == BatchResult(duplicate=4)
    assert await sender.run_once() == 0
    assert len(mail_server.mails) == 1


async def test_an_unreachable_customer_gets_a_row_with_the_reason_and_no_attempt(
    service: NotifyService, mail_server: MailServer
) -> None:
    await service.receive(b.complaint_received(email=None), *b.OPENING_EVENTS[1:])
    assert await service.smtp(mail_server).run_once() == 0
    (row,) = await service.messages()
    assert (row["status"], row["reason"]) == ("suppressed", "no_address")
    assert [fact.kind for fact in await service.published()] == ["message.suppressed"]


async def test_time_alone_sends_an_incomplete_acknowledgement(
    service: NotifyService, dsn: str, keys: tuple[Path, Path], mail_server: MailServer
) -> None:
    hasty = await open_service(dsn, keys[1], acknowledge_within_seconds=0.001)
    await hasty.receive(b.complaint_received())
    assert await hasty.smtp(mail_server).run_once() == 0
    assert await hasty.runtime.runner.fire_timers(10) == 1
    assert await hasty.runtime.runner.fire_timers(10) == 0
    assert await hasty.smtp(mail_server).run_once() == 1
    await hasty.runtime.close()


# ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_passing_failure_is_tried_again_with_the_same_message_id(
    service: NotifyService, mail_server: MailServer
) -> None:
    await service.receive(b.complaint_received(email="greylist@example.com"), *b.OPENING_EVENTS[1:])
    await service.smtp(mail_server).run_once()
    (row,) = await service.messages()
    assert (row["status"], row["reason"]) == ("retry_wait", "451 4.7.1")
    assert 24 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 36
    taken = MemoryChannel(service.settings.sender())
    await service.pass_time()
    await service.sender(taken).run_once()
    assert [letter.message_id for letter in taken.sent] == [f"{row['message_id']}@example.com"]
    assert [attempt[:2] for attempt in await service.attempts()] == [(1, "failed_transient"), (2, "sent")]
    assert [(fact.kind, fact.attempts) for fact in await service.published()] == [("message.accepted", 2)]


async def test_a_waiting_retry_does_not_hold_back_the_answer(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(b.complaint_received(email="greylist@example.com"), b.resolved(sequence=2))
    sender = service.smtp(mail_server)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [row["status"] for row in await service.messages()] == ["retry_wait", "retry_wait"]


async def test_a_permanent_failure_is_final_and_published(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(b.complaint_received(email="never@example.com"), *b.OPENING_EVENTS[1:])
    sender = service.smtp(mail_server)
    await sender.run_once()
    await service.pass_time()
    assert await sender.run_once() == 0
    assert [(fact.kind, fact.reason) for fact in await service.published()] == [("message.failed", "550 5.1.1")]
    assert [row["status"] for row in await service.messages()] == ["dead"]


async def test_the_attempt_is_committed_before_the_provider_is_called(service: NotifyService) -> None:
    seen: list[Any] = []

    class Watching(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            seen.extend(await service.attempts())
            return await super().send(letter)

    await service.receive(*b.OPENING_EVENTS)
    await service.sender(Watching(service.settings.sender())).run_once()
    assert seen == [(1, None, None, False)]


async def test_a_crash_between_claim_and_record_is_uncertain_and_sent_again_as_the_same_mail(
    service: NotifyService,
) -> None:
    await service.receive(*b.OPENING_EVENTS)
    (claimed,) = await claim_messages(service.runtime.pool, 10, service.settings.lease)
    taken = MemoryChannel(service.settings.sender())
    sender = service.sender(taken)
    assert await sender.sweep() == 0, "the claim still holds"
    await service.pass_time()
    assert await sender.sweep() == 1
    (row,) = await service.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "lease_expired")
    assert await sender.run_once() == 0, "the receipt window is still open"
    await service.pass_time()
    assert await sender.run_once() == 1
    assert taken.sent[0].message_id.startswith(str(claimed.message_id))
    assert await service.attempts() == [(1, "uncertain", "lease_expired", False), (2, "sent", "250", True)]


async def test_a_timeout_after_the_message_was_sent_is_uncertain_and_sent_again_after_the_window(
    service: NotifyService,
) -> None:
    await service.receive(*b.OPENING_EVENTS)
    async with run_scripted_server("body", "hang") as server:
        sender = service.smtp(server)
        await sender.run_once()
        assert await sender.run_once() == 0
    (row,) = await service.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "timeout body")
    assert 700 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 1100
    assert not await service.published()


async def test_a_late_success_after_an_expired_lease_is_accepted(service: NotifyService) -> None:
    await service.receive(*b.OPENING_EVENTS)
    letting_go, going_on = asyncio.Event(), asyncio.Event()

    class Zombie(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            letting_go.set()
            await going_on.wait()
            return await super().send(letter)

    slow = asyncio.create_task(service.sender(Zombie(service.settings.sender())).run_once())
    await letting_go.wait()
    await service.pass_time()
    assert await service.sender(MemoryChannel(service.settings.sender())).sweep() == 1
    going_on.set()
    await slow
    assert [row["status"] for row in await service.messages()] == ["accepted"]
    assert await service.attempts() == [(1, "sent", "250", False)]
    assert [fact.kind for fact in await service.published()] == ["message.accepted"]


async def test_two_senders_never_take_the_same_message(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(*(event for n in range(100) for event in about(n)))
    first, second = service.smtp(mail_server), service.smtp(mail_server)
    rounds = await asyncio.gather(first.run_once(), second.run_once(), first.run_once(), second.run_once())
    while await first.run_once():
        pass
    assert sum(rounds) <= 100
    assert len(mail_server.mails) == len({mail["Message-ID"] for mail in mail_server.mails}) == 100
    assert len(await service.attempts()) == 100


# ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_commit_wakes_the_sender(
    service: NotifyService, dsn: str, keys: tuple[Path, Path], mail_server: MailServer
) -> None:
    sleepy = await open_service(dsn, keys[1], send_poll_ms=60_000)
    stopping = asyncio.Event()
    running = asyncio.create_task(sleepy.smtp(mail_server).run(stopping))
    await sleepy.receive(*b.OPENING_EVENTS, b.progress_recorded(), b.resolved())
    async with asyncio.timeout(10):
        while len(await sleepy.published()) < 3:
            await asyncio.sleep(0.02)
        stopping.set()
        await running
    assert len(mail_server.mails) == 3
    await sleepy.runtime.close()


async def test_an_absent_mail_server_is_named_sick_and_loses_nothing(
    service: NotifyService, mail_server: MailServer
) -> None:
    async with run_scripted_server("connect", "close") as server:
        absent = server
    await service.receive(*b.OPENING_EVENTS)
    await service.smtp(absent).run_once()
    assert "smtp" in str(service.runtime.health.report())
    await service.pass_time()
    await service.smtp(mail_server).run_once()
    assert "smtp" not in str(service.runtime.health.report())
    assert len(mail_server.mails) == 1


async def test_an_incomplete_message_is_never_sent(service: NotifyService, mail_server: MailServer) -> None:
    await service.receive(*b.OPENING_EVENTS)
    await service.runtime.pool.execute('update message set content = content || \'{"reference": " "}\'')
    await service.smtp(mail_server).run_once()
    assert not mail_server.mails
    assert [(fact.kind, fact.reason) for fact in await service.published()] == [("message.failed", "incomplete")]

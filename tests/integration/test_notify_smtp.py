"""Notify on real PostgreSQL and a real mail server: each message once, in order, with uncertain attempts recorded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.notify.channels.interface import DeliveryReport, OutgoingMessage
from services.notify.channels.memory import MemoryChannel
from services.notify.store.messages import claim_messages
from shared.contracts import Event
from shared.runner.runner import BatchResult
from tests.integration.notify_client import NotifyClient, notify_client
from tests.integration.service_client import Keys
from tests.unit.notify import builders as b
from tests.unit.notify.smtp_servers import MailServer, run_mail_server, run_scripted_server


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running_server:
        yield running_server


def copy_events(number: int, events: Sequence[Event[Any]] = b.OPENING_EVENTS) -> list[Event[Any]]:
    """Return copies of the events for another complaint."""
    subject = UUID(int=b.SUBJECT.int + number)
    return [event.model_copy(update={"subject": subject, "id": uuid5(subject, str(event.id))}) for event in events]


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaint_is_acknowledged_by_mail_with_its_promise(
    notify: NotifyClient, mail_server: MailServer
) -> None:
    assert await notify.apply(*b.OPENING_EVENTS) == BatchResult(done=4)
    assert await notify.smtp(mail_server).run_once() == 1
    (mail,) = mail_server.mails_to("customer-12@example.com")
    (row,) = await notify.messages()
    assert mail["Message-ID"] == f"<{row['message_id']}@example.com>"
    assert mail["Subject"] == "[RD-1] We have received your complaint"
    assert "Thursday, March 5, 2026" in mail.get_body(("plain",)).get_content()
    assert (row["status"], row["written_in"], row["attempts"]) == ("accepted", "en", 1)
    assert await notify.attempts() == [(1, "sent", "250", False)]
    (fact,) = await notify.facts()
    assert (fact.kind, fact.message_kind, fact.states_promise) == ("message.accepted", "acknowledgement", 1)
    assert fact.template == row["template"]


async def test_messages_of_a_complaint_are_sent_in_order(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(b.complaint_received(), b.resolved(sequence=2))
    sender = notify.smtp(mail_server)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "[RD-1] We have received your complaint",
        "[RD-1] Our answer to your complaint",
    ]


async def test_a_repeated_event_sends_no_second_message(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(*b.OPENING_EVENTS)
    sender = notify.smtp(mail_server)
    await sender.run_once()
    assert await notify.apply(*b.OPENING_EVENTS) == BatchResult(duplicate=4)
    assert await sender.run_once() == 0
    assert len(mail_server.mails) == 1


async def test_a_message_to_a_customer_without_address_is_suppressed_with_the_reason(
    notify: NotifyClient, mail_server: MailServer
) -> None:
    await notify.apply(b.complaint_received(email=None), *b.OPENING_EVENTS[1:])
    assert await notify.smtp(mail_server).run_once() == 0
    (row,) = await notify.messages()
    assert (row["status"], row["reason"]) == ("suppressed", "no_address")
    assert [fact.kind for fact in await notify.facts()] == ["message.suppressed"]


async def test_an_incomplete_acknowledgement_is_sent_when_its_timer_fires(
    notify: NotifyClient, session_dsns: dict[str, str], keys: Keys, mail_server: MailServer
) -> None:
    async with notify_client(session_dsns["notify"], keys, acknowledge_within_seconds=0.001) as client:
        await client.apply(b.complaint_received())
        assert await client.smtp(mail_server).run_once() == 0
        assert await client.runner.fire_timers(10) == 1
        assert await client.runner.fire_timers(10) == 0
        assert await client.smtp(mail_server).run_once() == 1


# ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_transient_failure_is_retried_with_the_same_message_id(
    notify: NotifyClient, mail_server: MailServer
) -> None:
    await notify.apply(b.complaint_received(email="greylist@example.com"), *b.OPENING_EVENTS[1:])
    await notify.smtp(mail_server).run_once()
    (row,) = await notify.messages()
    assert (row["status"], row["reason"]) == ("retry_wait", "451 4.7.1")
    assert 24 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 36
    channel = MemoryChannel(notify.settings.sender())
    await notify.pass_time()
    await notify.sender(channel).run_once()
    assert [letter.message_id for letter in channel.sent] == [f"{row['message_id']}@example.com"]
    assert [attempt[:2] for attempt in await notify.attempts()] == [(1, "failed_transient"), (2, "sent")]
    assert [(fact.kind, fact.attempts) for fact in await notify.facts()] == [("message.accepted", 2)]


async def test_a_waiting_retry_does_not_delay_the_resolution(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(b.complaint_received(email="greylist@example.com"), b.resolved(sequence=2))
    sender = notify.smtp(mail_server)
    assert [await sender.run_once() for _ in range(3)] == [1, 1, 0]
    assert [row["status"] for row in await notify.messages()] == ["retry_wait", "retry_wait"]


async def test_a_permanent_failure_is_final_and_published(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(b.complaint_received(email="never@example.com"), *b.OPENING_EVENTS[1:])
    sender = notify.smtp(mail_server)
    await sender.run_once()
    await notify.pass_time()
    assert await sender.run_once() == 0
    assert [(fact.kind, fact.reason) for fact in await notify.facts()] == [("message.failed", "550 5.1.1")]
    assert [row["status"] for row in await notify.messages()] == ["dead"]


async def test_the_attempt_is_committed_before_the_provider_is_called(notify: NotifyClient) -> None:
    seen: list[Any] = []

    class RecordingChannel(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            seen.extend(await notify.attempts())
            return await super().send(letter)

    await notify.apply(*b.OPENING_EVENTS)
    await notify.sender(RecordingChannel(notify.settings.sender())).run_once()
    assert seen == [(1, None, None, False)]


async def test_a_crash_between_claim_and_result_is_uncertain_and_sent_again_with_the_same_message_id(
    notify: NotifyClient,
) -> None:
    await notify.apply(*b.OPENING_EVENTS)
    (claimed,) = await claim_messages(notify.runtime.pool, 10, notify.settings.lease)
    channel = MemoryChannel(notify.settings.sender())
    sender = notify.sender(channel)
    assert await sender.record_expired_leases() == 0, "the claim still holds"
    await notify.pass_time()
    assert await sender.record_expired_leases() == 1
    (row,) = await notify.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "lease_expired")
    assert await sender.run_once() == 0, "the receipt window is still open"
    await notify.pass_time()
    assert await sender.run_once() == 1
    assert channel.sent[0].message_id.startswith(str(claimed.message_id))
    assert await notify.attempts() == [(1, "uncertain", "lease_expired", False), (2, "sent", "250", True)]


async def test_a_timeout_after_the_message_was_sent_is_uncertain_and_sent_again_after_the_window(
    notify: NotifyClient,
) -> None:
    await notify.apply(*b.OPENING_EVENTS)
    async with run_scripted_server("body", "hang") as server:
        sender = notify.smtp(server)
        await sender.run_once()
        assert await sender.run_once() == 0
    (row,) = await notify.messages()
    assert (row["status"], row["reason"]) == ("uncertain", "timeout body")
    assert 700 <= (row["next_attempt_at"] - row["updated_at"]).total_seconds() <= 1100
    assert not await notify.facts()


async def test_a_late_success_after_an_expired_lease_is_accepted(notify: NotifyClient) -> None:
    await notify.apply(*b.OPENING_EVENTS)
    sending, released = asyncio.Event(), asyncio.Event()

    class BlockedChannel(MemoryChannel):
        async def send(self, letter: OutgoingMessage) -> DeliveryReport:
            sending.set()
            await released.wait()
            return await super().send(letter)

    slow = asyncio.create_task(notify.sender(BlockedChannel(notify.settings.sender())).run_once())
    await sending.wait()
    await notify.pass_time()
    assert await notify.sender(MemoryChannel(notify.settings.sender())).record_expired_leases() == 1
    released.set()
    await slow
    assert [row["status"] for row in await notify.messages()] == ["accepted"]
    assert await notify.attempts() == [(1, "sent", "250", False)]
    assert [fact.kind for fact in await notify.facts()] == ["message.accepted"]


async def test_two_senders_never_claim_the_same_message(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(*(event for n in range(100) for event in copy_events(n)))
    first, second = notify.smtp(mail_server), notify.smtp(mail_server)
    rounds = await asyncio.gather(first.run_once(), second.run_once(), first.run_once(), second.run_once())
    while await first.run_once():
        pass
    assert sum(rounds) <= 100
    assert len(mail_server.mails) == len({mail["Message-ID"] for mail in mail_server.mails}) == 100
    assert len(await notify.attempts()) == 100


# ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_commit_wakes_the_sender(
    notify: NotifyClient, session_dsns: dict[str, str], keys: Keys, mail_server: MailServer
) -> None:
    stopping = asyncio.Event()
    async with notify_client(session_dsns["notify"], keys, send_poll_ms=60_000) as client:
        running = asyncio.create_task(client.smtp(mail_server).run(stopping))
        await client.apply(*b.OPENING_EVENTS, b.progress_recorded(), b.resolved())
        async with asyncio.timeout(10):
            while len(await client.facts()) < 3:
                await asyncio.sleep(0.02)
            stopping.set()
            await running
    assert len(mail_server.mails) == 3


async def test_without_mail_server_notify_is_unhealthy_and_sends_the_message_later(
    notify: NotifyClient, mail_server: MailServer
) -> None:
    async with run_scripted_server("connect", "close") as server:
        absent = server
    await notify.apply(*b.OPENING_EVENTS)
    await notify.smtp(absent).run_once()
    assert "smtp" in str(notify.runtime.health.report())
    await notify.pass_time()
    await notify.smtp(mail_server).run_once()
    assert "smtp" not in str(notify.runtime.health.report())
    assert len(mail_server.mails) == 1


async def test_an_incomplete_message_is_never_sent(notify: NotifyClient, mail_server: MailServer) -> None:
    await notify.apply(*b.OPENING_EVENTS)
    await notify.runtime.pool.execute('update message set content = content || \'{"reference": " "}\'')
    await notify.smtp(mail_server).run_once()
    assert not mail_server.mails
    assert [(fact.kind, fact.reason) for fact in await notify.facts()] == [("message.failed", "incomplete")]

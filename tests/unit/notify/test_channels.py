"""Conformance suite for the memory channel and the SMTP channel, then tests that need a real connection."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.notify.channels.interface import Channel, DeliveryReport, OutgoingMessage
from services.notify.channels.memory import MemoryChannel
from services.notify.channels.mime import SenderAddress
from services.notify.channels.smtp import SmtpChannel
from services.notify.channels.smtp_pool import SmtpServer
from shared.errors import Misconfigured
from tests.unit.notify.smtp_servers import REPLIES, MailServer, run_mail_server, run_scripted_server

SENDER = SenderAddress("complaints@example.com", "Примерна продавница", "answers@example.com")
MESSAGE = OutgoingMessage(
    message_id="0190-aa@example.com",
    to="customer-12@example.com",
    subject="[RD-1] Примили смо Вашу притужбу",
    html="<p>Здраво</p>",
    text="Здраво\n.\n..two dots\n",
    language="sr-Cyrl",
)
EXPECTED = {
    "later@example.com": DeliveryReport("failed_transient", "450 4.2.1"),
    "full@example.com": DeliveryReport("failed_transient", "452 4.2.2"),
    "never@example.com": DeliveryReport("failed_permanent", "550 5.1.1"),
    "policy@example.com": DeliveryReport("failed_permanent", "554 5.7.1"),
    "greylist@example.com": DeliveryReport("failed_transient", "451 4.7.1"),
}


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running:
        yield running


@pytest.fixture(params=["memory", "smtp"])
async def channel(request: pytest.FixtureRequest, mail_server: MailServer) -> AsyncIterator[Channel]:
    created = (
        MemoryChannel(SENDER, EXPECTED) if request.param == "memory" else SmtpChannel(mail_server.settings(), SENDER)
    )
    yield created
    await created.close()


# ── conformance of both channels ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_ordinary_message_is_sent(channel: Channel) -> None:
    assert await channel.send(MESSAGE) == DeliveryReport("sent", "250")


@pytest.mark.parametrize("address", EXPECTED)
async def test_a_refusal_is_reported_by_its_status_codes_without_its_text(channel: Channel, address: str) -> None:
    assert await channel.send(replace(MESSAGE, to=address)) == EXPECTED[address]


@pytest.mark.parametrize("address", EXPECTED)
async def test_a_message_after_a_refused_one_is_sent(channel: Channel, address: str) -> None:
    await channel.send(replace(MESSAGE, to=address))
    assert (await channel.send(MESSAGE)).outcome == "sent"


@pytest.mark.parametrize(
    "changes", [{"subject": "a\r\nBcc: x@example.org"}, {"to": "a b@example.com"}, {"message_id": "x y"}]
)
async def test_a_message_with_an_invalid_header_value_fails_permanently(
    channel: Channel, changes: dict[str, Any]
) -> None:
    report = await channel.send(replace(MESSAGE, **changes))
    assert report.outcome == "failed_permanent"
    assert report.code.startswith("rejected ")


async def test_many_concurrent_messages_are_all_sent(channel: Channel) -> None:
    messages = [replace(MESSAGE, message_id=f"m{n}@example.com", to=f"customer-{n}@example.com") for n in range(50)]
    reports = await asyncio.gather(*(channel.send(message) for message in messages))
    assert {report.outcome for report in reports} == {"sent"}


async def test_a_channel_can_be_closed_twice(channel: Channel) -> None:
    await channel.send(MESSAGE)
    await channel.close()
    await channel.close()


# ── delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_mail_arrives_with_its_headers_and_both_parts(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(), SENDER)
    await channel.send(MESSAGE)
    await channel.close()
    (mail,) = mail_server.mails
    assert mail["Message-ID"] == "<0190-aa@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "sr-Cyrl"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["From"].addresses[0].display_name == SENDER.name
    assert mail["Reply-To"].addresses[0].addr_spec == "answers@example.com"
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == MESSAGE.text
    assert "<p>Здраво</p>" in mail.get_body(("html",)).get_content()


async def test_connections_are_reused_and_limited_by_the_pool_size(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=3), SENDER)
    await asyncio.gather(*(channel.send(MESSAGE) for _ in range(30)))
    await channel.close()
    assert len(mail_server.mails) == 30
    assert 1 <= mail_server.sessions <= 3


async def test_a_connection_is_replaced_after_its_maximum_number_of_messages(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1, max_messages=2), SENDER)
    for _ in range(5):
        await channel.send(MESSAGE)
    await channel.close()
    assert mail_server.sessions == 3


async def test_a_connection_is_replaced_after_its_maximum_age(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1, max_age=0.0), SENDER)
    for _ in range(3):
        await channel.send(MESSAGE)
    await channel.close()
    assert mail_server.sessions == 3


async def test_an_idle_connection_is_checked_with_noop_before_it_is_reused(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1), SENDER)
    await channel.send(MESSAGE)
    channel._pool._idle[0].used_at -= 5
    await channel.send(MESSAGE)
    await channel.close()
    assert mail_server.commands == ["NOOP"]
    assert mail_server.sessions == 1


async def test_an_attempt_is_repeated_once_if_the_connection_is_lost_at_mail() -> None:
    async with run_scripted_server("mail", "close", only_first=True) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        assert await channel.send(MESSAGE) == DeliveryReport("sent", "250")
        await channel.close()
    assert (server.connections, server.bodies) == (2, 1)


# ── lost connections ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data"])
async def test_a_connection_lost_before_the_body_is_a_transient_failure(step: str, how: str) -> None:
    async with run_scripted_server(step, how) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        report = await channel.send(MESSAGE)
        await channel.close()
    assert report.outcome == "failed_transient"
    assert server.bodies == 0


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
async def test_a_connection_lost_after_the_body_is_uncertain(how: str) -> None:
    async with run_scripted_server("body", how) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        report = await channel.send(MESSAGE)
        await channel.close()
    assert report.outcome == "uncertain"
    assert server.bodies == 1, "it was not sent twice"


async def test_a_closed_port_is_a_transient_failure_to_connect() -> None:
    async with run_scripted_server("connect", "close") as scripted_server:
        settings = scripted_server.settings()
    channel = SmtpChannel(settings, SENDER)
    assert await channel.send(MESSAGE) == DeliveryReport("failed_transient", "disconnected connect")


async def test_a_server_that_never_replies_times_out_for_all_waiting_messages() -> None:
    async with run_scripted_server("body", "hang") as server:
        channel = SmtpChannel(server.settings(), SENDER)
        async with asyncio.timeout(20):
            reports = await asyncio.gather(*(channel.send(MESSAGE) for _ in range(5)))
        await channel.close()
    assert {report.outcome for report in reports} == {"uncertain"}


def test_every_scripted_reply_has_its_expected_report() -> None:
    assert EXPECTED.keys() == REPLIES.keys()


# ── encryption ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "security", "encryption"),
    [
        ("127.0.0.1", "auto", "none"),
        ("::1", "auto", "none"),
        ("localhost", "auto", "none"),
        ("mail.example.com", "auto", "starttls"),
        ("10.0.0.1", "auto", "starttls"),
        ("mail.example.com", "none", "none"),
        ("127.0.0.1", "tls", "tls"),
    ],
)
def test_auto_security_means_starttls_except_for_loopback_hosts(host: str, security: Any, encryption: str) -> None:
    assert SmtpServer(host, 25, security).encryption == encryption


def test_a_password_for_a_remote_host_requires_tls_and_is_not_in_repr() -> None:
    with pytest.raises(Misconfigured, match="expected TLS"):
        SmtpServer("mail.example.com", 25, "none", username="user", password="secret")
    assert "secret" not in repr(SmtpServer("localhost", 25, username="user", password="secret"))

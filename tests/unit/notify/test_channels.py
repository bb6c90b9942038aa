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
LETTER = OutgoingMessage(
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
    made = MemoryChannel(SENDER, EXPECTED) if request.param == "memory" else SmtpChannel(mail_server.settings(), SENDER)
    yield made
    await made.close()


# ── conformance of both channels ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_ordinary_letter_is_taken(channel: Channel) -> None:
    assert await channel.send(LETTER) == DeliveryReport("sent", "250")


@pytest.mark.parametrize("address", EXPECTED)
async def test_a_refusal_is_reported_by_its_numbers_only(channel: Channel, address: str) -> None:
    assert await channel.send(replace(LETTER, to=address)) == EXPECTED[address]


@pytest.mark.parametrize("address", EXPECTED)
async def test_a_refusal_does_not_spoil_the_next_letter(channel: Channel, address: str) -> None:
    await channel.send(replace(LETTER, to=address))
    assert (await channel.send(LETTER)).outcome == "sent"


@pytest.mark.parametrize(
    "changes", [{"subject": "a\r\nBcc: x@example.org"}, {"to": "a b@example.com"}, {"message_id": "x y"}]
)
async def test_a_letter_that_cannot_be_one_is_refused_for_good(channel: Channel, changes: dict[str, Any]) -> None:
    report = await channel.send(replace(LETTER, **changes))
    assert report.outcome == "failed_permanent"
    assert report.code.startswith("rejected ")


async def test_many_letters_at_once_are_all_taken(channel: Channel) -> None:
    letters = [replace(LETTER, message_id=f"m{n}@example.com", to=f"customer-{n}@example.com") for n in range(50)]
    reports = await asyncio.gather(*(channel.send(letter) for letter in letters))
    assert {report.outcome for report in reports} == {"sent"}


async def test_closing_twice_is_harmless(channel: Channel) -> None:
    await channel.send(LETTER)
    await channel.close()
    await channel.close()


# ── delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_mail_arrives_with_the_headers_it_needs(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(), SENDER)
    await channel.send(LETTER)
    await channel.close()
    (mail,) = mail_server.mails
    assert mail["Message-ID"] == "<0190-aa@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "sr-Cyrl"
    assert mail["Subject"] == LETTER.subject
    assert mail["From"].addresses[0].display_name == SENDER.name
    assert mail["Reply-To"].addresses[0].addr_spec == "answers@example.com"
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == LETTER.text
    assert "<p>Здраво</p>" in mail.get_body(("html",)).get_content()


async def test_connections_are_kept_and_few(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=3), SENDER)
    await asyncio.gather(*(channel.send(LETTER) for _ in range(30)))
    await channel.close()
    assert len(mail_server.mails) == 30
    assert 1 <= mail_server.sessions <= 3


async def test_a_worn_connection_is_replaced(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1, max_messages=2), SENDER)
    for _ in range(5):
        await channel.send(LETTER)
    await channel.close()
    assert mail_server.sessions == 3


async def test_an_old_connection_is_replaced(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1, max_age=0.0), SENDER)
    for _ in range(3):
        await channel.send(LETTER)
    await channel.close()
    assert mail_server.sessions == 3


async def test_a_rested_connection_is_asked_before_it_is_used(mail_server: MailServer) -> None:
    channel = SmtpChannel(mail_server.settings(connections=1), SENDER)
    await channel.send(LETTER)
    channel._pool._idle[0].used_at -= 5
    await channel.send(LETTER)
    await channel.close()
    assert mail_server.commands == ["NOOP"]
    assert mail_server.sessions == 1


async def test_a_kept_connection_that_died_unseen_costs_nothing() -> None:
    async with run_scripted_server("mail", "close", only_first=True) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        assert await channel.send(LETTER) == DeliveryReport("sent", "250")
        await channel.close()
    assert (server.connections, server.bodies) == (2, 1)


# ── lost connections ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data"])
async def test_a_line_that_breaks_before_the_message_left_means_not_taken(at: str, how: str) -> None:
    async with run_scripted_server(at, how) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        report = await channel.send(LETTER)
        await channel.close()
    assert report.outcome == "failed_transient"
    assert server.bodies == 0


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
async def test_silence_after_the_message_left_means_nobody_knows(how: str) -> None:
    async with run_scripted_server("body", how) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        report = await channel.send(LETTER)
        await channel.close()
    assert report.outcome == "uncertain"
    assert server.bodies == 1, "it was not sent twice"


async def test_nobody_listening_is_a_failure_to_connect() -> None:
    async with run_scripted_server("connect", "close") as scripted_server:
        settings = scripted_server.settings()
    channel = SmtpChannel(settings, SENDER)
    assert await channel.send(LETTER) == DeliveryReport("failed_transient", "disconnected connect")


async def test_a_server_that_never_answers_does_not_hold_the_line_for_ever() -> None:
    async with run_scripted_server("body", "hang") as server:
        channel = SmtpChannel(server.settings(), SENDER)
        async with asyncio.timeout(20):
            reports = await asyncio.gather(*(channel.send(LETTER) for _ in range(5)))
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
def test_mail_leaves_the_machine_encrypted_unless_told_otherwise(host: str, security: Any, encryption: str) -> None:
    assert SmtpServer(host, 25, security).encryption == encryption


def test_a_password_never_leaves_the_machine_in_the_clear() -> None:
    with pytest.raises(Misconfigured, match="expected TLS"):
        SmtpServer("mail.example.com", 25, "none", username="user", password="secret")
    assert "secret" not in repr(SmtpServer("localhost", 25, username="user", password="secret"))

"""Mail to internationalised addresses, from the form of intake to the mailbox."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.intake.forms import COMPLAINT, parse_form
from services.intake.forms.complaint import EXAMPLE
from services.notify.channels.interface import Channel, DeliveryReport
from services.notify.channels.memory import MemoryChannel
from services.notify.channels.smtp import SmtpChannel
from services.notify.domain.address import unreachable
from tests.unit.notify.smtp_servers import MailServer, run_mail_server, run_scripted_server
from tests.unit.notify.test_channels import MESSAGE, SENDER

INTERNATIONAL = [
    "jürgen@example.de",
    "josé.garcía@exämple.com",
    "用户@例子.公司",
    "สมชาย@example.org",
    "दावा@उदाहरण.भारत",
]
ASCII_LOCAL = {
    "info@exämple.com": "info@xn--exmple-cua.com",
    "info@例子.公司": "info@xn--fsqu00a.xn--55qx5d",
    "Info@Example.ORG": "Info@example.org",
}


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running:
        yield running


@pytest.fixture(params=["memory", "smtp"])
async def channel(request: pytest.FixtureRequest, mail_server: MailServer) -> AsyncIterator[Channel]:
    created = MemoryChannel(SENDER) if request.param == "memory" else SmtpChannel(mail_server.settings(), SENDER)
    yield created
    await created.close()


def parse_with_intake(address: str) -> str:
    """Return the address as intake stores it and notify gets it."""
    customer = EXAMPLE["customer"] | {"email": address}
    form = parse_form(COMPLAINT, json.dumps(EXAMPLE | {"customer": customer}).encode(), datetime.now(UTC))
    assert form.customer.email is not None
    return form.customer.email


@pytest.mark.parametrize("address", [*INTERNATIONAL, *ASCII_LOCAL])
async def test_an_address_that_intake_accepts_is_sent_to_by_both_channels(address: str, channel: Channel) -> None:
    stored = parse_with_intake(address)
    assert unreachable(stored) is None
    assert await channel.send(replace(MESSAGE, to=stored)) == DeliveryReport("sent", "250")


@pytest.mark.parametrize("address", INTERNATIONAL)
async def test_a_mail_to_an_international_address_arrives_with_it_in_its_header(
    address: str, mail_server: MailServer
) -> None:
    channel = SmtpChannel(mail_server.settings(), SENDER)
    await channel.send(replace(MESSAGE, to=address))
    await channel.close()
    (recipient,) = mail_server.recipients
    assert recipient == address
    (mail,) = mail_server.mails
    assert mail["To"] == address
    assert mail["Subject"] == MESSAGE.subject
    assert mail["From"].addresses[0].addr_spec == SENDER.address
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == MESSAGE.text


@pytest.mark.parametrize(("address", "wire_form"), ASCII_LOCAL.items())
async def test_an_address_with_an_ascii_local_part_is_sent_without_smtputf8(address: str, wire_form: str) -> None:
    async with run_scripted_server() as server:  # a server without extensions
        channel = SmtpChannel(server.settings(), SENDER)
        assert await channel.send(replace(MESSAGE, to=address)) == DeliveryReport("sent", "250")
        await channel.close()
    assert server.commands[1:3] == [f"MAIL FROM:<{SENDER.address}>", f"RCPT TO:<{wire_form}>"]


@pytest.mark.parametrize("pipelines", [False, True])
async def test_without_smtputf8_the_attempt_fails_permanently_and_the_connection_stays_usable(pipelines: bool) -> None:
    async with run_scripted_server(pipelines=pipelines) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        report = await channel.send(replace(MESSAGE, to="用户@例子.公司"))
        assert report == DeliveryReport("failed_permanent", "smtputf8_not_offered")
        assert (await channel.send(MESSAGE)).outcome == "sent"
        await channel.close()
    assert (server.connections, server.bodies) == (1, 1)


async def test_smtputf8_is_requested_only_for_an_address_that_needs_it() -> None:
    async with run_scripted_server(extensions=("SMTPUTF8", "8BITMIME")) as server:
        channel = SmtpChannel(server.settings(), SENDER)
        await channel.send(MESSAGE)
        await channel.send(replace(MESSAGE, to="jürgen@example.de"))
        await channel.close()
    mail_commands = [command for command in server.commands if command.startswith("MAIL")]
    assert mail_commands == [
        f"MAIL FROM:<{SENDER.address}>",
        f"MAIL FROM:<{SENDER.address}> BODY=8BITMIME SMTPUTF8",
    ]

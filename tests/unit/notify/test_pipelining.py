"""Pipelining: MAIL, RCPT and DATA are sent in one write to a server that offers it; each reply is assigned to its step."""

import asyncio
import inspect

import aiosmtplib
import pytest

from services.notify.channels.interface import DeliveryReport
from services.notify.channels.smtp import SmtpChannel
from services.notify.channels.smtp_session import SmtpSession
from tests.unit.notify.smtp_servers import run_scripted_server
from tests.unit.notify.test_channels import MESSAGE, SENDER


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_a_connection_lost_during_a_pipeline_is_a_transient_failure_with_the_step(step: str, how: str) -> None:
    async with run_scripted_server(step, how, pipelines=True) as server:
        channel = SmtpChannel(server.settings(timeout=0.5), SENDER)
        report = await channel.send(MESSAGE)
        await channel.close()
    assert report == DeliveryReport("failed_transient", f"{'timeout' if how == 'hang' else 'disconnected'} {step}")
    assert server.bodies == 0


@pytest.mark.parametrize("how", ["hang", "close", "half_close"])
async def test_a_connection_lost_after_a_pipelined_body_is_uncertain(how: str) -> None:
    async with run_scripted_server("body", how, pipelines=True) as server:
        channel = SmtpChannel(server.settings(timeout=0.5), SENDER)
        report = await channel.send(MESSAGE)
        await channel.close()
    assert report.outcome == "uncertain"
    assert server.bodies == 1, "it was not sent twice"


async def test_many_messages_over_few_pipelined_connections_are_all_sent() -> None:
    async with run_scripted_server(pipelines=True) as server:
        channel = SmtpChannel(server.settings(timeout=5), SENDER)
        reports = await asyncio.gather(*(channel.send(MESSAGE) for _ in range(50)))
        await channel.close()
    assert set(reports) == {DeliveryReport("sent", "250")}
    assert server.bodies == 50
    assert server.connections <= 8


async def test_a_pipelined_connection_is_reusable_after_a_refused_recipient_and_an_empty_message() -> None:
    async with run_scripted_server(pipelines=True, refusal=b"550-no\r\n550 5.1.1 such user\r\n") as server:
        channel = SmtpChannel(server.settings(timeout=5), SENDER)
        reports = [await channel.send(MESSAGE) for _ in range(3)]
        await channel.close()
    assert reports == [DeliveryReport("failed_permanent", "550 5.1.1")] * 3
    assert (server.connections, server.bodies) == (1, 3), "each refused recipient is followed by an empty message"


async def test_an_invalid_smtp_reply_is_a_transient_failure() -> None:
    async with run_scripted_server(refusal=b"what?\r\n") as server:
        channel = SmtpChannel(server.settings(timeout=5), SENDER)
        report = await channel.send(MESSAGE)
        await channel.close()
    assert report.outcome == "failed_transient"
    assert server.bodies == 0


async def test_aiosmtplib_still_has_the_internals_that_the_session_uses() -> None:
    """Guard against a new version of aiosmtplib: services/notify/channels/smtp_session.py uses its internals."""
    async with run_scripted_server(pipelines=True) as server:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port, start_tls=False)
        await client.connect()
        await client.ehlo()
        transport, protocol = client.transport, client.protocol
        assert isinstance(transport, asyncio.Transport), "the client has an attribute `transport`, open after connect"
        assert protocol is not None, "the client has an attribute `protocol`"
        assert transport.get_protocol() is protocol, "the transport calls that protocol and no wrapper of it"
        assert list(inspect.signature(protocol.connection_lost).parameters) == ["exc"]
        assert client.supports_extension("pipelining")
        session = SmtpSession(transport, protocol)
        (reply,) = await session.request(b"NOOP\r\n", within=5)
        assert reply.code == 250, "the replaced protocol gets the replies"
        client.close()
        assert not session.is_open, "closing the client closes the transport"
        async with asyncio.timeout(5):
            while client.is_connected:
                await asyncio.sleep(0.01)

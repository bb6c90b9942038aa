"""SMTP server: accepts mail for every recipient and stores it before it answers."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mailbox.faults import Faults
from deploy.local.mailbox.parse import parse_mail
from deploy.local.mailbox.store import MailStore
from shared.wakeup import wait_for_event

MAIL_MAX_BYTES = 10 * 1024 * 1024  # of one mail
IDLE_SECONDS = 300.0
FAULT_REPLIES = {"defer": "451 4.3.2 try again later", "refuse": "550 5.1.1 no such mailbox"}


class SmtpHandler:
    """Handler that aiosmtpd calls for each mail."""

    def __init__(self, mails: MailStore, faults: Faults) -> None:
        self._mails = mails
        self._faults = faults

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Store the mail before it is acknowledged."""
        del session
        fault = self._faults.affect(envelope.rcpt_tos)
        if fault in FAULT_REPLIES:
            return FAULT_REPLIES[fault]
        if fault == "hang":
            await wait_for_event(self._faults.changed, self._faults.remaining)
            return FAULT_REPLIES["defer"]
        raw = envelope.original_content or b""
        self._mails.add(parse_mail(raw), raw, envelope.rcpt_tos)
        if fault == "cut" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 2.0.0 kept"


async def listen(inbound: SmtpHandler, host: str, port: int) -> asyncio.Server:
    """Start the server in the running event loop, next to the web page."""
    loop = asyncio.get_running_loop()

    def session() -> Any:
        return SMTP(
            inbound,
            data_size_limit=MAIL_MAX_BYTES,
            enable_SMTPUTF8=True,
            ident="Redress mailbox",
            timeout=IDLE_SECONDS,
            loop=loop,
        )

    return await loop.create_server(session, host, port)

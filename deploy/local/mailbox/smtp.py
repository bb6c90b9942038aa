"""The SMTP side: accepts every mail for every recipient, keeps it, then answers."""

import asyncio
import contextlib
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mailbox.faults import Faults
from deploy.local.mailbox.parse import parse
from deploy.local.mailbox.store import MailStore

SIZE_MAX = 10 * 1024 * 1024  # bytes of one mail
IDLE_SECONDS = 300.0
ANSWERS = {"defer": "451 4.3.2 try again later", "refuse": "550 5.1.1 no such mailbox"}


class Inbound:
    """What aiosmtpd calls at each step of a mail."""

    def __init__(self, mails: MailStore, faults: Faults) -> None:
        self._mails = mails
        self._faults = faults

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Keep the mail before saying that we have it."""
        del session
        fault = self._faults.strike(envelope.rcpt_tos)
        if fault in ANSWERS:
            return ANSWERS[fault]
        if fault == "hang":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._faults.changed.wait(), self._faults.remaining)
            return ANSWERS["defer"]
        raw = envelope.original_content or b""
        self._mails.add(parse(raw), raw, envelope.rcpt_tos)
        if fault == "cut" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 2.0.0 kept"


async def listen(inbound: Inbound, host: str, port: int) -> asyncio.Server:
    """Listen in the running loop, beside the page."""
    loop = asyncio.get_running_loop()

    def session() -> Any:
        return SMTP(
            inbound,
            data_size_limit=SIZE_MAX,
            enable_SMTPUTF8=True,
            ident="Redress mailbox",
            timeout=IDLE_SECONDS,
            loop=loop,
        )

    return await loop.create_server(session, host, port)

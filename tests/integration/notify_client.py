"""Client of notify for the integration tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.notify.app import build
from services.notify.channels.interface import Channel
from services.notify.channels.smtp import SmtpChannel
from services.notify.sender import SendLoop
from services.notify.settings import Settings
from services.notify.templates import Renderer
from tests.integration.service_client import NO_KAFKA, Keys, ServiceClient, service_client


@dataclass
class NotifyClient(ServiceClient):
    """Client of notify with senders and the stored messages."""

    renderer: Renderer = field(default_factory=lambda: Renderer("Example Shop"))

    @property
    def settings(self) -> Any:
        return self.runtime.settings

    def sender(self, channel: Channel) -> SendLoop:
        return SendLoop(self.runtime, self.settings, channel, self.renderer)

    def smtp(self, mail_server: Any) -> SendLoop:
        return self.sender(SmtpChannel(mail_server.settings(), self.settings.sender()))

    async def facts(self) -> list[Any]:
        """Return all published facts, in order."""
        return [event.facts for event in await self.events()]

    async def messages(self) -> list[asyncpg.Record]:
        return list(await self.pool.fetch("select * from message order by position"))

    async def attempts(self) -> list[tuple[int, str | None, str | None, bool]]:
        rows = await self.pool.fetch("select * from attempt order by started_at, number")
        return [(row["number"], row["outcome"], row["code"], row["after_uncertain"]) for row in rows]

    async def pass_time(self) -> None:
        """Move all waits and leases into the past."""
        await self.pool.execute(
            "update message set next_attempt_at = now() - interval '1 s' where next_attempt_at is not null"
        )
        await self.pool.execute("update message set lease_until = now() - interval '1 s' where lease_until is not null")


@asynccontextmanager
async def notify_client(dsn: str, keys: Keys, **changes: Any) -> AsyncIterator[NotifyClient]:
    """Start notify with these changes of the settings."""
    settings = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka=NO_KAFKA, **changes)  # type: ignore[arg-type]
    async with service_client(build, settings, keys, client=NotifyClient) as client:
        yield client

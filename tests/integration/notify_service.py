"""Notify with its runtime on a database of the tests, without Kafka and HTTP."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psycopg

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.notify.app import build, notify_store
from services.notify.channels.interface import Channel
from services.notify.channels.smtp import SmtpChannel
from services.notify.domain import decide
from services.notify.sender import SendLoop
from services.notify.settings import Settings
from services.notify.templates import Renderer
from shared.contracts import Event, read
from shared.contracts.topics import NOTIFY
from shared.runner.runner import BatchResult
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.storage import postgres
from tests.factories import record


@dataclass
class NotifyService:
    """Notify with its runtime, on a database of the tests."""

    runtime: Runtime
    settings: Settings
    renderer: Renderer = field(default_factory=lambda: Renderer("Example Shop"))

    async def receive(self, *events: Event[Any]) -> BatchResult:
        return await self.runtime.runner.apply_records([record(event, offset=n) for n, event in enumerate(events)])

    def sender(self, channel: Channel) -> SendLoop:
        return SendLoop(self.runtime, self.settings, channel, self.renderer)

    def smtp(self, mail_server: Any) -> SendLoop:
        return self.sender(SmtpChannel(mail_server.settings(), self.settings.sender()))

    async def published(self) -> list[Any]:
        rows = await self.runtime.pool.fetch("select value from outbox order by xid, id")
        return [read(row["value"]).facts for row in rows]

    async def messages(self) -> list[asyncpg.Record]:
        return list(await self.runtime.pool.fetch("select * from message order by position"))

    async def attempts(self) -> list[tuple[int, str | None, str | None, bool]]:
        rows = await self.runtime.pool.fetch("select * from attempt order by started_at, number")
        return [(row["number"], row["outcome"], row["code"], row["after_uncertain"]) for row in rows]

    async def pass_time(self) -> None:
        """Move all waits and leases into the past."""
        await self.runtime.pool.execute(
            "update message set next_attempt_at = now() - interval '1 s' where next_attempt_at is not null"
        )
        await self.runtime.pool.execute(
            "update message set lease_until = now() - interval '1 s' where lease_until is not null"
        )


async def open_service(dsn: str, key: Path, **changes: Any) -> NotifyService:
    settings = Settings(postgres=dsn, auth_public_key_file=key, port=0, **changes)
    await postgres.migrate(dsn, build(settings).schema)
    runtime = Runtime(ServiceSpec(NOTIFY, decide, notify_store(settings)), settings, needed=())
    runtime.set_pool(await postgres.connect(settings, "notify"))
    return NotifyService(runtime, settings)


@contextmanager
def notify_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Create a database with the role of notify; drop it at the end. Yields its DSN."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
    yield provision(postgres.dsn.rsplit("/", 1)[0] + f"/{name}", postgres.home / "secrets" / "postgres.json")["notify"]
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")


@asynccontextmanager
async def empty_service(dsn: str, key: Path) -> AsyncIterator[NotifyService]:
    """Open notify on the database and delete what other tests left there."""
    service = await open_service(dsn, key)
    await service.runtime.pool.execute("truncate message, attempt, complaint, inbox, outbox, dead_letter")
    yield service
    await service.runtime.close()

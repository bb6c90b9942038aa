"""Service on real PostgreSQL with its HTTP endpoints called in this process; usable for all services."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import getrandbits
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from shared.auth import create_token
from shared.contracts import Event, read
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runner.runner import BatchResult, Runner
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import ServiceSettings
from shared.storage.postgres import connect, migrate
from tests.factories import event, record

Keys = tuple[Path, Path]
HOUR = timedelta(hours=1)
NO_KAFKA = "127.0.0.1:1"


@asynccontextmanager
async def open_runtime(app: ServiceApp) -> AsyncIterator[Runtime]:
    """Migrate the database and prepare the runtime as a start of the service does."""
    runtime = app.runtime
    await migrate(runtime.settings.postgres.get_secret_value(), app.schema)
    runtime.set_pool(await connect(runtime.settings, runtime.service.name))
    if app.on_open:
        await app.on_open()
    yield runtime
    await runtime.close()


def asgi_app(app: ServiceApp, runtime: Runtime) -> Any:
    """Return the HTTP application of a service."""
    probe = Probe(runtime.service.name, runtime.settings, runtime.metrics)
    return build_http_app(runtime, probe, app.routes, app.direct_endpoints)[1]


def bearer(private_key: Path, *scopes: str, client: str = "crm", lasts: timedelta = HOUR) -> dict[str, str]:
    """Return the header with a token for these scopes."""
    token = create_token(private_key, client=client, scopes=frozenset(scopes), lasts=lasts, audience="redress")
    return {"authorization": f"Bearer {token}"}


@dataclass
class ServiceClient:
    """Requests to the endpoints, events to the runner, and the events in the outbox."""

    http: httpx.AsyncClient
    runtime: Runtime
    keys: Keys
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def runner(self) -> Runner[Any, Any]:
        return self.runtime.runner

    @property
    def pool(self) -> asyncpg.Pool:
        return self.runtime.pool

    def headers(self, *scopes: str, **claims: Any) -> dict[str, str]:
        return bearer(self.keys[0], *scopes, **claims)

    async def apply(self, *events: Event[Any]) -> BatchResult:
        """Apply events as one batch of records."""
        return await self.runner.apply_records([record(event_, offset=n) for n, event_ in enumerate(events)])

    async def receive(self, subject: Any, *facts: tuple[Any, datetime]) -> None:
        """Deliver events, recorded when they happened and numbered by the service that publishes them."""
        records = []
        for fact, at in facts:
            source = event(fact).source
            number = self.sequences.get((str(subject), source), 0) + 1
            self.sequences[str(subject), source] = number
            numbered = event(fact, subject=subject, time=at, sequence=number)
            records.append(record(numbered.model_copy(update={"id": uuid7_at(at)})))
        await self.runner.apply_records(records)

    async def events(self) -> list[Event[Any]]:
        """Return all events in the outbox, in order."""
        return [read(row[0]) for row in await self.pool.fetch("select value from outbox order by xid, id")]

    async def published(self, subject: str, kind: type[Any] = object) -> list[Any]:
        """Return the published facts of this kind about a complaint, in order."""
        return [e.facts for e in await self.events() if str(e.subject) == subject and isinstance(e.facts, kind)]


def uuid7_at(at: datetime) -> UUID:
    """Return a UUIDv7 of that time."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | getrandbits(60))


@asynccontextmanager
async def service_client(
    build: Callable[[Any], ServiceApp],
    settings: ServiceSettings,
    keys: Keys,
    *scopes: str,
    client: type[ServiceClient] = ServiceClient,
    actor: str = "crm",
) -> AsyncIterator[Any]:
    """Start a service without Kafka; requests carry a token of `actor` for these scopes."""
    app = build(settings)
    async with open_runtime(app) as runtime:
        transport = httpx.ASGITransport(asgi_app(app, runtime))
        headers = bearer(keys[0], *scopes, client=actor)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as http:
            yield client(http, runtime, keys)

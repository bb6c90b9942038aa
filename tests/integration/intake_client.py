"""Intake over HTTP on real PostgreSQL, with Kafka out of reach: the fixtures of its tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.intake.app import build
from services.intake.forms.complaint import EXAMPLE
from services.intake.settings import Settings
from shared.auth import create_token
from shared.contracts import read
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate

POST = "/v1/complaints"


@dataclass
class Intake:
    """Intake without its background tasks, as an HTTP client uses it."""

    http: httpx.AsyncClient
    runtime: Runtime
    token: Callable[..., str]

    async def file(self, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(POST, json=EXAMPLE | changes, headers=headers)

    async def update(self, complaint: str, kind: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(f"{POST}/{complaint}/{kind}", json=body, headers=headers)

    async def count(self, table: str) -> int:
        return int(await self.runtime.pool.fetchval(f"select count(*) from {table}"))  # noqa: S608 (names of the tests)

    async def counts(self) -> tuple[int, ...]:
        return tuple([await self.count(name) for name in ("complaint", "timeline", "outbox", "idempotency")])

    async def events(self) -> list[Any]:
        return [
            read(row["value"]) for row in await self.runtime.pool.fetch("select value from outbox order by xid, id")
        ]


@pytest.fixture(scope="session")
def intake_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Database of all tests of intake over HTTP; creating one takes longer than a test."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["intake"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
async def intake_service(intake_dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Intake]:
    settings = Settings(postgres=intake_dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1")  # type: ignore[arg-type]
    app = build(settings)
    runtime = app.runtime
    await migrate(intake_dsn, app.schema)
    runtime.set_pool(await connect(settings, "intake"))
    _, front = build_http_app(runtime, Probe("intake", settings, runtime.metrics), app.routes, app.hot)

    def token(*scopes: str, client: str = "shop", lasts: timedelta = timedelta(hours=1)) -> str:
        return create_token(keys[0], client=client, scopes=frozenset(scopes), lasts=lasts, audience="redress")

    headers = {"authorization": f"Bearer {token('complaints:write', 'complaints:read')}"}
    transport = httpx.ASGITransport(front)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://intake", headers=headers) as http:
        yield Intake(http, runtime, token)
    await runtime.close()


@pytest.fixture
async def intake(intake_service: Intake) -> Intake:
    """Return the running service with empty tables."""
    await intake_service.runtime.pool.execute("truncate complaint, timeline, outbox, idempotency, inbox")
    return intake_service

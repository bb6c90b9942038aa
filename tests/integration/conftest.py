"""Fixtures of the services under test: the toy service, intake, notify and sla."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.intake.app import build as build_intake
from services.intake.settings import Settings as IntakeSettings
from services.sla.app import build as build_sla
from shared.contracts import ComplaintId
from shared.ops.metrics import Metrics
from shared.runner.replay import Replay
from shared.runner.runner import Runner
from shared.storage import postgres
from tests.factories import settings
from tests.integration.intake_client import IntakeClient
from tests.integration.notify_client import NotifyClient, notify_client
from tests.integration.service_client import NO_KAFKA, Keys, service_client
from tests.integration.sla_client import SCOPES, SlaClient, sla_settings
from tests.toy import SCHEMA, ToyState, toy


@dataclass
class ToyService:
    """Runner of the toy service, with the parts that tests inspect."""

    runner: Runner[ToyState, Any]
    replay: Replay[ToyState, Any]
    pool: asyncpg.Pool
    metrics: Metrics
    dsn: str

    async def load_words(self, subject: ComplaintId) -> tuple[str, ...]:
        async with postgres.transaction(self.pool) as conn:
            return await toy().store.load_words(conn, subject)  # type: ignore[attr-defined]

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        return list(await self.pool.fetch(query, *arguments))


@pytest.fixture
async def toy_service(dsns: dict[str, str], keys: tuple[Path, Path]) -> AsyncIterator[ToyService]:
    chosen = settings(dsns["triage"], keys[1], retry_seconds=2, breaker_in_a_row=5)
    await postgres.migrate(dsns["triage"], SCHEMA)
    pool = await postgres.connect(chosen, "toy")
    metrics = Metrics()
    runner = Runner(toy(), pool=lambda: pool, settings=chosen, metrics=metrics)
    replay = Replay(toy(), pool=lambda: pool, settings=chosen)
    yield ToyService(runner, replay, pool, metrics, dsns["triage"])
    await pool.close()


@pytest.fixture(scope="session")
async def session_intake(session_dsns: dict[str, str], keys: Keys) -> AsyncIterator[IntakeClient]:
    """Intake, for a client that files and reads complaints."""
    settings = IntakeSettings(postgres=session_dsns["intake"], auth_public_key_file=keys[1], kafka=NO_KAFKA)  # type: ignore[arg-type]
    scopes = ("complaints:write", "complaints:read")
    async with service_client(build_intake, settings, keys, *scopes, client=IntakeClient, actor="shop") as client:
        yield client


@pytest.fixture
async def intake(session_intake: IntakeClient) -> IntakeClient:
    """Intake without stored rows."""
    await session_intake.pool.execute("truncate complaint, timeline, outbox, idempotency, inbox")
    return session_intake


@pytest.fixture
async def notify(session_dsns: dict[str, str], keys: Keys) -> AsyncIterator[NotifyClient]:
    """Notify without stored rows."""
    async with notify_client(session_dsns["notify"], keys) as client:
        await client.pool.execute("truncate message, attempt, complaint, inbox, outbox, dead_letter")
        yield client


@pytest.fixture
async def sla(dsns: dict[str, str], keys: Keys) -> AsyncIterator[SlaClient]:
    """Sla on a database of this test's own, for a client that publishes rulebooks."""
    settings, scopes = sla_settings(dsns["sla"], keys), ("complaints:read", "sla:write")
    async with service_client(build_sla, settings, keys, *scopes, client=SlaClient, actor="ops") as client:
        yield client


@pytest.fixture(scope="module")
async def module_sla(module_dsns: dict[str, str], keys: Keys) -> AsyncIterator[SlaClient]:
    """Sla on a database that the tests of a module share, for a client that makes promises."""
    settings = sla_settings(module_dsns["sla"], keys, pace_ms=0)
    async with service_client(build_sla, settings, keys, *SCOPES, client=SlaClient) as client:
        yield client

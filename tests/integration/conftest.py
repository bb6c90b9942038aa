"""Runner of the toy service on a database per test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.sla.app import build as build_sla
from shared.contracts import ComplaintId
from shared.ops.metrics import Metrics
from shared.runner.replay import Replay
from shared.runner.runner import Runner
from shared.storage import postgres
from tests.factories import settings
from tests.integration.intake_client import intake, intake_dsn, intake_service  # noqa: F401 (fixtures for the tests here)
from tests.integration.service_client import Keys, service_client
from tests.integration.sla_client import SCOPES, SlaClient, sla_settings
from tests.toy import SCHEMA, ToyState, toy


@dataclass
class Rig:
    """Runner with the parts that tests inspect."""

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
async def rig(dsns: dict[str, str], keys: tuple[Path, Path]) -> AsyncIterator[Rig]:
    chosen = settings(dsns["triage"], keys[1], retry_seconds=2, breaker_in_a_row=5)
    await postgres.migrate(dsns["triage"], SCHEMA)
    pool = await postgres.connect(chosen, "toy")
    metrics = Metrics()
    runner = Runner(toy(), pool=lambda: pool, settings=chosen, metrics=metrics)
    replay = Replay(toy(), pool=lambda: pool, settings=chosen)
    yield Rig(runner, replay, pool, metrics, dsns["triage"])
    await pool.close()


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

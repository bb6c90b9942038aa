"""Sla on real PostgreSQL: facts in, timers claimed by the database's clock, and the doors that explain a date."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.sla.app import build
from services.sla.settings import Settings
from shared.auth import create_token
from shared.contracts import read
from shared.contracts.events import ClockBreached, ComplaintReceived, PromiseMade, Triaged
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate
from tests.factories import complaint_id, event, record


@dataclass
class Front:
    """The routes of sla, and the runtime behind them."""

    http: httpx.AsyncClient
    runtime: Runtime

    async def heard(self, *, ago: timedelta, severity: str = "normal") -> str:
        """A complaint that was received so long ago, and what triage says of it."""
        subject, at = complaint_id(), datetime.now(UTC) - ago
        received = ComplaintReceived(reference="R-1", client="shop", channel="web", received_at=at)
        triaged = Triaged(
            category=("billing",), severity=severity, language="en", confidence=1, decided_by="r", decider_version="1"
        )
        facts = [event(triaged, subject=subject, time=at), event(received, subject=subject, time=at)]
        await self.runtime.runner.apply_records([record(one) for one in facts])
        return str(subject)

    async def said(self, subject: str) -> list[Any]:
        rows = await self.runtime.pool.fetch(
            "select value from outbox o where key = $1::uuid order by o.xid, o.id", subject
        )
        return [read(row[0]).facts for row in rows]


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["sla"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def running(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Front]:
    chosen = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1")  # type: ignore[arg-type]
    app = build(chosen)
    runtime = app.runtime
    await migrate(dsn, app.schema)
    runtime.set_pool(await connect(chosen, "sla"))
    assert app.on_open
    await app.on_open()
    _, asgi = build_http_app(runtime, Probe("sla", chosen, runtime.metrics), app.routes, app.hot)
    token = create_token(
        keys[0], client="crm", scopes=frozenset({"complaints:read"}), lasts=timedelta(hours=1), audience="redress"
    )
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sla", headers=headers) as http:
        yield Front(http, runtime)
    await runtime.close()


async def test_a_promise_is_made_and_explained(running: Front) -> None:
    subject = await running.heard(ago=timedelta())
    assert [type(fact) for fact in await running.said(subject)] == [PromiseMade]
    answer = (await running.http.get(f"/v1/complaints/{subject}/clocks")).json()
    assert [(one["clock"], one["phase"]) for one in answer["clocks"]] == [
        ("assignment", "running"),
        ("acknowledge", "running"),
        ("requester_wait", "running"),
    ]
    assert all("because policy 'everyday' version 1 applies" in one["because"] for one in answer["clocks"])
    assert answer["promises"][0]["status"] == "untold"
    assert answer["promises"][0]["told_at"] is None


async def test_a_due_clock_is_claimed_fired_once_and_rests(running: Front) -> None:
    subject = await running.heard(ago=timedelta(days=3), severity="critical")
    assert await running.runtime.timers.run_once() >= 1
    fired = [fact.clock for fact in await running.said(subject) if isinstance(fact, ClockBreached)]
    assert sorted(fired) == ["acknowledge", "assignment", "requester_wait"]
    before = await running.said(subject)
    await running.runtime.timers.run_once()
    assert await running.said(subject) == before
    due_at = await running.runtime.pool.fetchval("select due_at from complaint where complaint_id = $1::uuid", subject)
    assert due_at is None or due_at > datetime.now(UTC)


async def test_policies_and_calendars_are_told_as_they_are_written(running: Front) -> None:
    policies = (await running.http.get("/v1/policies")).json()["policies"]
    assert [one["id"] for one in policies] == ["critical", "urgent", "paper", "everyday"]
    assert policies[0]["clocks"][0]["goal"]["wall"] == "PT15M"
    calendars = (await running.http.get("/v1/calendars")).json()["calendars"]
    assert {one["id"]: one["weekly_hours"]["mon"] for one in calendars} == {
        "always": [["00:00", "24:00"]],
        "office": [["09:00", "17:00"]],
    }


async def test_an_unknown_complaint_a_bad_id_and_a_missing_token_are_problems_not_failures(running: Front) -> None:
    unknown = await running.http.get(f"/v1/complaints/{uuid4()}/clocks")
    crooked = await running.http.get("/v1/complaints/nonsense/clocks")
    silent = await running.http.get("/v1/policies", headers={"authorization": ""})
    assert [one.status_code for one in (unknown, crooked, silent)] == [404, 422, 401]
    assert {one.headers["content-type"] for one in (unknown, crooked, silent)} == {"application/problem+json"}

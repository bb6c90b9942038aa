"""The operations every service offers over HTTP, on real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from shared.auth import create_token
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from tests.factories import settings
from tests.integration.conftest import Rig
from tests.toy import make_records, toy


@pytest.fixture
async def http(rig: Rig, keys: tuple[Path, Path]) -> AsyncIterator[httpx.AsyncClient]:
    chosen = settings(rig.dsn, keys[1])
    runtime = Runtime(toy(), chosen)
    runtime.set_pool(rig.pool)
    _, front = build_http_app(runtime, Probe("toy", chosen, runtime.metrics), APIRouter(), {})
    token = create_token(
        keys[0], client="operator", scopes=frozenset({"operate"}), lasts=timedelta(hours=1), audience="redress"
    )
    transport: Any = httpx.ASGITransport(front)  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=headers) as client:
        yield client


async def test_a_dead_letter_is_shown_however_many_are_older(rig: Rig, http: httpx.AsyncClient) -> None:
    await rig.pool.execute(
        "insert into dead_letter (event_id, topic, partition, record_offset, value, status, error)"
        " select gen_random_uuid(), 't', 0, n, 'x', 'buried', 'e' from generate_series(1, 100001) n"
    )
    subject, records = make_records("BROKEN")
    await rig.runner.apply_records(records)
    letter = await rig.pool.fetchval("select max(id) from dead_letter")
    shown = await http.get(f"/admin/dead/{letter}", params={"reveal": True})
    assert shown.status_code == 200
    assert (shown.json()["id"], shown.json()["subject"]) == (letter, str(subject))
    assert shown.json()["event"]["subject"] == str(subject)
    assert "event" not in (await http.get(f"/admin/dead/{letter}")).json(), "contents only on demand"


async def test_a_dead_letter_that_is_settled_is_not_shown(rig: Rig, http: httpx.AsyncClient) -> None:
    _, records = make_records("BROKEN")
    await rig.runner.apply_records(records)
    (listed,) = (await http.get("/admin/dead")).json()
    assert (await http.delete(f"/admin/dead/{listed['id']}")).status_code == 204
    assert (await http.get(f"/admin/dead/{listed['id']}")).status_code == 404
    assert (await http.delete(f"/admin/dead/{listed['id']}")).status_code == 404


async def test_dead_letters_need_the_scope_of_an_operator(http: httpx.AsyncClient, keys: tuple[Path, Path]) -> None:
    token = create_token(
        keys[0], client="shop", scopes=frozenset({"complaints:read"}), lasts=timedelta(hours=1), audience="redress"
    )
    for method, path in (("GET", "/admin/dead"), ("GET", "/admin/dead/1"), ("DELETE", "/admin/breaker")):
        assert (await http.request(method, path, headers={"authorization": f"Bearer {token}"})).status_code == 403
        assert (await http.request(method, path, headers={"authorization": ""})).status_code == 401

"""Routes of triage on real PostgreSQL: views, decisions and problem documents."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.triage.app import build
from services.triage.settings import Settings
from shared.auth import create_token
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate
from tests.factories import event, personal, received, record


@dataclass
class Front:
    """HTTP client of triage, and the runtime that serves it."""

    http: httpx.AsyncClient
    runtime: Runtime

    async def receive(self, text: str) -> str:
        complaint = event(received(), **personal(text))
        await self.runtime.runner.apply_records([record(complaint)])
        return str(complaint.subject)


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file: making one takes longer than a test."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["triage"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def running(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Front]:
    chosen = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1")  # type: ignore[arg-type]
    app = build(chosen)
    runtime = app.runtime
    await migrate(dsn, app.schema)
    runtime.set_pool(await connect(chosen, "triage"))
    assert app.on_open
    await app.on_open()
    _, asgi = build_http_app(runtime, Probe("triage", chosen, runtime.metrics), app.routes, app.hot)
    scopes = frozenset({"complaints:read", "cases:decide"})
    token = create_token(keys[0], client="crm", scopes=scopes, lasts=timedelta(hours=1), audience="redress")
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://triage", headers=headers) as http:
        yield Front(http, runtime)
    await runtime.close()


@pytest.fixture
async def front(running: Front) -> Front:
    """The running service, with nothing in it."""
    await running.runtime.pool.execute("truncate complaint, handler, inbox, outbox")
    return running


async def test_a_case_is_shown_without_a_word_of_the_customer(front: Front) -> None:
    complaint = await front.receive("My parcel never arrived, says Xanthippe.")
    answer = await front.http.get(f"/v1/cases/{complaint}")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["category"], shown["team"]) == ("open", ["delivery"], "deliveries")
    assert "delivery: never arrived" in shown["why"]
    assert "Xanthippe" not in answer.text


async def test_a_decision_moves_the_case_and_shows_in_the_other_queue(front: Front) -> None:
    complaint = await front.receive("My parcel never arrived.")
    decided = await front.http.post(f"/v1/cases/{complaint}/decision", json={"category": "fraud", "severity": "low"})
    assert decided.status_code == 200
    assert (decided.json()["team"], decided.json()["severity"]) == ("security", "low")
    assert decided.json()["decided_by"] == "handler:crm"
    before, after = [(await front.http.get("/v1/queue", params={"team": t})).json() for t in ("deliveries", "security")]
    assert before["cases"] == []
    assert [case["complaint_id"] for case in after["cases"]] == [complaint]


async def test_the_taxonomy_names_categories_in_every_language(front: Front) -> None:
    taxonomy = (await front.http.get("/v1/taxonomy")).json()
    assert {entry["id"] for entry in taxonomy["categories"]} >= {"delivery", "billing", "other"}
    assert all(
        {"en", "id", "vi", "zh-Hant", "sr-Cyrl", "nb"} <= entry["titles"].keys() for entry in taxonomy["categories"]
    )
    assert "@" not in str(taxonomy), "addresses of staff are not for clients"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/v1/cases/{uuid4()}", None, 404),
        ("GET", "/v1/cases/not-an-id", None, 422),
        ("GET", "/v1/queue", None, 422),
        ("GET", "/v1/queue?team=nobody", None, 422),
        ("GET", "/v1/queue?team=deliveries&limit=100000", None, 422),
        ("GET", "/v1/queue?team=%00", None, 400),
        ("POST", f"/v1/cases/{uuid4()}/decision", {"category": "billing"}, 404),
        ("POST", f"/v1/cases/{uuid4()}/decision", {"categry": "billing"}, 422),
        ("POST", f"/v1/cases/{uuid4()}/decision", {"severity": "grave"}, 422),
        ("POST", f"/v1/cases/{uuid4()}/decision", {"category": "a\x00"}, 422),
        ("POST", f"/v1/cases/{uuid4()}/decision", {"handler": "a\r\nb"}, 422),
        ("POST", f"/v1/cases/{uuid4()}/decision", [], 422),
    ],
)
async def test_an_invalid_request_is_answered_with_a_problem_document(front: Front, method, path, body, status) -> None:
    answer = await front.http.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_category_names_the_known_ones(front: Front) -> None:
    complaint = await front.receive("My parcel never arrived.")
    answer = await front.http.post(f"/v1/cases/{complaint}/decision", json={"category": "nonsense"})
    assert answer.status_code == 422
    assert "expected one of fraud, " in answer.json()["detail"]
    assert "nonsense" not in answer.text


async def test_without_a_token_nothing_is_shown(front: Front) -> None:
    answer = await front.http.get("/v1/taxonomy", headers={"authorization": ""})
    assert answer.status_code == 401

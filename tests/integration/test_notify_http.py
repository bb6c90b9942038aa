"""Routes of notify on real PostgreSQL: messages of a complaint, and previews."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.postgres import EmbeddedPostgres
from services.notify.routes.messages import routes
from shared import auth
from shared.http import problems
from tests.integration.notify_service import NotifyService, empty_service, notify_database
from tests.unit.notify import builders as b
from tests.unit.notify.smtp_servers import MailServer, run_mail_server


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file; every test empties it."""
    with notify_database(postgres) as created:
        yield created


@pytest.fixture
async def service(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[NotifyService]:
    async with empty_service(dsn, keys[1]) as opened:
        yield opened


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running_server:
        yield running_server


@pytest.fixture
async def http(service: NotifyService, keys: tuple[Path, Path]) -> AsyncIterator[Any]:
    from fastapi import FastAPI

    app = FastAPI()
    app.state.authenticator = service.runtime.authenticator
    problems.install(app)
    app.include_router(routes(service.runtime, service.renderer))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://notify.example") as client:

        def bearer(*scopes: str) -> dict[str, str]:
            token = auth.create_token(
                keys[0], client="service", scopes=frozenset(scopes), lasts=timedelta(hours=1), audience="redress"
            )
            return {"authorization": f"Bearer {token}"}

        yield client, bearer


async def test_the_timeline_shows_messages_with_their_attempts_and_no_address(
    service: NotifyService, mail_server: MailServer, http: Any
) -> None:
    client, bearer = http
    await service.receive(*b.OPENING_EVENTS, b.resolved())
    await service.smtp(mail_server).run_once()
    answer = await client.get(f"/v1/complaints/{b.SUBJECT}/messages", headers=bearer("complaints:read"))
    assert answer.status_code == 200
    first, second = answer.json()
    assert (first["kind"], first["status"], first["states_promise"]) == ("acknowledgement", "accepted", 1)
    assert [(attempt["number"], attempt["outcome"]) for attempt in first["attempts"]] == [(1, "sent")]
    assert (second["kind"], second["status"], second["attempts"]) == ("resolution", "queued", [])
    assert "customer-12" not in answer.text
    assert "Kettle" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "scope", "body", "status"),
    [
        ("GET", f"/v1/complaints/{UUID(int=7)}/messages", "complaints:read", None, 404),
        ("GET", "/v1/complaints/nonsense/messages", "complaints:read", None, 422),
        ("GET", f"/v1/complaints/{b.SUBJECT}/messages", "operate", None, 403),
        ("POST", "/v1/preview", "complaints:read", {"kind": "delay"}, 403),
        ("POST", "/v1/preview", "operate", {"kind": "poem"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "colour": "red"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "locale": "x" * 99}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "locale": "en\x00"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "timezone": "UTC\r\n"}, 422),
        ("POST", "/v1/preview", "operate", {"kind": "delay", "timezone": "../../etc/passwd"}, 200),
    ],
)
async def test_an_invalid_request_is_answered_with_a_problem_document(
    http: Any, method: str, path: str, scope: str, body: Any, status: int
) -> None:
    client, bearer = http
    answer = await client.request(method, path, json=body, headers=bearer(scope))
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_preview_is_in_the_requested_language(http: Any) -> None:
    client, bearer = http
    answer = await client.post(
        "/v1/preview",
        json={"kind": "resolution", "locale": "id", "timezone": "Asia/Jakarta"},
        headers=bearer("operate"),
    )
    assert answer.headers["content-language"] == "id"
    assert "Pengaduan Anda benar" in answer.text

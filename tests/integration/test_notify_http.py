"""Routes of notify on real PostgreSQL: messages of a complaint, and previews."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from tests.integration.notify_client import NotifyClient
from tests.unit.notify import builders as b
from tests.unit.notify.smtp_servers import MailServer, run_mail_server


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    async with run_mail_server() as running_server:
        yield running_server


async def test_the_timeline_shows_messages_with_their_attempts_and_no_address(
    notify: NotifyClient, mail_server: MailServer
) -> None:
    await notify.apply(*b.OPENING_EVENTS, b.resolved())
    await notify.smtp(mail_server).run_once()
    answer = await notify.http.get(f"/v1/complaints/{b.SUBJECT}/messages", headers=notify.headers("complaints:read"))
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
    notify: NotifyClient, method: str, path: str, scope: str, body: Any, status: int
) -> None:
    answer = await notify.http.request(method, path, json=body, headers=notify.headers(scope))
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_preview_is_in_the_requested_language(notify: NotifyClient) -> None:
    answer = await notify.http.post(
        "/v1/preview",
        json={"kind": "resolution", "locale": "id", "timezone": "Asia/Jakarta"},
        headers=notify.headers("operate"),
    )
    assert answer.headers["content-language"] == "id"
    assert "Pengaduan Anda benar" in answer.text

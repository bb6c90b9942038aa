"""Bad requests over HTTP: each is answered with a problem document and stores nothing."""

import json
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.intake.forms.complaint import EXAMPLE
from tests.integration.intake_client import POST, IntakeClient

SECRET = "Zebra-4711"


# ── bad input ──────────────────────────────────────────────────────────────────────────────────────────────────────────

JSON_BODY = json.dumps(EXAMPLE).encode()
INVALID: list[tuple[bytes, dict[str, str], int]] = [
    (b"{", {}, 400),
    (b'{"narrative": "\xff"}', {}, 400),
    (b"[]", {}, 422),
    (json.dumps(EXAMPLE | {"narrative": f"{SECRET}\x00"}).encode(), {}, 422),
    (json.dumps(EXAMPLE | {"extra": SECRET}).encode(), {}, 422),
    (b" " * (256 * 1024 + 1), {}, 413),
    (JSON_BODY, {"content-type": "text/plain"}, 415),
    (JSON_BODY, {"authorization": ""}, 401),
    (JSON_BODY, {"authorization": "Basic abc"}, 401),
    (JSON_BODY, {"authorization": "Bearer not.a.token"}, 401),
    (JSON_BODY, {"authorization": "Bearer \xff"}, 401),
    (JSON_BODY, {"idempotency-key": "a b"}, 422),
]


@pytest.mark.parametrize("path", [POST, f"{POST}/{uuid4()}/messages"])
@pytest.mark.parametrize(("body", "headers", "status"), INVALID)
async def test_an_invalid_request_is_a_problem_document_and_stores_nothing(
    intake: IntakeClient, path: str, body: bytes, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    sent = {"content-type": "application/json"} | headers
    encoded = {name: value.encode("latin-1") for name, value in sent.items()}
    answer = await intake.http.post(path, content=body, headers=encoded)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert SECRET not in answer.text + caplog.text
    assert await intake.counts() == (0, 0, 0, 0)


async def test_an_expired_token_is_401_and_a_missing_scope_403(intake: IntakeClient) -> None:
    expired = intake.headers("complaints:write", lasts=timedelta(hours=-1))
    reader = intake.headers("complaints:read")
    answer = await intake.http.post(POST, json=EXAMPLE, headers=expired)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "expired" in answer.json()["detail"]
    answer = await intake.http.post(POST, json=EXAMPLE, headers=reader)
    assert answer.status_code == 403
    assert "complaints:write" in answer.json()["detail"]
    created = (await intake.file()).json()
    writer = intake.headers("complaints:write")
    assert (await intake.http.get(f"{POST}/{created['id']}", headers=writer)).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{POST}/{uuid4()}", 404),
        (f"{POST}/not-an-id", 422),
        (f"{POST}/{uuid4()}/timeline", 404),
        (f"{POST}/by-reference/RC-7K3M-9QPX-5", 404),
        (f"{POST}/by-reference/RC-7K3M-9QPX-4", 422),
        (POST, 405),
        ("/v1/nothing", 404),
    ],
)
async def test_an_unknown_resource_is_a_problem_document(intake: IntakeClient, path: str, status: int) -> None:
    answer = await intake.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_without_database_the_response_is_503_with_retry_after(intake: IntakeClient) -> None:
    runtime = intake.runtime
    pool, runtime._pool = runtime._pool, None
    answer = await intake.file("k1")
    runtime._pool = pool
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await intake.file("k1")).status_code == 201


async def test_after_a_lost_database_connection_the_next_request_is_accepted(intake: IntakeClient) -> None:
    await intake.file()
    try:
        async with intake.runtime.pool.acquire() as conn:
            await conn.execute("select pg_terminate_backend(pg_backend_pid())")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        pass
    assert (await intake.file()).status_code == 201

"""Routes of triage on real PostgreSQL: views, decisions and problem documents."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.triage.app import build
from services.triage.settings import Settings
from tests.factories import event, personal, received
from tests.integration.service_client import NO_KAFKA, Keys, ServiceClient, service_client


class TriageClient(ServiceClient):
    """Client of triage that receives complaints."""

    async def receive_complaint(self, text: str) -> str:
        complaint = event(received(), **personal(text))
        await self.apply(complaint)
        return str(complaint.subject)


@pytest.fixture(scope="module")
async def module_triage(session_dsns: dict[str, str], keys: Keys) -> AsyncIterator[TriageClient]:
    settings = Settings(postgres=session_dsns["triage"], auth_public_key_file=keys[1], kafka=NO_KAFKA)  # type: ignore[arg-type]
    async with service_client(build, settings, keys, "complaints:read", "cases:decide", client=TriageClient) as client:
        yield client


@pytest.fixture
async def triage(module_triage: TriageClient) -> TriageClient:
    """Triage without stored rows."""
    await module_triage.pool.execute("truncate complaint, handler, inbox, outbox")
    return module_triage


async def test_a_case_is_shown_without_text_of_the_customer(triage: TriageClient) -> None:
    complaint = await triage.receive_complaint("My parcel never arrived, says Xanthippe.")
    answer = await triage.http.get(f"/v1/cases/{complaint}")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["category"], shown["team"]) == ("open", ["delivery"], "deliveries")
    assert "delivery: never arrived" in shown["why"]
    assert "Xanthippe" not in answer.text


async def test_a_decision_moves_the_case_to_the_queue_of_the_other_team(triage: TriageClient) -> None:
    complaint = await triage.receive_complaint("My parcel never arrived.")
    decided = await triage.http.post(f"/v1/cases/{complaint}/decision", json={"category": "fraud", "severity": "low"})
    assert decided.status_code == 200
    assert (decided.json()["team"], decided.json()["severity"]) == ("security", "low")
    assert decided.json()["decided_by"] == "handler:crm"
    before, after = [
        (await triage.http.get("/v1/queue", params={"team": t})).json() for t in ("deliveries", "security")
    ]
    assert before["cases"] == []
    assert [case["complaint_id"] for case in after["cases"]] == [complaint]


async def test_the_taxonomy_has_titles_in_every_language(triage: TriageClient) -> None:
    taxonomy = (await triage.http.get("/v1/taxonomy")).json()
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
async def test_an_invalid_request_is_answered_with_a_problem_document(
    triage: TriageClient, method, path, body, status
) -> None:
    answer = await triage.http.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_category_is_refused_with_the_valid_ones(triage: TriageClient) -> None:
    complaint = await triage.receive_complaint("My parcel never arrived.")
    answer = await triage.http.post(f"/v1/cases/{complaint}/decision", json={"category": "nonsense"})
    assert answer.status_code == 422
    assert "expected one of fraud, " in answer.json()["detail"]
    assert "nonsense" not in answer.text


async def test_a_request_without_token_is_401(triage: TriageClient) -> None:
    answer = await triage.http.get("/v1/taxonomy", headers={"authorization": ""})
    assert answer.status_code == 401

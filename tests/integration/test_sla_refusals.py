"""Refusals of sla over HTTP, on real PostgreSQL: each names the field and the expected value, with an example."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.auth import create_token
from shared.contracts.events import Resolved
from shared.text import PATTERNS, REASON_PATTERN
from tests.integration.sla_client import SCOPES, SlaClient, accepted, ahead

ANY = uuid4()
BODY = {"subject": "action", "item": "refund", "due_at": "2031-05-05T12:00:00Z"}
CONTROLS = ("a\x00", "a\r\nb", "\x1b[2J", "a\x7f", "a\x85b", "a\u2028b")


def detail(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


# ── control characters ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("item", CONTROLS)
async def test_an_item_with_a_control_character_is_refused(module_sla: SlaClient, item: str) -> None:
    subject = await module_sla.opened()
    _, seen = await module_sla.clocks(subject)
    body = BODY | {"item": item}
    answer = await module_sla.http.post(f"/v1/complaints/{subject}/promises", json=body, headers={"if-match": seen})
    assert detail(answer, 422) == "item: expected one line of text without control characters"


async def test_an_invalid_command_does_not_affect_commands_of_other_clients(module_sla: SlaClient) -> None:
    subjects = [await module_sla.opened() for _ in range(6)]
    seen = [(await module_sla.clocks(subject))[1] for subject in subjects]
    bodies = [BODY | {"due_at": ahead(days=2), "item": "a\x00" if n == 2 else "a"} for n in range(6)]
    posts = [
        module_sla.http.post(f"/v1/complaints/{subject}/promises", json=body, headers={"if-match": version})
        for subject, body, version in zip(subjects, bodies, seen, strict=True)
    ]
    assert [answer.status_code for answer in await asyncio.gather(*posts)] == [201, 201, 422, 201, 201, 201]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/at-risk?team=%00",
        "/v1/promises/figures?team=a%0Ab",
        "/v1/breaches?team=%7F",
        "/v1/teams/%00/due.ics",
        "/v1/teams/a%0D%0Ab/due.ics",
        f"/v1/complaints/{ANY}/clocks?for=%00",
        "/v1/complaints/%00/clocks",
    ],
)
async def test_a_url_with_a_control_character_is_refused(module_sla: SlaClient, path: str) -> None:
    assert "expected text without control characters" in detail(await module_sla.http.get(path), 400)


@pytest.mark.parametrize("name", CONTROLS)
async def test_a_rulebook_with_a_control_character_is_refused_with_its_path(module_sla: SlaClient, name: str) -> None:
    document = (await module_sla.http.get("/v1/rulebook")).json()["document"]
    document["policy"][-1]["name"] = name
    answer = await module_sla.http.post("/v1/rulebook/drafts", json=document, headers=module_sla.headers("sla:write"))
    assert detail(answer, 422).startswith(f"policy.{len(document['policy']) - 1}.name: expected one line of text")
    document["policy"][-1]["name"] = "fine"
    document["pack"] = [{"id": "p", "version": 1, name: 1}]
    answer = await module_sla.http.post("/v1/rulebook/drafts", json=document, headers=module_sla.headers("sla:write"))
    assert detail(answer, 422).startswith("pack.0: expected one line of text")


async def test_a_token_whose_subject_has_a_control_character_is_not_valid(module_sla: SlaClient) -> None:
    token = create_token(
        module_sla.keys[0], client="a\x00", scopes=SCOPES, lasts=timedelta(hours=1), audience="redress"
    )
    answer = await module_sla.http.get("/v1/policies", headers={"authorization": f"Bearer {token}"})
    assert "without control characters" in detail(answer, 401)


# ── invalid bodies and queries ───────────────────────────────────────────────────────────────────────────────────────

JSON = {"content-type": "application/json"}
EXAMPLE = '{"due_at": "2026-05-04T09:30:00+07:00", "reason": "supplier_delay"}'
# Body of a revision, the status, and the detail of the problem document.
BODIES: dict[str, tuple[bytes, int, str]] = {
    "half an object": (
        b'{"due_at": ',
        422,
        f"body: expected JSON in UTF-8 that can be read beyond character 11, such as {EXAMPLE}",
    ),
    "no UTF-8": (b'{"reason": "\xff"}', 400, "body: expected JSON in UTF-8"),
    "a list": (
        b"[]",
        422,
        f"body: expected an object, such as {EXAMPLE}",
    ),
    "nothing": (
        b"",
        422,
        f"body: expected a value such as {EXAMPLE}; this field is required",
    ),
    "no date": (
        b'{"reason": "x"}',
        422,
        'due_at: expected a value such as "2026-05-04T09:30:00+07:00"; this field is required',
    ),
    "no zone": (
        b'{"due_at": "2031-05-05T12:00:00", "reason": "x"}',
        422,
        "due_at: expected a time with its offset, such as 2026-05-04T09:30:00+07:00 or 2026-05-04T02:30:00Z",
    ),
    "a number": (
        b'{"due_at": 1900000000, "reason": "x"}',
        422,
        "due_at: expected an ISO 8601 time with offset that exists, such as 2026-05-04T09:30:00+07:00",
    ),
    "no such day": (
        b'{"due_at": "2031-02-30T12:00:00Z", "reason": "x"}',
        422,
        "due_at: expected an ISO 8601 time with offset that exists, such as 2026-05-04T09:30:00+07:00",
    ),
    "an unknown field": (
        b'{"due_at": "2031-05-05T12:00:00Z", "reason": "x", "why": "y"}',
        422,
        "why: expected one of the fields due_at, reason, approve",
    ),
    "a sentence for a code": (
        b'{"due_at": "2031-05-05T12:00:00Z", "reason": "No code."}',
        422,
        f"reason: expected {PATTERNS[REASON_PATTERN]}",
    ),
    "half a character": (
        b'{"due_at": "2031-05-05T12:00:00Z", "reason": "\\ud800"}',
        422,
        'reason: expected text without halves of characters, such as "supplier_delay"',
    ),
    "a word for yes": (
        b'{"due_at": "2031-05-05T12:00:00Z", "reason": "x", "approve": "yes"}',
        422,
        "approve: expected true or false",
    ),
}


@pytest.mark.parametrize(("content", "status", "sentence"), BODIES.values(), ids=BODIES)
async def test_an_invalid_body_is_refused_with_the_expected_value_and_an_example(
    module_sla: SlaClient, content: bytes, status: int, sentence: str
) -> None:
    path = f"/v1/complaints/{ANY}/promises/1/revision"
    answer = await module_sla.http.post(path, content=content, headers={**JSON, "if-match": '"1"'})
    assert detail(answer, status) == sentence


async def test_a_document_with_a_syntax_error_is_refused_with_the_line(module_sla: SlaClient) -> None:
    headers = JSON | module_sla.headers("sla:write")
    answer = await module_sla.http.post("/v1/rulebook/drafts", content=b'{"policy": [\n{]}', headers=headers)
    assert detail(answer, 422).startswith(
        "body: expected JSON in UTF-8 that can be read beyond line 2, with sections such"
    )


async def test_a_body_of_another_media_type_is_415(module_sla: SlaClient) -> None:
    path = f"/v1/complaints/{ANY}/promises"
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {"content-type": kind, "if-match": '"1"'}
        answer = await module_sla.http.post(path, content=json.dumps(BODY).encode(), headers=headers)
        assert detail(answer, 415) == "Content-Type: expected application/json"


@pytest.mark.parametrize("value", ["3", "*", '"3", "77"', 'W/"3"', '""', '"abc"', '"3'])
async def test_an_invalid_if_match_is_400_and_not_412(module_sla: SlaClient, value: str) -> None:
    path = f"/v1/complaints/{ANY}/promises"
    answer = await module_sla.http.post(path, json=BODY, headers={"if-match": value})
    assert detail(answer, 400).startswith("If-Match: expected one ETag as it was received, with its quotes, such as ")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("at=2026-11-27", "query.at: expected an ISO 8601 time with offset"),
        ("at=2026-11-27T09:00", "query.at: expected a time with its offset, such as"),
        ("at=2026-11-27T09:00:00+01:00", "%2B07:00: a bare + in a URL means a space"),
        ("at=1700000000", "query.at: expected an ISO 8601 time with offset"),
        ("for=me", "query.for: expected one of 'handler' or 'customer'"),
    ],
)
async def test_an_invalid_query_is_refused_with_an_example(module_sla: SlaClient, query: str, sentence: str) -> None:
    subject = await module_sla.opened()
    assert sentence in detail(await module_sla.http.get(f"/v1/complaints/{subject}/clocks?{query}"), 422)


@pytest.mark.parametrize("within", ["4", "soon", "P", "PT", "1 day", "04:00:00"])
async def test_within_must_be_a_duration(module_sla: SlaClient, within: str) -> None:
    answer = await module_sla.http.get("/v1/at-risk", params={"within": within})
    assert detail(answer, 422) == "query.within: expected a duration such as PT4H, PT30M or P2D"


@pytest.mark.parametrize("far", ["0001-01-05T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_at_the_limits_of_the_calendar_are_refused(module_sla: SlaClient, far: str) -> None:
    subject = await module_sla.opened()
    for path in (f"complaints/{subject}/clocks?at={far}", f"breaches?until={far}", f"outages?since={far}"):
        assert "expected a year from 1901 to 8999" in detail(await module_sla.http.get(f"/v1/{path}"), 422)


async def test_an_explanation_as_of_a_future_time_is_refused(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    path = f"/v1/complaints/{subject}/clocks"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "a time in the past" in detail(await module_sla.http.get(path, params={"at": later}), 422)
    soon = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    assert (await module_sla.http.get(path, params={"at": soon})).status_code == 200, (
        "the client's clock may differ by seconds"
    )


# ── closed promises ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_kept_promise_cannot_be_revised_and_an_open_one_can(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(ago=timedelta(hours=1))
    path = f"/v1/complaints/{subject}/promises"
    for item in ("next_update", "action"):
        _, seen = await module_sla.clocks(subject)
        body = {"subject": item, "item": item[:6], "due_at": ahead(days=3)}
        assert (await module_sla.http.post(path, json=body, headers={"if-match": seen})).status_code == 201
    now = datetime.now(UTC)
    await module_sla.receive(
        subject, (accepted(2, now, "promise_moved"), now), (accepted(3, now, "promise_moved"), now)
    )
    await module_sla.receive(subject, (accepted(None, now + timedelta(seconds=1), "progress"), now))
    moved = {"due_at": ahead(days=9), "reason": "supplier_delay"}
    clocks, seen = await module_sla.clocks(subject)
    assert [clock["status"] for clock in clocks["promises"]] == ["open", "kept", "open"]
    kept = await module_sla.http.post(f"{path}/2/revision", json=moved, headers={"if-match": seen})
    assert "has been done; its date no longer moves, make a new promise" in detail(kept, 409)
    owed = await module_sla.http.post(f"{path}/3/revision", json=moved, headers={"if-match": seen})
    assert owed.status_code == 200
    again = {"subject": "next_update", "due_at": ahead(days=4)}
    made = await module_sla.http.post(path, json=again, headers={"if-match": owed.headers["etag"]})
    assert made.status_code == 201


async def test_a_broken_promise_that_is_not_fulfilled_can_be_revised(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(ago=timedelta(days=40))
    async with asyncio.timeout(30):
        while (await module_sla.clocks(subject))[0]["promises"][0]["status"] != "broken":
            await module_sla.runtime.timers.run_once()
    _, seen = await module_sla.clocks(subject)
    moved = {"due_at": ahead(days=3), "reason": "supplier_delay", "approve": True}
    path = f"/v1/complaints/{subject}/promises/1/revision"
    assert (await module_sla.http.post(path, json=moved, headers={"if-match": seen})).status_code == 200


@pytest.mark.parametrize("reason", ["a storm\nFrom: x", "\x00\x00\x00", "a  \x1b", "   ", "  a  "])
async def test_a_publication_needs_a_reason_of_one_line(module_sla: SlaClient, reason: str) -> None:
    path = f"/v1/rulebook/drafts/{ANY}:publish"
    headers = module_sla.headers("sla:write") | {"if-match": '"1"'}
    answer = await module_sla.http.post(path, json={"mode": "new_only", "reason": reason}, headers=headers)
    assert detail(answer, 422).startswith("reason: expected ")


async def test_a_cancelled_promise_cannot_be_revised(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    now = datetime.now(UTC)
    await module_sla.receive(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    _, seen = await module_sla.clocks(subject)
    moved = {"due_at": ahead(days=9), "reason": "supplier_delay"}
    answer = await module_sla.http.post(
        f"/v1/complaints/{subject}/promises/1/revision", json=moved, headers={"if-match": seen}
    )
    assert "the complaint is closed" in detail(answer, 409)


# ── OpenAPI ──────────────────────────────────────────────────────────────────────────────────────────


async def test_openapi_describes_every_refusal_as_a_problem_document(module_sla: SlaClient) -> None:
    document = (await module_sla.http.get("/openapi.json")).json()
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operations = {
        (path, verb): operation for path, verbs in document["paths"].items() for verb, operation in verbs.items()
    }
    for operation in operations.values():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert response["content"] == problem
    assert "HTTPValidationError" not in document["components"]["schemas"]
    revision = operations["/v1/complaints/{complaint_id}/promises/{number}/revision", "post"]
    assert {"200", "202", "400", "401", "403", "404", "409", "412", "415", "422", "428"} <= revision["responses"].keys()
    assert {"404", "400", "401", "403", "422"} <= operations["/v1/complaints/{complaint_id}/clocks", "get"][
        "responses"
    ].keys()
    for (path, verb), operation in operations.items():
        for parameter in operation.get("parameters", ()):
            assert parameter["required"] or parameter["name"] != "if-match", (path, verb)
            assert "x-needed" not in parameter["schema"]
    needs = {
        path
        for (path, _), operation in operations.items()
        for p in operation.get("parameters", ())
        if p["name"] == "if-match"
    }
    assert len(needs) == 7

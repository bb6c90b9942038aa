"""Creation of complaints over HTTP: one, repeated with a key, and in batches."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from services.intake.forms.complaint import EXAMPLE
from services.intake.store import create
from tests.integration.intake_client import POST, IntakeClient

NDJSON = {"content-type": "application/x-ndjson"}


# ── one complaint ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaint_and_its_event_are_stored_before_the_201_response(intake: IntakeClient) -> None:
    answer = await intake.file()
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{POST}/{body['id']}"
    assert await intake.counts() == (1, 1, 1, 0)
    (event,) = await intake.events()
    assert (str(event.subject), event.sequence, event.facts.reference) == (body["id"], 1, body["reference"])
    assert event.contact().email == EXAMPLE["customer"]["email"]


async def test_a_filed_complaint_can_be_read_by_id_and_by_reference(intake: IntakeClient) -> None:
    created = (await intake.file()).json()
    by_id = (await intake.http.get(f"{POST}/{created['id']}")).json()
    typed = created["reference"].lower().replace("-", " ").replace("0", "o")
    assert (await intake.http.get(f"{POST}/by-reference/{typed}")).json() == by_id
    assert by_id["narrative"] == EXAMPLE["narrative"]
    assert (by_id["status"], by_id["client"]) == ("received", "shop")


async def test_a_repeated_request_with_the_same_key_gets_the_same_response(intake: IntakeClient) -> None:
    first, again = await intake.file("k1"), await intake.file("k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await intake.counts() == (1, 1, 1, 1)


async def test_a_repeated_request_may_differ_in_white_space_and_order(intake: IntakeClient) -> None:
    await intake.file("k1")
    shuffled = json.dumps(dict(reversed(EXAMPLE.items())), indent=3)
    headers = {"idempotency-key": '"k1"', "content-type": "application/json; charset=utf-8"}
    assert (await intake.http.post(POST, content=shuffled, headers=headers)).headers["idempotency-replayed"] == "true"


async def test_a_key_reused_with_another_body_is_422(intake: IntakeClient) -> None:
    await intake.file("k1")
    answer = await intake.file("k1", channel="phone")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")
    assert await intake.counts() == (1, 1, 1, 1)


async def test_two_clients_may_use_the_same_key(intake: IntakeClient) -> None:
    await intake.file("k1")
    bank = intake.headers("complaints:write", client="bank") | {"idempotency-key": "k1"}
    answer = await intake.http.post(POST, json=EXAMPLE | {"channel": "branch"}, headers=bank)
    assert answer.status_code == 201
    assert await intake.count("complaint") == 2


async def test_concurrent_requests_with_the_same_keys_store_each_key_once(intake: IntakeClient) -> None:
    answers = await asyncio.gather(*(intake.file(f"k{n % 5}") for n in range(60)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 5
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 5
    assert await intake.counts() == (5, 5, 5, 5)


async def test_a_reference_that_exists_is_replaced_by_a_new_one(
    intake: IntakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = (await intake.file()).json()["reference"]
    row = create.CreateComplaint._row

    def collide(self: Any, complaint: Any, now: datetime) -> tuple[Any, ...]:
        monkeypatch.setattr(create.CreateComplaint, "_row", row)
        return row(self, replace(complaint, command=replace(complaint.command, reference=reference)), now)

    monkeypatch.setattr(create.CreateComplaint, "_row", collide)
    answer = await intake.file()
    assert answer.status_code == 201
    assert answer.json()["reference"] != reference
    assert await intake.count("complaint") == 2


async def test_a_body_just_below_the_size_limit_is_accepted(intake: IntakeClient) -> None:
    answer = await intake.file(narrative="投" * 80_000)
    assert answer.status_code == 201
    (event,) = await intake.events()
    assert len(event.narrative().text) == 80_000


# ── batches ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lines(*items: Any) -> str:
    return "\n".join(item if isinstance(item, str) else json.dumps(EXAMPLE | item) for item in items)


async def test_each_line_has_its_own_result_in_order(intake: IntakeClient) -> None:
    body = lines(
        {"idempotency_key": "a"},
        "{broken",
        "",
        {"channel": "smoke"},
        {"idempotency_key": "a"},
        {"idempotency_key": "b"},
        {},
    )
    answer = await intake.http.post(f"{POST}:batch", content=body, headers=NDJSON)
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200
    assert [(result["line"], result["status"]) for result in results] == [
        (1, 201),
        (2, 400),
        (4, 422),
        (5, 201),
        (6, 201),
        (7, 201),
    ]
    assert results[2]["problem"]["errors"][0]["field"] == "channel"
    assert results[3] == results[0] | {"line": 5, "replayed": True}
    assert await intake.counts() == (3, 3, 3, 2)


async def test_a_line_and_a_single_request_with_one_key_are_one_complaint(intake: IntakeClient) -> None:
    first = (await intake.file("a")).json()
    answer = await intake.http.post(f"{POST}:batch", content=lines({"idempotency_key": "a"}), headers=NDJSON)
    assert json.loads(answer.text)["id"] == first["id"]


async def test_a_batch_of_1000_lines_is_accepted_and_one_of_1001_is_refused(intake: IntakeClient) -> None:
    full = lines(*({"idempotency_key": f"k{n}"} for n in range(1000)))
    answer = await intake.http.post(f"{POST}:batch", content=full, headers=NDJSON)
    assert {json.loads(line)["status"] for line in answer.text.splitlines()} == {201}
    assert await intake.count("complaint") == 1000
    over = await intake.http.post(f"{POST}:batch", content=full + "\n{}", headers=NDJSON)
    assert (over.status_code, over.json()["errors"][0]["expected"]) == (422, "at most 1000 lines")
    assert await intake.count("complaint") == 1000


async def test_a_line_that_is_too_large_is_refused_alone(intake: IntakeClient) -> None:
    body = lines({"narrative": "投" * 90_000}, {})
    answer = await intake.http.post(f"{POST}:batch", content=body, headers=NDJSON)
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [413, 201]

"""Intake over HTTP on real PostgreSQL, with Kafka out of reach: filed, repeated, stated, read, refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.intake.app import build
from services.intake.forms.complaint import EXAMPLE
from services.intake.settings import Settings
from services.intake.store import create
from shared.auth import create_token
from shared.contracts import ComplaintId, read
from shared.contracts import events as e
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate
from tests.factories import complaint_id, event, record

POST = "/v1/complaints"
SECRET = "Zebra-4711"
NDJSON = {"content-type": "application/x-ndjson"}


@dataclass
class Intake:
    """The service without its background, as a client meets it."""

    http: httpx.AsyncClient
    runtime: Runtime
    token: Callable[..., str]

    async def file(self, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(POST, json=EXAMPLE | changes, headers=headers)

    async def state(self, complaint: str, fact: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(f"{POST}/{complaint}/{fact}", json=body, headers=headers)

    async def count(self, table: str) -> int:
        return int(await self.runtime.pool.fetchval(f"select count(*) from {table}"))  # noqa: S608 (our own names)

    async def counts(self) -> tuple[int, ...]:
        return tuple([await self.count(name) for name in ("complaint", "timeline", "outbox", "idempotency")])

    async def said(self) -> list[Any]:
        return [
            read(row["value"]) for row in await self.runtime.pool.fetch("select value from outbox order by xid, id")
        ]


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file: making one takes longer than a test."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["intake"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def running(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Intake]:
    settings = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1")  # type: ignore[arg-type]
    app = build(settings)
    runtime = app.runtime
    await migrate(dsn, app.schema)
    runtime.set_pool(await connect(settings, "intake"))
    _, front = build_http_app(runtime, Probe("intake", settings, runtime.metrics), app.routes, app.hot)

    def token(*scopes: str, client: str = "shop", lasts: timedelta = timedelta(hours=1)) -> str:
        return create_token(keys[0], client=client, scopes=frozenset(scopes), lasts=lasts, audience="redress")

    headers = {"authorization": f"Bearer {token('complaints:write', 'complaints:read')}"}
    transport = httpx.ASGITransport(front)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://intake", headers=headers) as http:
        yield Intake(http, runtime, token)
    await runtime.close()


@pytest.fixture
async def intake(running: Intake) -> Intake:
    """The running service, with nothing in it."""
    await running.runtime.pool.execute("truncate complaint, timeline, outbox, idempotency, inbox")
    return running


# ── filing ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaint_is_on_disk_with_its_event_when_201_arrives(intake: Intake) -> None:
    answer = await intake.file()
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{POST}/{told['id']}"
    assert await intake.counts() == (1, 1, 1, 0)
    (said,) = await intake.said()
    assert (str(said.subject), said.sequence, said.facts.reference) == (told["id"], 1, told["reference"])
    assert said.contact().email == EXAMPLE["customer"]["email"]


async def test_what_was_filed_is_found_by_id_and_by_reference(intake: Intake) -> None:
    told = (await intake.file()).json()
    by_id = (await intake.http.get(f"{POST}/{told['id']}")).json()
    typed = told["reference"].lower().replace("-", " ").replace("0", "o")
    assert (await intake.http.get(f"{POST}/by-reference/{typed}")).json() == by_id
    assert by_id["narrative"] == EXAMPLE["narrative"]
    assert (by_id["status"], by_id["client"]) == ("received", "shop")


async def test_a_repeat_with_the_same_key_gets_the_same_answer(intake: Intake) -> None:
    first, again = await intake.file("k1"), await intake.file("k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await intake.counts() == (1, 1, 1, 1)


async def test_a_repeat_may_differ_in_white_space_and_order(intake: Intake) -> None:
    await intake.file("k1")
    shuffled = json.dumps(dict(reversed(EXAMPLE.items())), indent=3)
    headers = {"idempotency-key": '"k1"', "content-type": "application/json; charset=utf-8"}
    assert (await intake.http.post(POST, content=shuffled, headers=headers)).headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_another_body_is_422(intake: Intake) -> None:
    await intake.file("k1")
    answer = await intake.file("k1", channel="phone")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")
    assert await intake.counts() == (1, 1, 1, 1)


async def test_keys_of_two_clients_do_not_meet(intake: Intake) -> None:
    await intake.file("k1")
    bank = {"authorization": f"Bearer {intake.token('complaints:write', client='bank')}", "idempotency-key": "k1"}
    answer = await intake.http.post(POST, json=EXAMPLE | {"channel": "branch"}, headers=bank)
    assert answer.status_code == 201
    assert await intake.count("complaint") == 2


async def test_many_at_once_with_few_keys_store_each_key_once(intake: Intake) -> None:
    answers = await asyncio.gather(*(intake.file(f"k{n % 5}") for n in range(60)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 5
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 5
    assert await intake.counts() == (5, 5, 5, 5)


async def test_a_reference_that_exists_is_drawn_anew(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (await intake.file()).json()["reference"]
    row = create.CreateComplaint._row

    def collide(self: Any, one: Any, now: datetime) -> tuple[Any, ...]:
        monkeypatch.setattr(create.CreateComplaint, "_row", row)
        return row(self, replace(one, given=replace(one.given, reference=known)), now)

    monkeypatch.setattr(create.CreateComplaint, "_row", collide)
    answer = await intake.file()
    assert answer.status_code == 201
    assert answer.json()["reference"] != known
    assert await intake.count("complaint") == 2


async def test_a_body_of_almost_the_limit_is_taken(intake: Intake) -> None:
    answer = await intake.file(narrative="投" * 80_000)
    assert answer.status_code == 201
    (said,) = await intake.said()
    assert len(said.narrative().text) == 80_000


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lines(*given: Any) -> str:
    return "\n".join(one if isinstance(one, str) else json.dumps(EXAMPLE | one) for one in given)


async def test_each_line_has_its_own_result_in_order(intake: Intake) -> None:
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
    assert [(one["line"], one["status"]) for one in results] == [
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


async def test_a_line_and_a_single_request_with_one_key_are_one_complaint(intake: Intake) -> None:
    first = (await intake.file("a")).json()
    answer = await intake.http.post(f"{POST}:batch", content=lines({"idempotency_key": "a"}), headers=NDJSON)
    assert json.loads(answer.text)["id"] == first["id"]


async def test_a_batch_of_a_thousand_goes_in_and_one_more_does_not(intake: Intake) -> None:
    full = lines(*({"idempotency_key": f"k{n}"} for n in range(1000)))
    answer = await intake.http.post(f"{POST}:batch", content=full, headers=NDJSON)
    assert {json.loads(line)["status"] for line in answer.text.splitlines()} == {201}
    assert await intake.count("complaint") == 1000
    over = await intake.http.post(f"{POST}:batch", content=full + "\n{}", headers=NDJSON)
    assert (over.status_code, over.json()["errors"][0]["expected"]) == (422, "at most 1000 lines")
    assert await intake.count("complaint") == 1000


async def test_a_line_that_is_too_large_is_its_own_problem(intake: Intake) -> None:
    body = lines({"narrative": "投" * 90_000}, {})
    answer = await intake.http.post(f"{POST}:batch", content=body, headers=NDJSON)
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [413, 201]


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────────────────────────

JSON_BODY = json.dumps(EXAMPLE).encode()
WRONG: list[tuple[bytes, dict[str, str], int]] = [
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
@pytest.mark.parametrize(("body", "headers", "status"), WRONG)
async def test_bad_input_is_a_problem_and_stores_nothing(
    intake: Intake, path: str, body: bytes, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"content-type": "application/json"} | headers
    encoded = {name: value.encode("latin-1") for name, value in given.items()}
    answer = await intake.http.post(path, content=body, headers=encoded)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert SECRET not in answer.text + caplog.text
    assert await intake.counts() == (0, 0, 0, 0)


async def test_an_expired_token_and_a_wrong_scope_are_told_apart(intake: Intake) -> None:
    expired = {"authorization": f"Bearer {intake.token('complaints:write', lasts=timedelta(hours=-1))}"}
    reader = {"authorization": f"Bearer {intake.token('complaints:read')}"}
    answer = await intake.http.post(POST, json=EXAMPLE, headers=expired)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "expired" in answer.json()["detail"]
    answer = await intake.http.post(POST, json=EXAMPLE, headers=reader)
    assert answer.status_code == 403
    assert "complaints:write" in answer.json()["detail"]
    told = (await intake.file()).json()
    writer = {"authorization": f"Bearer {intake.token('complaints:write')}"}
    assert (await intake.http.get(f"{POST}/{told['id']}", headers=writer)).status_code == 403


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
async def test_what_is_not_there_is_a_problem_too(intake: Intake, path: str, status: int) -> None:
    answer = await intake.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_while_the_database_is_away_clients_are_asked_to_come_back(intake: Intake) -> None:
    runtime = intake.runtime
    pool, runtime._pool = runtime._pool, None
    answer = await intake.file("k1")
    runtime._pool = pool
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await intake.file("k1")).status_code == 201


async def test_after_the_database_came_back_the_next_request_is_taken(intake: Intake) -> None:
    await intake.file()
    try:
        async with intake.runtime.pool.acquire() as conn:
            await conn.execute("select pg_terminate_backend(pg_backend_pid())")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        pass
    assert (await intake.file()).status_code == 201


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaints_life_is_said_in_order_and_told_in_sentences(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    for fact, body, status in [
        ("messages", {"text": "It is the blue one."}, "received"),
        ("progress", {"state": "awaiting_customer", "note": "Which size?"}, "awaiting_customer"),
        ("messages", {"author": "handler", "text": "Note to self.", "public": False}, "awaiting_customer"),
        ("messages", {"text": "Size 7."}, "open"),
        ("resolution", {"outcome": "upheld", "explanation": "A new one is coming."}, "resolved"),
        ("feedback", {"fixed": False, "words": "Still broken."}, "open"),
        ("withdraw", {}, "withdrawn"),
        ("reopen", {"reason": "Changed my mind."}, "open"),
    ]:
        answer = await intake.state(complaint, fact, **body)
        assert (answer.status_code, answer.json()["status"]) == (201, status)
    said = await intake.said()
    assert [one.sequence for one in said] == list(range(1, 11))
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()
    assert [line["sentence"] for line in story["entries"]] == [
        "The complaint reached us through the web site.",
        "The customer added something.",
        "We need something from the customer to go on.",
        "The customer added something.",
        "It was answered: the complaint was justified and is put right.",
        "The customer says it is not fixed.",
        "It was taken up again.",
        "The customer took it back.",
        "It was taken up again.",
    ]
    internal = (await intake.http.get(f"{POST}/{complaint}/timeline", params={"internal": True})).json()
    assert len(internal["entries"]) == 10
    assert [line["words"] for line in internal["entries"]][3] == "Note to self."


async def test_an_illegal_move_is_409_and_a_wrong_date_422(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    assert (await intake.state(complaint, "reopen")).status_code == 409
    past = {"state": "investigating", "expected_at": "2020-01-01T00:00:00Z", "reason": "x"}
    answer = await intake.state(complaint, "progress", **past)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expected_at")
    assert await intake.counts() == (1, 1, 1, 0)


async def test_a_fact_repeated_with_its_key_counts_once(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    answers = await asyncio.gather(*(intake.state(complaint, "messages", "m1", text="Once.") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert await intake.count("timeline") == 2
    other = await intake.state(complaint, "messages", "m1", text="Twice.")
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    elsewhere = await intake.state(complaint, "withdraw", "m1")
    assert elsewhere.status_code == 422, "a key stands for one request, not for one body"


async def test_withdrawing_needs_no_body(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    assert (await intake.http.post(f"{POST}/{complaint}/withdraw")).json()["status"] == "withdrawn"


async def test_a_milestone_is_said_once_a_key_and_stands_in_the_story(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    body = {"milestone": "ombudsman_asked", "note": "They want our file."}
    first, again = [await intake.state(complaint, "milestones", "m1", **body) for _ in range(2)]
    assert (first.status_code, first.json()["status"]) == (201, "received")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = await intake.state(complaint, "milestones", "m1", milestone="settled")
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    said = (await intake.said())[1:]
    assert [(one.facts.kind, one.facts.milestone) for one in said] == [
        ("complaint.milestone_recorded", "ombudsman_asked")
    ]
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()["entries"]
    assert story[-1]["sentence"] == "The ombudsman asked us about it."
    assert story[-1]["words"] == "They want our file."


async def test_a_milestone_has_its_place_and_its_time(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    now = datetime.now(UTC)
    for moment in (now - timedelta(days=1), now + timedelta(days=1)):
        answer = await intake.state(complaint, "milestones", milestone="settled", occurred_at=moment.isoformat())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "occurred_at")
    await intake.state(complaint, "resolution", outcome="upheld", explanation="A new one is coming.")
    assert (await intake.state(complaint, "milestones", milestone="settled")).json()["status"] == "resolved"
    assert (await intake.state(complaint, "milestones", milestone="handed_over")).status_code == 409
    reader = {"authorization": f"Bearer {intake.token('complaints:read')}"}
    door = f"{POST}/{complaint}/milestones"
    assert (await intake.http.post(door, json={"milestone": "settled"}, headers=reader)).status_code == 403


@pytest.mark.parametrize("fact", ["messages", "progress", "resolution", "milestones", "reopen", "withdraw", "feedback"])
async def test_facts_about_nothing_are_404(intake: Intake, fact: str) -> None:
    example = {
        "messages": {"text": "x"},
        "progress": {"state": "investigating"},
        "resolution": {"outcome": "upheld", "explanation": "x"},
        "milestones": {"milestone": "settled"},
        "feedback": {"fixed": True},
    }
    for unknown in (str(uuid4()), "not-an-id"):
        assert (await intake.state(unknown, fact, **example.get(fact, {}))).status_code == 404


# ── news ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_news_of_the_others_is_in_record_and_timeline(intake: Intake) -> None:
    complaint = (await intake.file()).json()["id"]
    due = datetime(2031, 5, 6, 10, 0, tzinfo=UTC)
    now = datetime.now(UTC) + timedelta(seconds=1)
    news = [
        e.Triaged(
            category=("delivery", "damaged"),
            severity="high",
            language="en",
            confidence=0.9,
            decided_by="r",
            decider_version="1",
        ),
        e.Assigned(team="home_delivery"),
        e.PromiseMade(promise=1, due_at=due, policy="p", policy_version=1, calendar="c", calendar_version=1),
        e.MessageAccepted(
            message="m",
            message_kind="acknowledgement",
            channel="email",
            cause="c",
            accepted_at=now,
            locale="en",
            template="t",
        ),
    ]
    subject = ComplaintId(complaint_id().__class__(complaint))
    heard = [event(one, subject=subject, sequence=n, time=now + timedelta(seconds=n)) for n, one in enumerate(news, 1)]
    outcome = await intake.runtime.runner.apply_records([record(one, offset=n) for n, one in enumerate(heard)])
    assert outcome.done == 4
    shown = (await intake.http.get(f"{POST}/{complaint}")).json()
    assert (shown["status"], shown["understood"]["severity"], shown["owner"]["team"]) == (
        "open",
        "high",
        "home_delivery",
    )
    assert shown["promise"]["due_at"] == "2031-05-06T10:00:00Z"
    assert shown["acknowledged_at"]
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()
    assert [line["sentence"] for line in story["entries"]][1:] == [
        "We understand it to be about delivery / damaged.",
        "It is with home delivery.",
        "An answer is promised by 6 May 2031, 17:00 (Asia/Jakarta).",
        "The customer was told: the confirmation that we have the complaint.",
    ]


async def test_news_of_an_unknown_complaint_is_kept_but_not_shown(intake: Intake) -> None:
    heard = event(e.Assigned(team="care"))
    assert (await intake.runtime.runner.apply_records([record(heard)])).done == 1
    assert (await intake.http.get(f"{POST}/{heard.subject}")).status_code == 404
    assert await intake.count("complaint") == 1


# ── description ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_openapi_describes_every_door_with_examples_and_problems(intake: Intake) -> None:
    api = (await intake.http.get("/openapi.json")).json()
    assert api["openapi"].startswith("3.1")
    assert {path for path in api["paths"] if path.startswith(POST)} == {
        POST,
        f"{POST}:batch",
        f"{POST}/by-reference/{{reference}}",
        f"{POST}/{{complaint_id}}",
        f"{POST}/{{complaint_id}}/timeline",
        *(
            f"{POST}/{{complaint_id}}/{fact}"
            for fact in ("messages", "progress", "resolution", "milestones", "reopen", "withdraw", "feedback")
        ),
    }
    assert api["components"]["schemas"]["Complaint"]["examples"] == [EXAMPLE]
    assert api["components"]["schemas"]["Milestone"]["examples"][0]["milestone"] == "action_completed"
    filing = api["paths"][POST]["post"]
    assert {"201", "400", "401", "403", "413", "415", "422", "503"} <= filing["responses"].keys()
    assert "application/problem+json" in filing["responses"]["422"]["content"]
    assert [one["name"] for one in filing["parameters"]] == ["Idempotency-Key"]
    assert POST in (await intake.http.get("/docs")).text

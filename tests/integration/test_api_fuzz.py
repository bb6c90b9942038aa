"""Four service processes with generated and with invalid input: no 5xx, refusals are problem documents and store nothing.

Kafka is not available, so /ready responds with 503; no other endpoint may.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from deploy.local.ports import HOST, find_free_port
from deploy.local.processes import Child
from services.intake.forms.complaint import EXAMPLE
from shared.auth import SCOPES, create_keys, create_token
from shared.contracts import SERVICES
from tests.running_stack import wait_until

NAMES = tuple(service.name for service in SERVICES)
POST = "/v1/complaints"
EXAMPLES = 10  # of each operation and mode
SECRET = "Zebra-4711"
PROBLEM = "application/problem+json"
TABLES = ("complaint", "timeline", "outbox", "idempotency")


@dataclass(frozen=True)
class ServiceProcesses:
    """The four services as processes, with their ports and database."""

    ports: dict[str, int]
    children: dict[str, Child]
    dsn: str  # of intake
    key: Path

    def url(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"

    def token(self, *scopes: str, key: Path | None = None, **changes: Any) -> str:
        claims = {"client": "shop", "lasts": timedelta(hours=1), "audience": "redress"} | changes
        return create_token(key or self.key, scopes=frozenset(scopes or SCOPES), **claims)

    def counts(self) -> tuple[int, ...]:
        """Return the number of rows of each table of intake."""
        with psycopg.connect(self.dsn) as conn:
            return tuple(conn.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES)  # type: ignore[index,arg-type] # noqa: S608


@pytest.fixture(scope="module")
def processes(
    module_dsns: dict[str, str], keys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcesses]:
    home = tmp_path_factory.mktemp("processes")
    ports = {name: find_free_port() for name in NAMES}
    children = {name: _child(name, home, module_dsns[name], ports[name], keys[1]) for name in NAMES}
    services = ServiceProcesses(ports, children, module_dsns["intake"], keys[0])
    try:
        for child in children.values():
            child.start()
        for service in NAMES:
            wait_until(
                lambda service=service: _is_serving(services.url(service)),
                seconds=90,
                what=f"{service} to open its database",
            )
        yield services
    finally:
        for child in children.values():
            child.stop()


def _child(name: str, home: Path, dsn: str, port: int, public: Path) -> Child:
    environment = {"POSTGRES": dsn, "KAFKA": f"{HOST}:1", "PORT": str(port), "AUTH_PUBLIC_KEY_FILE": str(public)}
    env = {f"{name.upper()}_{key}": value for key, value in environment.items()}
    return Child(name, home, [sys.executable, "-m", f"services.{name}"], {**env, "REDRESS_LOG_LEVEL": "DEBUG"})


def _is_serving(url: str) -> bool:
    """Return True if the database is open: `postgres` is then not in the list `sick`."""
    return "postgres" not in httpx.get(f"{url}/ready", trust_env=False).json()["sick"]


@pytest.fixture(scope="module")
def intake(processes: ServiceProcesses) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {processes.token()}"}
    with httpx.Client(base_url=processes.url("intake"), headers=headers, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def filed(intake: httpx.Client) -> str:
    """Id of a stored complaint."""
    return str(intake.post(POST, json=EXAMPLE).json()["id"])


# ── arbitrary input ───────────────────────────────────────────────────────────────────────────────────────────────────


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> bytes:
    """Serialize generated lines, which are one text."""
    del context
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def assert_is_answered(case: Any, answer: Any) -> None:
    if case.operation.path == "/ready":
        assert answer.status_code in (200, 503)
        return
    checks = [not_a_server_error, *([response_schema_conformance] if answer.status_code < 300 else [])]
    case.validate_response(answer, checks=checks)
    if answer.status_code >= 400:
        assert answer.headers["content-type"][0] == PROBLEM, answer.status_code
        problem = json.loads(answer.content)
        assert problem["status"] == answer.status_code
        assert {"type", "title", "detail"} <= problem.keys()


@pytest.mark.parametrize("name", NAMES)
def test_no_endpoint_responds_with_5xx_to_generated_requests(
    name: str, processes: ServiceProcesses, filed: str
) -> None:
    text = httpx.get(f"{processes.url(name)}/openapi.json", trust_env=False).text
    shorter = text.replace(
        '"maxLength":100000', '"maxLength":1000'
    )  # the full length has a test; drawing it takes minutes
    schema = schemathesis.openapi.from_dict(json.loads(shorter))
    schema.config.update(base_url=processes.url(name))
    with requests.Session() as session:
        session.trust_env = False
        session.headers["authorization"] = f"Bearer {processes.token()}"
        operations = [result.ok() for result in schema.get_all_operations()]
        assert len(operations) > 8
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                with suppress(Unsatisfiable):  # an operation without input has no invalid input
                    _fuzz(operation, mode, session, filed)


def _fuzz(operation: Any, mode: Any, session: requests.Session, filed: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_authenticated=st.booleans())
    def try_case(case: Any, is_authenticated: bool) -> None:
        if is_authenticated and "complaint_id" in (case.path_parameters or {}):
            case.path_parameters["complaint_id"] = filed
        assert_is_answered(case, case.call(session=session))

    try_case()


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def body(**changes: Any) -> bytes:
    return json.dumps(EXAMPLE | {"narrative": SECRET} | changes).encode()


def customer(**changes: Any) -> bytes:
    return body(customer={"name": SECRET, "email": "a@example.org", "locale": "en", "timezone": "UTC"} | changes)


# Body, status, and the field in the problem document.
INVALID: dict[str, tuple[bytes, int, str]] = {
    "half an object": (b'{"customer": {', 400, "body"),
    "no JSON": (SECRET.encode(), 400, "body"),
    "nothing": (b"", 400, "body"),
    "invalid UTF-8": (b'{"narrative": "\xff\xfe"}', 400, "body"),
    "half a surrogate pair": (b'{"narrative": "\\ud800"}', 400, "body"),
    "nested too deep": (b"[" * 100_000, 400, "body"),
    "not a number": (body()[:-1] + b', "product": NaN}', 422, "product"),
    "a list": (b"[]", 422, "body"),
    "wrong type": (body(narrative=[SECRET]), 422, "narrative"),
    "missing": (json.dumps({"channel": "web", "narrative": SECRET}).encode(), 422, "customer"),
    "unknown field": (body(priority=SECRET), 422, "priority"),
    "unknown field inside": (customer(nickname=SECRET), 422, "customer.nickname"),
    "unknown field with a name of its own": (body(**{f"{SECRET} is a name": 1}), 422, "(unnamed)"),
    "unknown channel": (body(channel=SECRET), 422, "channel"),
    "blank": (body(narrative="   "), 422, "narrative"),
    "over 256 KiB": (body(narrative=SECRET * 30_000), 413, "body"),
    "too many attributes": (body(attributes={f"a{n}": SECRET for n in range(33)}), 422, "attributes"),
    "control characters": (body(narrative=f"{SECRET}\x00"), 422, "narrative"),
    "an escape sequence": (body(subject=f"{SECRET}\x1b[2J"), 422, "subject"),
    "a header in a name": (customer(name=f"{SECRET}\r\nBcc: b@example.org"), 422, "customer.name"),
    "30 February": (body(received_at="2026-02-30T10:00:00Z"), 422, "received_at"),
    "25 o'clock": (body(received_at="2026-02-03T25:00:00Z"), 422, "received_at"),
    "without offset": (body(received_at="2026-02-03T10:00:00"), 422, "received_at"),
    "from the future": (body(received_at="2099-02-03T10:00:00Z"), 422, "received_at"),
    "before all time": (body(received_at="0001-01-01T00:00:00+14:00"), 422, "received_at"),
    "after all time": (body(received_at="9999-12-31T23:59:59-14:00"), 422, "received_at"),
    "a date that is a number": (body(received_at=1e300), 422, "received_at"),
    "no address at all": (customer(email=None), 422, "customer"),
    "not an address": (customer(email=SECRET), 422, "customer.email"),
    "an address that leads nowhere": (customer(email=f"{SECRET}@home.localhost"), 422, "customer.email"),
    "two addresses in one": (customer(email=f"{SECRET}@example.org,b@example.org"), 422, "customer.email"),
    "a number that cannot be": (customer(phone="+62 1"), 422, "customer.phone"),
    "a number without country": (customer(phone="081234567"), 422, "customer.phone"),
    "unknown language": (customer(locale="xx-Zebra"), 422, "customer.locale"),
    "a language that is a path": (customer(locale="../../etc/passwd"), 422, "customer.locale"),
    "unknown time zone": (customer(timezone="Asia/Zebra"), 422, "customer.timezone"),
    "a time zone that is a path": (customer(timezone="../UTC"), 422, "customer.timezone"),
}


def check_refusal(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check that a refusal does not repeat the input, and return its problem document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert SECRET not in answer.text
    problem = answer.json()
    assert problem["status"] == status and problem["detail"]
    return dict(problem)


@pytest.fixture
def unchanged(processes: ServiceProcesses, filed: str) -> Iterator[None]:
    before = processes.counts()
    yield
    assert processes.counts() == before, "something was stored"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("content", "status", "field"), INVALID.values(), ids=INVALID)
def test_an_invalid_complaint_is_refused_with_the_field(
    intake: httpx.Client, content: bytes, status: int, field: str
) -> None:
    answer = intake.post(POST, content=content, headers={"content-type": "application/json", "idempotency-key": "x"})
    problem = check_refusal(answer, status)
    if status == 422:
        named = {error["field"]: error["expected"] for error in problem["errors"]}
        assert named.get(field), problem
    else:
        assert field in problem["detail"].lower()


# Path, body and field, for updates of a stored complaint.
FACTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "text of another type": ("messages", {"text": 7}, "text"),
    "a private message of the customer": ("messages", {"text": SECRET, "public": False}, "body"),
    "unknown progress": ("progress", {"state": SECRET}, "state"),
    "a new date without a reason": ("progress", {"state": "investigating", "expected_at": "2031-01-01T00:00:00Z"}, "body"),
    "a new date in the past": (
        "progress",
        {"state": "investigating", "expected_at": "2001-01-01T00:00:00Z", "reason": "late"},
        "expected_at",
    ),
    "a new date before all time": (
        "progress",
        {"state": "investigating", "expected_at": "0001-01-01T00:00:00+14:00", "reason": "late"},
        "expected_at",
    ),
    "money without a currency": (
        "resolution",
        {"outcome": "upheld", "explanation": SECRET, "redress": [{"kind": "refund", "amount": "5"}]},
        "redress.0",
    ),
    "an infinite amount": (
        "resolution",
        {"outcome": "upheld", "explanation": SECRET, "redress": [{"kind": "refund", "amount": "1e999", "currency": "EUR"}]},
        "redress.0.amount",
    ),
    "a resolution before the complaint": (
        "resolution",
        {"outcome": "upheld", "explanation": SECRET, "resolved_at": "2001-01-01T00:00:00Z"},
        "resolved_at",
    ),
    "unknown milestone": ("milestones", {"milestone": SECRET}, "milestone"),
    "a milestone in the future": (
        "milestones",
        {"milestone": "settled", "occurred_at": "2099-02-03T10:00:00Z"},
        "occurred_at",
    ),
    "a milestone before the complaint": (
        "milestones",
        {"milestone": "settled", "occurred_at": "2001-01-01T00:00:00Z"},
        "occurred_at",
    ),
    "a milestone with an invalid item": ("milestones", {"milestone": "handed_over", "item": f"{SECRET}!"}, "item"),
    "a score beyond five": ("feedback", {"fixed": True, "score": 6}, "score"),
    "an unknown field": ("reopen", {"why": SECRET}, "why"),
}  # fmt: skip


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("fact", "content", "field"), FACTS.values(), ids=FACTS)
def test_an_invalid_update_is_refused_with_the_field(
    intake: httpx.Client, filed: str, fact: str, content: dict[str, Any], field: str
) -> None:
    problem = check_refusal(intake.post(f"{POST}/{filed}/{fact}", json=content), 422)
    assert field in {error["field"] for error in problem["errors"]}, problem


@pytest.mark.usefixtures("unchanged")
def test_invalid_lines_of_a_batch_are_refused_separately(intake: httpx.Client) -> None:
    lines = [content for content, status, _ in INVALID.values() if status != 413 and content and b"\n" not in content]
    answer = intake.post(f"{POST}:batch", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert len(results) == len(lines)
    assert {result["status"] for result in results} == {400, 422}
    assert SECRET not in answer.text


@dataclass(frozen=True)
class Credentials:
    """Credentials that must be refused, with status and part of the message."""

    make: Callable[[ServiceProcesses, Path], str | None]
    status: int
    message: str


INVALID_CREDENTIALS: dict[str, Credentials] = {
    "none": Credentials(lambda processes, _: None, 401, "bearer"),
    "garbage": Credentials(lambda processes, _: f"Bearer {SECRET}", 401, "not valid"),
    "not a bearer": Credentials(lambda processes, _: f"Basic {SECRET}", 401, "bearer"),
    "no signature": Credentials(
        lambda processes, _: f"Bearer {processes.token().rpartition('.')[0]}.", 401, "not valid"
    ),
    "expired": Credentials(
        lambda processes, _: f"Bearer {processes.token(lasts=timedelta(seconds=-5))}", 401, "expired"
    ),
    "for another audience": Credentials(
        lambda processes, _: f"Bearer {processes.token(audience='other')}", 401, "not valid"
    ),
    "of another issuer": Credentials(lambda processes, key: f"Bearer {processes.token(key=key)}", 401, "not valid"),
    "wrong scope": Credentials(lambda processes, _: f"Bearer {processes.token('operate')}", 403, "complaints:"),
}
GUARDED = {
    "intake": ("POST", POST),
    "triage": ("GET", "/v1/taxonomy"),
    "sla": ("GET", "/v1/policies"),
    "notify": ("GET", f"{POST}/{uuid4()}/messages"),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("credentials", INVALID_CREDENTIALS.values(), ids=INVALID_CREDENTIALS)
def test_a_request_without_a_valid_token_is_refused(
    processes: ServiceProcesses, tmp_path: Path, name: str, credentials: Credentials
) -> None:
    create_keys(tmp_path / "key", tmp_path / "key.pub")
    token = credentials.make(processes, tmp_path / "key")
    method, path = GUARDED[name]
    headers = {"content-type": "application/json"} | ({"authorization": token} if token else {})
    url = f"{processes.url(name)}{path}"
    answer = httpx.request(method, url, content=body(), headers=headers, trust_env=False)
    assert credentials.message in check_refusal(answer, credentials.status)["detail"].lower()
    assert (answer.headers.get("www-authenticate") == "Bearer") == (credentials.status == 401)


def test_a_valid_complaint_is_accepted_after_all_refusals_and_no_log_contains_personal_data(
    processes: ServiceProcesses, intake: httpx.Client
) -> None:
    """Check after all requests above that the services still work; the log level is DEBUG."""
    before = processes.counts()
    answer = intake.post(POST, content=customer(name=SECRET), headers={"content-type": "application/json"})
    assert answer.status_code == 201
    assert processes.counts() > before
    for name, child in processes.children.items():
        assert child.pid, f"{name} has ended"
        log = child.log.read_text("utf-8", "replace")
        assert log.strip(), "the log is empty"
        for word in (SECRET, "a@example.org", EXAMPLE["customer"]["email"], EXAMPLE["narrative"]):
            assert word not in log, f"{name} logged {word!r}"
        assert "a request failed" not in log, f"{name} logged an unexpected error"

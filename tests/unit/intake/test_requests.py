"""Reading of raw ASGI requests: bounded bodies, headers, and a problem document for every failure."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from services.intake.domain import IdempotencyKeyReused
from services.intake.forms import Invalid, Malformed, field_error
from services.intake.routes.requests import (
    JSON,
    BodyTooLarge,
    WrongMedia,
    problem_response,
    read_body,
    read_key,
    require_media_type,
)
from shared.auth import Forbidden, Unauthenticated
from shared.errors import IllegalMove, NotFound, Unavailable


def receive_chunks(*parts: bytes) -> Any:
    """Return an ASGI `receive` that delivers the parts; `left` holds those not delivered yet."""
    waiting = [{"type": "http.request", "body": part, "more_body": n < len(parts)} for n, part in enumerate(parts, 1)]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    receive.left = waiting  # type: ignore[attr-defined]
    return receive


async def test_a_body_is_the_same_in_one_chunk_and_in_many() -> None:
    assert await read_body({}, receive_chunks(b"abc"), 3) == b"abc"
    assert await read_body({}, receive_chunks(b"a", b"", b"bc"), 3) == b"abc"
    assert await read_body({b"content-length": b"3"}, receive_chunks(b"ab", b"c"), 3) == b"abc"


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ({}, [b"abcd"]),
        ({}, [b"ab", b"cd", b"ef"]),
        ({b"content-length": b"4"}, [b"ab", b"cd"]),
        ({b"content-length": b"3"}, [b"ab", b"cd", b"ef"]),
    ],
)
async def test_a_body_that_is_too_large_is_read_to_its_end_and_refused(
    headers: dict[bytes, bytes], parts: list[bytes]
) -> None:
    receive = receive_chunks(*parts)
    with pytest.raises(BodyTooLarge, match="at most 3 bytes"):
        await read_body(headers, receive, 3)
    assert receive.left == [], "the client can finish and then read the response"


async def test_a_client_that_disconnects_raises_unavailable() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(Unavailable):
        await read_body({}, receive, 3)


@pytest.mark.parametrize(("value", "key"), [(b"abc", "abc"), (b'"abc"', "abc"), (b" a-1 ", "a-1"), (b'"', '"')])
def test_an_idempotency_key_may_be_quoted(value: bytes, key: str) -> None:
    assert read_key({b"idempotency-key": value}) == key


def test_an_idempotency_key_is_optional() -> None:
    assert read_key({}) is None


@pytest.mark.parametrize("value", [b"", b'""', b"with space", b"x" * 201, "ключ".encode()])
def test_an_invalid_idempotency_key_is_refused(value: bytes) -> None:
    with pytest.raises(Invalid, match="Idempotency-Key"):
        read_key({b"idempotency-key": value})


def test_another_media_type_than_the_expected_one_is_refused() -> None:
    require_media_type({b"content-type": b"Application/JSON; charset=utf-8"}, JSON)
    for headers in ({}, {b"content-type": b"text/plain"}, {b"content-type": b"application/x-www-form-urlencoded"}):
        with pytest.raises(WrongMedia, match="application/json"):
            require_media_type(headers, JSON)


ERRORS: Iterable[tuple[Exception, int]] = [
    (Malformed([{"field": "body", "expected": "JSON", "code": "json_invalid"}]), 400),
    (Unauthenticated(), 401),
    (Forbidden(), 403),
    (NotFound(), 404),
    (IllegalMove("x"), 409),
    (BodyTooLarge("x"), 413),
    (WrongMedia("x"), 415),
    (field_error("narrative", "text", "string_type"), 422),
    (IdempotencyKeyReused(), 422),
    (Unavailable(), 503),
    (ConnectionResetError("x"), 503),
    (RuntimeError("a customer's words"), 500),
]


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_every_failure_is_a_problem_document(error: Exception, status: int) -> None:
    answer = problem_response(error)
    document = json.loads(answer.body)
    assert (answer.status, document["status"], answer.media) == (status, status, b"application/problem+json")
    assert document["type"].startswith("https://")
    assert document["title"]
    assert "a customer's words" not in answer.body.decode()


def test_a_problem_document_names_the_invalid_field() -> None:
    document = json.loads(problem_response(field_error("narrative", "text", "string_type")).body)
    assert document["errors"] == [{"field": "narrative", "expected": "text", "code": "string_type"}]


def test_responses_have_the_headers_of_their_status() -> None:
    assert dict(problem_response(Unavailable()).headers)[b"retry-after"]
    assert dict(problem_response(Unauthenticated()).headers)[b"www-authenticate"] == b"Bearer"
    assert dict(problem_response(BodyTooLarge("x")).headers)[b"connection"] == b"close"

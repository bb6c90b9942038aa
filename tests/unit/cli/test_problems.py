"""Conversion of error responses of the services to exceptions with one sentence."""

import httpx
import pytest

from deploy.cli.problems import raise_for_problem, read_body
from shared.errors import Misconfigured, NotFound, RedressError, Rejected, Unavailable


def problem(status: int) -> httpx.Response:
    body = {"type": "about:blank", "title": "problem", "status": status, "detail": "what is wrong"}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json"})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, NotFound),
        (409, Rejected),
        (412, Rejected),
        (422, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_status_has_its_exception_with_the_detail(status: int, error: type[RedressError]) -> None:
    with pytest.raises(RedressError, match=r"^sla.*: what is wrong$") as raised:
        raise_for_problem("sla", problem(status))
    assert type(raised.value) is error


@pytest.mark.parametrize("content", [b"", b"<html>Bad gateway</html>", b"[]", b'"text"', b'{"error": "no detail"}'])
def test_a_response_that_is_not_a_problem_document_is_reported_by_its_status(content: bytes) -> None:
    with pytest.raises(Unavailable, match=r"^intake: it answered with status 502$"):
        raise_for_problem("intake", httpx.Response(502, content=content))


def test_the_body_of_a_success_is_returned() -> None:
    assert read_body("sla", httpx.Response(200, json={"items": []})) == {"items": []}
    assert read_body("sla", httpx.Response(204)) is None


def test_reading_the_body_of_an_error_raises() -> None:
    with pytest.raises(NotFound, match="what is wrong"):
        read_body("sla", problem(404))

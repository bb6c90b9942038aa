"""Endpoints that create complaints, one or many per request. They answer 201 after the commit, with Kafka up or down.

Both are plain ASGI apps: a framework's handling of a request costs more than the insert that it leads to.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.intake.forms import BODY_MAX, COMPLAINT, COMPLAINT_LINE, Invalid, field_error, parse_form
from services.intake.routes import requests
from services.intake.routes.mapping import idempotency_key, to_create
from services.intake.routes.requests import Headers, RawResponse
from services.intake.store import CreateResult, NewComplaint
from shared.auth import Authenticator
from shared.http.app import Receive, Scope, Send
from shared.storage.clock import DatabaseClock

WRITE = "complaints:write"
LINES_MAX = 1000
BATCH_MAX = 8 * 1024 * 1024  # bytes
YIELD_EVERY = 50  # lines parsed before other tasks may run
REPLAYED = (b"idempotency-replayed", b"true")
Submit = Callable[[NewComplaint], Awaitable[CreateResult]]


@dataclass(frozen=True, slots=True)
class Deps:
    """Dependencies of both endpoints. `submit` returns after the commit."""

    authenticator: Authenticator
    submit: Submit
    clock: DatabaseClock


class _RawEndpoint(ABC):
    """ASGI app that answers every error with a problem document."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self.answer(dict(scope["headers"]), receive)).send(send)

    async def answer(self, headers: Headers, receive: Receive) -> RawResponse:
        """Return the response after the commit, or a problem document."""
        try:
            return await self._create(headers, receive)
        except Exception as error:  # noqa: BLE001 (whatever the error is, the client gets a problem document)
            return requests.problem_response(error)

    @abstractmethod
    async def _create(self, headers: Headers, receive: Receive) -> RawResponse: ...


class CreateEndpoint(_RawEndpoint):
    """Endpoint `POST /v1/complaints`."""

    async def _create(self, headers: Headers, receive: Receive) -> RawResponse:
        deps = self._deps
        client = await requests.authenticate(headers, deps.authenticator, WRITE)
        requests.require_media_type(headers, requests.JSON)
        key = requests.read_key(headers)
        body = await requests.read_body(headers, receive)
        now = deps.clock.now()
        form = parse_form(COMPLAINT, body, now)
        complaint = NewComplaint(to_create(form, client.name, now), idempotency_key(client.name, key, form))
        result = await deps.submit(complaint)
        location = (b"location", b"/v1/complaints/" + str(result.complaint_id).encode())
        return RawResponse(201, result.answer, headers=(location, REPLAYED) if result.replayed else (location,))


class CreateBatchEndpoint(_RawEndpoint):
    """Endpoint `POST /v1/complaints:batch`: each line is independent; results have the order of the lines."""

    async def _create(self, headers: Headers, receive: Receive) -> RawResponse:
        client = await requests.authenticate(headers, self._deps.authenticator, WRITE)
        requests.require_media_type(headers, requests.NDJSON)
        lines = _split_lines(await requests.read_body(headers, receive, BATCH_MAX))
        results = await self._create_all(client.name, lines)
        return RawResponse(200, b"\n".join(results) + b"\n", requests.NDJSON)

    async def _create_all(self, client: str, lines: Sequence[tuple[int, bytes]]) -> list[bytes]:
        pending: list[asyncio.Future[CreateResult] | Exception] = []
        for count, (_, text) in enumerate(lines, start=1):
            pending.append(self._submit_line(client, text))
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        futures = [item for item in pending if not isinstance(item, Exception)]
        await asyncio.gather(*futures, return_exceptions=True)
        return [_line_result(number, item) for (number, _), item in zip(lines, pending, strict=True)]

    def _submit_line(self, client: str, text: bytes) -> "asyncio.Future[CreateResult] | Exception":
        if len(text) > BODY_MAX:
            return requests.BodyTooLarge(f"line: expected at most {BODY_MAX} bytes")
        now = self._deps.clock.now()
        try:
            form = parse_form(COMPLAINT_LINE, text, now)
        except Invalid as error:
            return error
        complaint = NewComplaint(to_create(form, client, now), idempotency_key(client, form.idempotency_key, form))
        return asyncio.ensure_future(self._deps.submit(complaint))


def _split_lines(body: bytes) -> list[tuple[int, bytes]]:
    """Split the body into its lines with their numbers, without empty ones."""
    lines = [(number, text) for number, text in enumerate(body.split(b"\n"), start=1) if text.strip()]
    if not lines:
        raise field_error("body", "at least one line, each a complaint as JSON", "too_short")
    if len(lines) > LINES_MAX:
        raise field_error("body", f"at most {LINES_MAX} lines", "too_long")
    return lines


def _line_result(number: int, item: "asyncio.Future[CreateResult] | Exception") -> bytes:
    error = item if isinstance(item, Exception) else item.exception()
    if isinstance(error, Exception):
        response = requests.problem_response(error)
        return _json({"line": number, "status": response.status, "problem": json.loads(response.body)})
    result = item.result()  # type: ignore[union-attr]  # without an error it is a future with a result
    answer = json.loads(result.answer)
    line = {"line": number, "status": 201, "id": answer["id"], "reference": answer["reference"]}
    return _json({**line, "replayed": True} if result.replayed else line)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()

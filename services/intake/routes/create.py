"""The hot doors: one complaint, or many lines of them. 201 only after commit, with Kafka up or down."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.intake.forms import BODY_MAX, COMPLAINT, COMPLAINT_LINE, Invalid, invalid, read_form
from services.intake.routes import requests
from services.intake.routes.mapping import asked, to_file
from services.intake.routes.requests import Headers, RawResponse
from services.intake.store import CreateResult, DatabaseClock, NewComplaint
from shared.auth import Authenticator
from shared.http.app import Receive, Scope, Send

WRITE = "complaints:write"
LINES_MAX = 1000
BATCH_MAX = 8 * 1024 * 1024  # bytes
PAUSE_EVERY = 50  # lines parsed before others get the processor
REPLAYED = (b"idempotency-replayed", b"true")
Submit = Callable[[NewComplaint], Awaitable[CreateResult]]


@dataclass(frozen=True, slots=True)
class Deps:
    """What both doors need."""

    authenticator: Authenticator
    submit: Submit
    clock: DatabaseClock


class CreateEndpoint:
    """`POST /v1/complaints`."""

    def __init__(self, desk: Deps) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self.answer(dict(scope["headers"]), receive)).send(send)

    async def answer(self, headers: Headers, receive: Receive) -> RawResponse:
        """The answer after commit, or the problem."""
        try:
            return await self._file(headers, receive)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets a problem document)
            return requests.refusal(error)

    async def _file(self, headers: Headers, receive: Receive) -> RawResponse:
        desk = self._desk
        client = await requests.client_of(headers, desk.authenticator, WRITE)
        requests.must_be(headers, requests.JSON)
        key = requests.key_of(headers)
        body = await requests.body_of(headers, receive)
        now = desk.clock.now()
        form = read_form(COMPLAINT, body, now)
        filing = NewComplaint(to_file(form, client.name, now), asked(client.name, key, form))
        taken = await desk.submit(filing)
        location = (b"location", b"/v1/complaints/" + str(taken.complaint_id).encode())
        return RawResponse(201, taken.answer, headers=(location, REPLAYED) if taken.replayed else (location,))


class CreateBatchEndpoint:
    """`POST /v1/complaints:batch`: every line stands for itself, results come in the order of the lines."""

    def __init__(self, desk: Deps) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self.answer(dict(scope["headers"]), receive)).send(send)

    async def answer(self, headers: Headers, receive: Receive) -> RawResponse:
        """One result a line; only what concerns the whole request is a problem of the whole."""
        try:
            client = await requests.client_of(headers, self._desk.authenticator, WRITE)
            requests.must_be(headers, requests.NDJSON)
            lines = _lines(await requests.body_of(headers, receive, BATCH_MAX))
            results = await self._file_all(client.name, lines)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets a problem document)
            return requests.refusal(error)
        return RawResponse(200, b"\n".join(results) + b"\n", requests.NDJSON)

    async def _file_all(self, client: str, lines: Sequence[tuple[int, bytes]]) -> list[bytes]:
        waiting: list[asyncio.Future[CreateResult] | Exception] = []
        for n, (_, text) in enumerate(lines, start=1):
            waiting.append(self._begin(client, text))
            if n % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
        futures = [one for one in waiting if not isinstance(one, Exception)]
        await asyncio.gather(*futures, return_exceptions=True)
        return [_result(number, one) for (number, _), one in zip(lines, waiting, strict=True)]

    def _begin(self, client: str, text: bytes) -> "asyncio.Future[CreateResult] | Exception":
        if len(text) > BODY_MAX:
            return requests.BodyTooLarge(f"line: expected at most {BODY_MAX} bytes")
        now = self._desk.clock.now()
        try:
            form = read_form(COMPLAINT_LINE, text, now)
        except Invalid as error:
            return error
        filing = NewComplaint(to_file(form, client, now), asked(client, form.idempotency_key, form))
        return asyncio.ensure_future(self._desk.submit(filing))


def _lines(body: bytes) -> list[tuple[int, bytes]]:
    lines = [(n, text) for n, text in enumerate(body.split(b"\n"), start=1) if text.strip()]
    if not lines:
        raise invalid("body", "at least one line, each a complaint as JSON", "too_short")
    if len(lines) > LINES_MAX:
        raise invalid("body", f"at most {LINES_MAX} lines", "too_long")
    return lines


def _result(number: int, one: "asyncio.Future[CreateResult] | Exception") -> bytes:
    error = one if isinstance(one, Exception) else one.exception()
    if isinstance(error, Exception):
        refused = requests.refusal(error)
        return _json({"line": number, "status": refused.status, "problem": json.loads(refused.body)})
    taken = one.result()  # type: ignore[union-attr]  # no error: it is a future that succeeded
    known = json.loads(taken.answer)
    told = {"line": number, "status": 201, "id": known["id"], "reference": known["reference"]}
    return _json({**told, "replayed": True} if taken.replayed else told)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()

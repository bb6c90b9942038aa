"""HTTP application of a service: its own routes, the operations of every service, and metrics of all requests."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse

from shared.errors import MalformedRequest
from shared.http import openapi, problems
from shared.http.operations import dead_letter_routes, operation_routes
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.text import is_line

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
DirectEndpoints = Mapping[tuple[str, str], Asgi]  # (method, path) → endpoint that answers without FastAPI, for speed

DOCS = """<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}}
code{{font-weight:600}}li{{margin:.4rem 0}}</style><h1>{title}</h1>
<p>Machine readable: <a href=/openapi.json>openapi.json</a> · events: <a href=/asyncapi.json>asyncapi.json</a></p>
<ul>{rows}</ul>"""


def build_http_app(
    runtime: Runtime, probe: Probe, router: APIRouter, direct_endpoints: DirectEndpoints
) -> tuple[FastAPI, Asgi]:
    """Build the FastAPI application, and the ASGI application in front of it that calls the direct endpoints."""
    name = runtime.service.name
    app = FastAPI(title=f"Redress {name}", version="1", docs_url=None, redoc_url=None)
    app.state.authenticator = runtime.authenticator
    app.openapi = partial(openapi.describe, app)  # type: ignore[method-assign]
    problems.install(app)
    app.include_router(router)
    app.include_router(operation_routes(runtime, probe))
    app.include_router(dead_letter_routes(runtime))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """List all operations on one page, without assets from other servers."""
        rows = "".join(
            f"<li><code>{verb.upper()} {path}</code> {operation.get('summary', '')}"
            for path, verbs in app.openapi()["paths"].items()
            for verb, operation in verbs.items()
        )
        return HTMLResponse(DOCS.format(title=app.title, rows=rows))

    return app, _front(app, direct_endpoints, runtime)


def _front(app: FastAPI, direct_endpoints: DirectEndpoints, runtime: Runtime) -> Asgi:
    metrics = runtime.metrics

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = time.perf_counter()

        async def count_and_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                metrics.count("redress_http_requests", label=f"{message['status'] // 100}xx")
                metrics.observe("redress_http_seconds", time.perf_counter() - started)
            await send(message)

        endpoint: Asgi = direct_endpoints.get((scope["method"], scope["path"])) or app
        await (endpoint if _is_clean(scope) else _refuse_control_characters)(scope, receive, count_and_send)

    return front


def _is_clean(scope: Scope) -> bool:
    """Return True if the URL has no control character. No valid name has one, and PostgreSQL refuses them."""
    query: bytes = scope.get("query_string", b"")
    text = unquote_to_bytes(query).decode(errors="replace") if b"%" in query else ""
    return is_line(scope["path"]) and is_line(text)


async def _refuse_control_characters(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    part = "query" if is_line(scope["path"]) else "path"
    error = MalformedRequest(
        f"{part}: expected text without control characters, such as those that %00 and %0A stand for"
    )
    status, body = problems.describe_error(error)
    await Response(body, status, media_type=problems.MEDIA_TYPE)(scope, _receive_nothing, send)


async def _receive_nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}

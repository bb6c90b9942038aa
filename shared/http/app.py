"""HTTP of a service: its own routes, and the doors that every service has for operations."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse

from shared.auth import Client, requires
from shared.contracts import registry
from shared.contracts.asyncapi import document
from shared.contracts.envelope import ComplaintId
from shared.errors import MalformedRequest, NotFound
from shared.http import openapi, problems
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.text import is_line

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Hot = Mapping[tuple[str, str], Asgi]  # (method, path) → a route that answers by hand

DOCS = """<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}}
code{{font-weight:600}}li{{margin:.4rem 0}}</style><h1>{title}</h1>
<p>Machine readable: <a href=/openapi.json>openapi.json</a> · events: <a href=/asyncapi.json>asyncapi.json</a></p>
<ul>{rows}</ul>"""


def build_http_app(runtime: Runtime, probe: Probe, router: APIRouter | None, hot: Hot) -> tuple[FastAPI, Asgi]:
    """The comfortable app, and the door in front of it that hands hot routes past it."""
    name = runtime.service.name
    app = FastAPI(title=f"Redress {name}", version="1", docs_url=None, redoc_url=None)
    app.state.authenticator = runtime.authenticator
    app.openapi = partial(openapi.describe, app)  # type: ignore[method-assign]
    problems.install(app)
    if router is not None:
        app.include_router(router)
    app.include_router(_operations(runtime, probe))
    app.include_router(_dead_letters(runtime))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """All operations on one page, without assets from elsewhere."""
        rows = "".join(
            f"<li><code>{verb.upper()} {path}</code> {operation.get('summary', '')}"
            for path, verbs in app.openapi()["paths"].items()
            for verb, operation in verbs.items()
        )
        return HTMLResponse(DOCS.format(title=app.title, rows=rows))

    return app, _front(app, hot, runtime)


def _front(app: FastAPI, hot: Hot, runtime: Runtime) -> Asgi:
    metrics = runtime.metrics

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = time.perf_counter()

        async def counted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                metrics.count("redress_http_requests", label=f"{message['status'] // 100}xx")
                metrics.observe("redress_http_seconds", time.perf_counter() - started)
            await send(message)

        route: Asgi = hot.get((scope["method"], scope["path"])) or app
        await (route if _is_clean(scope) else _unreadable)(scope, receive, counted)

    return front


def _is_clean(scope: Scope) -> bool:
    """No control character in what the URL says; PostgreSQL and calendars refuse them, and no name of ours has one."""
    query: bytes = scope.get("query_string", b"")
    text = unquote_to_bytes(query).decode(errors="replace") if b"%" in query else ""
    return is_line(scope["path"]) and is_line(text)


async def _unreadable(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    where = "query" if is_line(scope["path"]) else "path"
    error = MalformedRequest(
        f"{where}: expected text without control characters, such as those that %00 and %0A stand for"
    )
    status, body = problems.of_error(error)
    await Response(body, status, media_type=problems.MEDIA_TYPE)(scope, _nothing, send)


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


def _operations(runtime: Runtime, probe: Probe) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/live", summary="The process runs; its watchdog ends it when it is stuck")
    async def live() -> dict[str, str]:
        return {"service": runtime.service.name, "live": "yes"}

    @router.get("/ready", summary="Whether it can do its work now, and which part is sick")
    async def ready() -> JSONResponse:
        report = runtime.health.report()
        runtime.metrics.gauge("redress_ready", float(runtime.health.ready))
        return JSONResponse({"service": runtime.service.name, **report}, 200 if runtime.health.ready else 503)

    @router.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        await probe.refresh()
        runtime.metrics.gauge("redress_ready", float(runtime.health.ready))
        return Response(runtime.metrics.render(), media_type="text/plain; version=0.0.4")

    @router.get("/asyncapi.json", summary="All events, as AsyncAPI 3")
    async def asyncapi() -> dict[str, Any]:
        return document()

    return router


def _dead_letters(runtime: Runtime) -> APIRouter:
    router = APIRouter(prefix="/admin", tags=["dead letters"])
    operator = Annotated[Client, Depends(requires("operate"))]

    @router.get("/dead", summary="Open dead letters, oldest first; never their contents")
    async def listed(
        client: operator, subject: UUID | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[dict[str, Any]]:
        del client
        rows = await runtime.replay.open(ComplaintId(subject) if subject else None, limit)
        return [_letter(row) for row in rows]

    @router.get("/dead/{letter}", summary="One dead letter; `reveal=true` adds its contents, personal data included")
    async def shown(client: operator, letter: int, *, reveal: bool = False) -> dict[str, Any]:
        del client
        rows = [row for row in await runtime.replay.open(None, 100_000) if row["id"] == letter]
        if not rows:
            raise NotFound(f"no open dead letter has the number {letter}")
        return _letter(rows[0]) | ({"event": _contents(rows[0]["value"])} if reveal else {})

    @router.post("/dead/{subject}/replay", summary="Apply one complaint's dead letters again, in order")
    async def replayed(client: operator, subject: UUID) -> dict[str, int]:
        del client
        done = await runtime.replay.subject(ComplaintId(subject))
        return {"applied": done.applied, "left": done.left}

    @router.delete("/dead/{letter}", summary="Give one dead letter up for good", status_code=204)
    async def discarded(client: operator, letter: int) -> None:
        del client
        if not await runtime.replay.discard(letter):
            raise NotFound(f"no open dead letter has the number {letter}")

    @router.delete("/breaker", summary="Close the breaker: consume again", status_code=204)
    async def closed(client: operator) -> None:
        del client
        runtime.runner.breaker.close()
        runtime.metrics.gauge("redress_breaker_open", 0)

    return router


def _letter(row: Any) -> dict[str, Any]:
    names = ("id", "subject", "event_id", "topic", "partition", "record_offset", "status", "error", "attempts")
    return {name: row[name] for name in names} | {"buried_at": row["buried_at"].isoformat()}


def _contents(value: bytes | None) -> Any:
    try:
        return registry.read(value).model_dump(mode="json", exclude_none=True)
    except registry.InvalidEvent:
        return (value or b"").decode(errors="replace")

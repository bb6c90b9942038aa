"""Operations that every service offers over HTTP: health, metrics, event schemas, dead letters, circuit breaker."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from shared.auth import require_scope
from shared.contracts import registry
from shared.contracts.asyncapi import build_document
from shared.contracts.envelope import ComplaintId
from shared.errors import NotFound
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage import dead_letters
from shared.storage.postgres import transaction

LETTER_FIELDS = ("id", "subject", "event_id", "topic", "partition", "record_offset", "status", "error", "attempts")
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the dead letter.")]  # bigint
NO_LETTER = "no open dead letter has the number {letter}"


def operation_routes(runtime: Runtime, probe: Probe) -> APIRouter:
    """Build the routes for health, metrics and event schemas. They need no token."""
    router = APIRouter(tags=["operations"])

    @router.get("/live", summary="Liveness: the process runs; its watchdog ends it when its consumer is stuck")
    async def live() -> dict[str, str]:
        return {"service": runtime.service.name, "live": "yes"}

    @router.get("/ready", summary="Readiness: 503 while a part that the service needs does not work; names the parts")
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
        return build_document()

    return router


def dead_letter_routes(runtime: Runtime) -> APIRouter:
    """Build the routes for dead letters and the circuit breaker. They need a token with the scope `operate`."""
    router = APIRouter(prefix="/admin", tags=["dead letters"], dependencies=[Depends(require_scope("operate"))])

    @router.get("/dead", summary="Open dead letters, oldest first, without the events' contents")
    async def list_dead_letters(
        subject: UUID | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[dict[str, Any]]:
        rows = await runtime.replay.list_open(ComplaintId(subject) if subject else None, limit)
        return [_describe_letter(row) for row in rows]

    @router.get("/dead/{letter}", summary="One dead letter; `reveal=true` adds the event, personal data included")
    async def show_dead_letter(letter: LetterId, *, reveal: bool = False) -> dict[str, Any]:
        async with transaction(runtime.pool) as conn:
            row = await dead_letters.load_open(conn, letter)
        if row is None:
            raise NotFound(NO_LETTER.format(letter=letter))
        return _describe_letter(row) | ({"event": _contents(row["value"])} if reveal else {})

    @router.post("/dead/{subject}/replay", summary="Apply the dead letters of one complaint again, in order")
    async def replay_dead_letters(subject: UUID) -> dict[str, int]:
        result = await runtime.replay.replay(ComplaintId(subject))
        return {"applied": result.applied, "left": result.left}

    @router.delete("/dead/{letter}", summary="Discard one dead letter for good", status_code=204)
    async def discard_dead_letter(letter: LetterId) -> None:
        if not await runtime.replay.discard(letter):
            raise NotFound(NO_LETTER.format(letter=letter))

    @router.delete("/breaker", summary="Close the circuit breaker, so that the service consumes again", status_code=204)
    async def close_breaker() -> None:
        runtime.runner.breaker.close()
        runtime.metrics.gauge("redress_breaker_open", 0)

    return router


def _describe_letter(row: asyncpg.Record) -> dict[str, Any]:
    return {field: row[field] for field in LETTER_FIELDS} | {"buried_at": row["buried_at"].isoformat()}


def _contents(value: bytes | None) -> Any:
    """Return the event as JSON, or as text if it is not a valid event."""
    try:
        return registry.read(value).model_dump(mode="json", exclude_none=True)
    except registry.InvalidEvent:
        return (value or b"").decode(errors="replace")

"""Routes. The two endpoints that create complaints are plain ASGI applications in front of FastAPI, for speed.

FastAPI also registers them, for OpenAPI and as a fallback. The same holds for the endpoints of updates, which read
their requests in the same way; the signatures registered for all of them are for the documentation only.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from services.intake import forms as f
from services.intake.routes import responses
from services.intake.routes.create import CreateBatchEndpoint, CreateEndpoint, Deps
from services.intake.routes.queries import query_routes
from services.intake.routes.requests import Headers, RawResponse
from services.intake.routes.updates import UPDATE_KINDS, UpdateEndpoint, UpdateKind
from services.intake.settings import Settings
from services.intake.store import CreateComplaint, CreateResult, NewComplaint
from shared.http.app import DirectEndpoints
from shared.runner.group_commit import GroupCommitter
from shared.runtime import Runtime
from shared.storage.clock import DatabaseClock

COMPLAINTS = "/v1/complaints"
BATCH = "/v1/complaints:batch"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": sentence}
    for status, sentence in (
        (400, "The body is not JSON in UTF-8."),
        (401, "A bearer token is missing, is not valid, or has expired."),
        (403, "The token does not have the scope complaints:write."),
        (404, "There is no complaint with this id."),
        (409, "The life cycle does not allow this in the current status of the complaint."),
        (413, "The body is too large."),
        (415, "The body has another media type than expected."),
        (422, "A field is not valid, or the idempotency key was used for another request."),
        (503, "The database is not available; nothing was stored. Try again with the same key."),
    )
}
KEY = "Makes the request safe to repeat: same key and body, same response. 1 to 200 visible ASCII characters."
LINE_SCHEMA = {
    "type": "string",
    "description": "One complaint per line, as in POST /v1/complaints, with `idempotency_key` inside.",
}
Key = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY)]
Answer = Callable[[Request], Awaitable[RawResponse]]


class NdjsonResponse(Response):
    """Response of JSON lines."""

    media_type = "application/x-ndjson"


class IntakeRoutes:
    """Routes of one process. The service takes `direct_endpoints` and `routes`; both use the same group committer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = DatabaseClock()
        self._deps: Deps | None = None

    def direct_endpoints(self, runtime: Runtime) -> DirectEndpoints:
        """Return the endpoints in front of FastAPI."""
        deps = self._deps_for(runtime)
        return {("POST", COMPLAINTS): CreateEndpoint(deps), ("POST", BATCH): CreateBatchEndpoint(deps)}

    def routes(self, runtime: Runtime) -> APIRouter:
        """Return all endpoints, with their documentation."""
        return routes(runtime, self._deps_for(runtime))

    def _deps_for(self, runtime: Runtime) -> Deps:
        if self._deps is None:
            committer = GroupCommitter[NewComplaint, CreateResult](
                CreateComplaint(lambda: runtime.pool, self._clock, runtime.committed),
                group_max=self._settings.group_max,
                waiting_max=self._settings.waiting_max,
                concurrency=self._settings.flights,
            )
            self._deps = Deps(runtime.authenticator, committer.submit, self._clock)
        return self._deps


def routes(runtime: Runtime, deps: Deps) -> APIRouter:
    """Return a router with all endpoints of intake."""
    router = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))], responses=PROBLEMS)
    _add_create(router, CreateEndpoint(deps))
    _add_create_batch(router, CreateBatchEndpoint(deps))
    for kind in UPDATE_KINDS:
        _add_update(router, kind, UpdateEndpoint(kind, runtime, deps.clock))
    router.include_router(query_routes(runtime))
    return router


class RawRoute(APIRoute):
    """Route whose signature is for the documentation only: the endpoint's `answer` reads the request itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer: Answer = self.endpoint.answer  # type: ignore[attr-defined]

        async def handle(request: Request) -> Response:
            response = await answer(request)
            headers = {name.decode(): value.decode() for name, value in response.headers}
            return Response(response.body, response.status, headers, response.media.decode())

        return handle


def _with_answer(signature: Callable[..., Any], answer: Answer) -> Callable[..., Any]:
    signature.answer = answer  # type: ignore[attr-defined]
    return signature


def _add_create(router: APIRouter, endpoint: CreateEndpoint) -> None:
    async def create_complaint(complaint: f.ComplaintForm, idempotency_key: Key = None) -> responses.ComplaintCreated:
        raise NotImplementedError  # `RawRoute` answers

    router.add_api_route(
        COMPLAINTS,
        _with_answer(create_complaint, lambda request: endpoint.answer(_headers(request), request.receive)),
        methods=["POST"],
        status_code=201,
        summary="Create a complaint; 201 once it is stored",
        tags=["create complaints"],
        route_class_override=RawRoute,
    )


def _add_create_batch(router: APIRouter, endpoint: CreateBatchEndpoint) -> None:
    async def create_complaints() -> responses.LineResult:
        raise NotImplementedError  # `RawRoute` answers

    router.add_api_route(
        BATCH,
        _with_answer(create_complaints, lambda request: endpoint.answer(_headers(request), request.receive)),
        methods=["POST"],
        summary="Create up to 1,000 complaints, one per line; one result per line, in the same order",
        tags=["create complaints"],
        route_class_override=RawRoute,
        response_class=NdjsonResponse,
        openapi_extra={"requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": LINE_SCHEMA}}}},
    )


def _add_update(router: APIRouter, kind: UpdateKind, endpoint: UpdateEndpoint) -> None:
    async def update(complaint_id: UUID, form: Any, idempotency_key: Key = None) -> responses.UpdateRecorded:
        raise NotImplementedError  # `RawRoute` answers

    update.__annotations__["form"] = kind.form
    router.add_api_route(
        f"{COMPLAINTS}/{{complaint_id}}/{kind.path}",
        _with_answer(
            update,
            lambda request: endpoint.answer(_headers(request), request.receive, request.path_params["complaint_id"]),
        ),
        methods=["POST"],
        status_code=201,
        name=f"post_{kind.path}",
        summary=kind.summary,
        tags=["update complaints"],
        route_class_override=RawRoute,
    )


def _headers(request: Request) -> Headers:
    return dict(request.scope["headers"])

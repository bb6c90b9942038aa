"""Which door stands where. Hot doors are reached past the framework; it documents them and can open them as well."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from uuid_utils.compat import uuid7

from services.intake import forms as f
from services.intake.routes import responses
from services.intake.routes.create import CreateBatchEndpoint, CreateEndpoint, Deps
from services.intake.routes.mapping import renamed
from services.intake.routes.queries import reading
from services.intake.routes.requests import Headers, RawResponse
from services.intake.routes.updates import KINDS, UpdateEndpoint, UpdateKind
from services.intake.settings import Settings
from services.intake.store import CreateComplaint, CreateResult, DatabaseClock, NewComplaint
from services.intake.store.encode import write_filed
from shared.http.app import Hot
from shared.runner.group_commit import GroupCommitter
from shared.runtime import Runtime

COMPLAINTS = "/v1/complaints"
BATCH = "/v1/complaints:batch"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": sentence}
    for status, sentence in (
        (400, "The body is not JSON in UTF-8."),
        (401, "A bearer token is needed, or has expired."),
        (403, "The token does not carry the scope complaints:write."),
        (404, "There is no such complaint."),
        (409, "The complaint's life cycle has no such move from where it stands."),
        (413, "The body is too large."),
        (415, "The body is of another media type."),
        (422, "A field is wrong, or the idempotency key stands for another request."),
        (503, "The database is away; nothing was stored. Try again with the same key."),
    )
}
KEY = "Makes the request safe to repeat: same key and body, same answer. 1 to 200 visible ASCII characters."
LINE_SCHEMA = {
    "type": "string",
    "description": "One complaint a line, as in POST /v1/complaints, with `idempotency_key` inside.",
}
Key = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY)]


class NdjsonResponse(Response):
    """Lines of JSON."""

    media_type = "application/x-ndjson"


class IntakeRoutes:
    """The doors of one process. `hot` and `routes` are given to the service; both open onto the same desk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = DatabaseClock()
        self._desk: Deps | None = None

    def hot(self, runtime: Runtime) -> Hot:
        """What is reached past the framework."""
        desk = self._open(runtime)
        return {("POST", COMPLAINTS): CreateEndpoint(desk), ("POST", BATCH): CreateBatchEndpoint(desk)}

    def routes(self, runtime: Runtime) -> APIRouter:
        """Everything, with its documentation."""
        router = APIRouter(dependencies=[Depends(HTTPBearer(auto_error=False))], responses=PROBLEMS)
        _document_filing(router, self._open(runtime))
        for kind in KINDS:
            _document_fact(router, kind, UpdateEndpoint(kind, runtime, self._clock))
        router.include_router(reading(runtime))
        return router

    def _open(self, runtime: Runtime) -> Deps:
        if self._desk is None:
            take_in = CreateComplaint(
                lambda: runtime.pool, self._clock, write=write_filed, draw=uuid7, rename=renamed, done=runtime.committed
            )
            committer = GroupCommitter[NewComplaint, CreateResult](
                take_in,
                group_max=self._settings.group_max,
                waiting_max=self._settings.waiting_max,
                concurrency=self._settings.flights,
            )
            self._desk = Deps(runtime.authenticator, committer.submit, self._clock)
        return self._desk


class RawRoute(APIRoute):
    """A route whose signature is for the documentation only: the endpoint's `answer` reads the request itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer: Callable[[Request], Awaitable[RawResponse]] = self.endpoint.answer  # type: ignore[attr-defined]

        async def handle(request: Request) -> Response:
            given = await answer(request)
            headers = {name.decode(): value.decode() for name, value in given.headers}
            return Response(given.body, given.status, headers, given.media.decode())

        return handle


def _by_hand(signature: Callable[..., Any], answer: Callable[[Request], Awaitable[RawResponse]]) -> Callable[..., Any]:
    signature.answer = answer  # type: ignore[attr-defined]
    return signature


def _document_filing(router: APIRouter, desk: Deps) -> None:
    one, many = CreateEndpoint(desk), CreateBatchEndpoint(desk)

    async def file_complaint(complaint: f.ComplaintForm, idempotency_key: Key = None) -> responses.ComplaintCreated:
        raise NotImplementedError  # `RawRoute` answers

    async def file_complaints() -> responses.LineResult:
        raise NotImplementedError  # `RawRoute` answers

    router.add_api_route(
        COMPLAINTS,
        _by_hand(file_complaint, lambda request: one.answer(_headers(request), request.receive)),
        methods=["POST"],
        status_code=201,
        summary="File a complaint; 201 once it is on disk",
        tags=["file"],
        route_class_override=RawRoute,
    )
    router.add_api_route(
        BATCH,
        _by_hand(file_complaints, lambda request: many.answer(_headers(request), request.receive)),
        methods=["POST"],
        summary="File up to 1,000 complaints, one a line; results come in the same order, one a line",
        tags=["file"],
        route_class_override=RawRoute,
        response_class=NdjsonResponse,
        openapi_extra={"requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": LINE_SCHEMA}}}},
    )


def _document_fact(router: APIRouter, kind: UpdateKind, door: UpdateEndpoint) -> None:
    async def state_fact(complaint_id: UUID, form: Any, idempotency_key: Key = None) -> responses.UpdateRecorded:
        raise NotImplementedError  # `RawRoute` answers

    state_fact.__annotations__["form"] = kind.form
    router.add_api_route(
        f"{COMPLAINTS}/{{complaint_id}}/{kind.path}",
        _by_hand(
            state_fact,
            lambda request: door.answer(_headers(request), request.receive, request.path_params["complaint_id"]),
        ),
        methods=["POST"],
        status_code=201,
        name=f"post_{kind.path}",
        summary=kind.summary,
        tags=["state"],
        route_class_override=RawRoute,
    )


def _headers(request: Request) -> Headers:
    return dict(request.scope["headers"])

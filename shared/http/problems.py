"""Problem documents (RFC 9457): errors over HTTP that name the field and what is accepted, and never repeat a value."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from shared.auth import Forbidden, Unauthenticated
from shared.errors import (
    Conflict,
    IllegalMove,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RedressError,
    Rejected,
    Unavailable,
)
from shared.http.validation_errors import describe_accepted, format_path
from shared.retry import is_transient

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
TYPE = "https://redress.example/problems/"  # identifiers; there is no page at these addresses
STATUSES: Sequence[tuple[type[RedressError], int, str]] = (
    (Unauthenticated, 401, "unauthenticated"),
    (Forbidden, 403, "forbidden"),
    (NotFound, 404, "not-found"),
    (IllegalMove, 409, "illegal-move"),
    (PreconditionFailed, 412, "changed-meanwhile"),
    (PreconditionRequired, 428, "if-match-needed"),
    (MalformedRequest, 400, "unreadable"),
    (Conflict, 422, "conflict"),
    (Rejected, 422, "rejected"),
    (Unavailable, 503, "unavailable"),
)


def problem(status: int, kind: str, detail: str, *, errors: Iterable[Mapping[str, str]] = ()) -> bytes:
    """Build a problem document. `errors` are objects with `field`, `expected` and `code`."""
    body: dict[str, Any] = {"type": TYPE + kind, "title": kind.replace("-", " "), "status": status, "detail": detail}
    if listed := list(errors):
        body["errors"] = listed
    return json.dumps(body, ensure_ascii=False).encode()


def describe_error(error: Exception) -> tuple[int, bytes]:
    """Return status and document for an error. The text of a foreign error is left out: it may quote personal data."""
    for kind, status, name in STATUSES:
        if isinstance(error, kind):
            return status, problem(status, name, error.detail, errors=getattr(error, "errors", ()))
    if is_transient(error):
        return 503, problem(503, "unavailable", "a dependency is unavailable; try again shortly")
    log.error("a request failed", exc_info=error)
    return 500, problem(500, "internal", "the service failed; nothing was stored")


def describe_validation_errors(
    errors: Sequence[Mapping[str, Any]], form: type[BaseModel] | None = None
) -> tuple[int, bytes]:
    """Return 422 and a document with an entry per wrong field, without its value. `form` is the model of the body."""
    listed = [_entry(item, form) for item in errors]
    first = listed[0]
    return 422, problem(422, "invalid", f"{first['field']}: expected {first['expected']}", errors=listed)


def _entry(item: Mapping[str, Any], form: type[BaseModel] | None) -> dict[str, str]:
    part, *path = item["loc"]
    in_body, is_whole = part == "body", item["type"] == "json_invalid"
    field = format_path(() if is_whole else path if in_body else item["loc"])
    return {"field": field, "expected": describe_accepted(item, form if in_body else None), "code": str(item["type"])}


def response_headers(status: int) -> dict[str, str]:
    """Return the headers that a response with this status needs."""
    if status == 401:
        return {"www-authenticate": "Bearer"}
    return {"retry-after": "1"} if status == 503 else {}


def install(app: FastAPI) -> None:
    """Make every error of this app a problem document."""

    async def on_error(request: Request, error: Exception) -> Response:
        del request
        status, body = describe_error(error)
        headers = response_headers(status)
        if isinstance(error, Unauthenticated):
            headers["www-authenticate"] = error.challenge
        return Response(body, status, headers, MEDIA_TYPE)

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        errors = error.errors() if isinstance(error, RequestValidationError) else []
        if any(item["loc"] == ("body",) and item["type"] == "model_attributes_type" for item in errors):
            media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media != "application/json":
                body = problem(415, "unsupported-media-type", "Content-Type: expected application/json")
                return Response(body, 415, media_type=MEDIA_TYPE)
        status, body = describe_validation_errors(errors, _form(request))
        return Response(body, status, media_type=MEDIA_TYPE)

    async def on_http_error(request: Request, error: Exception) -> Response:
        del request
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        detail = "body: expected JSON in UTF-8" if "parsing the body" in detail else detail
        return Response(problem(status, f"http-{status}", detail), status, headers, MEDIA_TYPE)

    app.add_exception_handler(RedressError, on_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_error)


def _form(request: Request) -> type[BaseModel] | None:
    """Return the model of the request body, if the route has one."""
    field = getattr(request.scope.get("route"), "body_field", None)
    model = field.field_info.annotation if field else None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None

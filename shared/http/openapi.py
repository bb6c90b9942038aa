"""OpenAPI as the endpoints really answer: each error is a problem document, with its own media type."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from shared.http.problems import MEDIA_TYPE

NEEDED: Final = {
    "x-needed": True
}  # marks a header that is required, although the endpoint itself reports that it is missing
REFERENCE = "#/components/schemas/{model}"
UNUSED_SCHEMAS = {"HTTPValidationError", "ValidationError"}  # FastAPI's own error documents, which are never sent
DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "A header or a part of the URL cannot be read.",
    401: "A bearer token is needed, or has expired.",
    403: "The token does not carry the scope that this needs.",
    404: "There is no such object, or it was deleted.",
    409: "The current state does not allow it; the detail names the reason.",
    412: "It has changed since it was read; read it again.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "A field is wrong; each is named with what is accepted.",
    428: "If-Match is missing: send the ETag of the version that was read.",
    503: "The database or another dependency is unavailable; nothing was stored. Try again shortly.",
}


class FieldError(BaseModel):
    """A wrong field, with what is accepted there."""

    field: str
    expected: str
    code: str


class Problem(BaseModel):
    """Problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers with these problems."""
    return {status: {"description": DESCRIPTIONS[status]} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of `app`, corrected. Built once."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        for operation in _operations(document):
            _correct(operation)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template=REFERENCE)
        schemas |= problem.pop("$defs") | {"Problem": problem}
        for name in UNUSED_SCHEMAS:
            schemas.pop(name, None)
    return app.openapi_schema or {}


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for verbs in document["paths"].values():
        yield from verbs.values()


def _correct(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.isdigit() and int(status) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
            response["description"] = response["description"].replace("Validation Error", DESCRIPTIONS[422])
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].pop("x-needed", False):
            parameter["required"] = True

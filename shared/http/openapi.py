"""OpenAPI as our doors answer: every refusal is a problem document, of its own media type."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from shared.http.problems import MEDIA_TYPE

NEEDED: Final = {"x-needed": True}  # of a header that we ask for ourselves, with a better sentence than the framework's
REFERENCE = "#/components/schemas/{model}"
DEFAULT = {"HTTPValidationError", "ValidationError"}  # the framework's own, which we never send
SAYS: Final[Mapping[int, str]] = {
    400: "A header or a part of the URL cannot be read.",
    401: "A bearer token is needed, or has expired.",
    403: "The token does not carry the scope that this needs.",
    404: "There is no such thing, or it is gone.",
    409: "It cannot be done from where things stand; the reason says why.",
    412: "It has changed since you read it; read it again.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "A field is wrong; each is named with what is accepted.",
    428: "If-Match is missing: say which version you saw.",
    503: "Something we depend on is away; nothing was stored. Try again shortly.",
}


class FieldError(BaseModel):
    """One wrong field: what would be accepted there."""

    field: str
    expected: str
    code: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: the problems it answers with."""
    return {status: {"description": SAYS[status]} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """The app's document, put right once."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        for operation in _operations(document):
            _correct(operation)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        made = Problem.model_json_schema(ref_template=REFERENCE)
        schemas |= made.pop("$defs") | {"Problem": made}
        for name in DEFAULT:
            schemas.pop(name, None)
    return app.openapi_schema or {}


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for verbs in document["paths"].values():
        yield from verbs.values()


def _correct(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.isdigit() and int(status) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
            response["description"] = response["description"].replace("Validation Error", SAYS[422])
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].pop("x-needed", False):
            parameter["required"] = True

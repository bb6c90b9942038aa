"""Errors of a request, field by field: what was expected. They never contain a value of the request."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.intake.forms.complaint import KEY_PATTERN
from services.intake.forms.text import ATTRIBUTE_PATTERN, CODE_PATTERN
from shared.errors import Rejected
from shared.http.validation_errors import describe_accepted, format_path

T = TypeVar("T")
SHOWN_MAX = 20  # errors listed at most

PATTERNS: Final[Mapping[str, str]] = {
    CODE_PATTERN: "a code of lower-case letters, digits and underscores that begins with a letter, at most 64",
    ATTRIBUTE_PATTERN: "a name of letters, digits and . _ - that begins with a letter, at most 64",
    KEY_PATTERN: "1 to 200 visible ASCII characters",
    "^[A-Z]{3}$": "a currency code of three capital letters (ISO 4217)",
}


class Invalid(Rejected):
    """The request has fields that are not valid."""

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: expected {first['expected']}")
        self.errors = errors


class Malformed(Invalid):
    """The body is not JSON in UTF-8."""


def field_error(field: str, expected: str, code: str) -> Invalid:
    """Return an error for one field."""
    return Invalid([{"field": field, "expected": expected, "code": code}])


def parse_form(form: TypeAdapter[T], body: bytes, now: datetime) -> T:
    """Parse and validate a body. Raises `Malformed`, or `Invalid` with up to `SHOWN_MAX` wrong fields."""
    try:
        return form.validate_json(body, context=now)
    except ValidationError as error:
        items = error.errors(include_input=False, include_url=False)
    errors = [_entry(item) for item in items[:SHOWN_MAX]]
    raise Malformed(errors) if items[0]["type"] == "json_invalid" else Invalid(errors)


def _entry(item: Mapping[str, Any]) -> dict[str, str]:
    by_pattern = PATTERNS.get(item.get("ctx", {}).get("pattern", ""))
    return {
        "field": format_path(item["loc"]),
        "expected": by_pattern or describe_accepted(item),
        "code": str(item["type"]),
    }

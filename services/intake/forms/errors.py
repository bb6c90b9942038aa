"""What is wrong with a request, field by field, and what would be right; never what was given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.intake.forms.complaint import KEY_PATTERN
from services.intake.forms.people import EMAIL_PATTERN
from services.intake.forms.text import ATTRIBUTE_PATTERN, CODE_PATTERN
from shared.errors import Rejected
from shared.http.validation_errors import describe_accepted, format_path

T = TypeVar("T")
SHOWN_MAX = 20  # wrong fields listed at most

PATTERNS: Final[Mapping[str, str]] = {
    EMAIL_PATTERN: "an e-mail address such as name@example.org",
    CODE_PATTERN: "a code of lower-case letters, digits and underscores that begins with a letter, at most 64",
    ATTRIBUTE_PATTERN: "a name of letters, digits and . _ - that begins with a letter, at most 64",
    KEY_PATTERN: "1 to 200 visible ASCII characters",
    "^[A-Z]{3}$": "a currency code of three capital letters (ISO 4217)",
}


class Invalid(Rejected):
    """The request is not what this needs."""

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: expected {first['expected']}")
        self.errors = errors


class Malformed(Invalid):
    """The body is not JSON in UTF-8."""


def invalid(field: str, expected: str, code: str) -> Invalid:
    """A refusal for one field."""
    return Invalid([{"field": field, "expected": expected, "code": code}])


def read_form(form: TypeAdapter[T], body: bytes, now: datetime) -> T:
    """One parse of the bytes. Raises `Malformed` or `Invalid` that names every wrong field and what is accepted."""
    try:
        return form.validate_json(body, context=now)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
    errors = [_entry(item) for item in found[:SHOWN_MAX]]
    raise Malformed(errors) if found[0]["type"] == "json_invalid" else Invalid(errors)


def _entry(item: Mapping[str, Any]) -> dict[str, str]:
    ours = PATTERNS.get(item.get("ctx", {}).get("pattern", ""))
    return {"field": format_path(item["loc"]), "expected": ours or describe_accepted(item), "code": str(item["type"])}

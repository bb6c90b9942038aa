"""What is wrong with a request, field by field, and what would be right; never what was given."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.intake.forms.complaint import KEY_PATTERN
from services.intake.forms.people import EMAIL_PATTERN
from services.intake.forms.text import ATTRIBUTE_PATTERN, CODE_PATTERN, LINE_PATTERN, PROSE_PATTERN
from shared.errors import Rejected

T = TypeVar("T")
SHOWN_MAX = 20  # wrong fields listed at most
NAMEABLE = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")

PATTERNS: Final[Mapping[str, str]] = {
    LINE_PATTERN: "one line of text without control characters",
    PROSE_PATTERN: "text without control characters other than new line and tab",
    EMAIL_PATTERN: "an e-mail address such as name@example.org",
    CODE_PATTERN: "a code of lower-case letters, digits and underscores that begins with a letter, at most 64",
    ATTRIBUTE_PATTERN: "a name of letters, digits and . _ - that begins with a letter, at most 64",
    KEY_PATTERN: "1 to 200 visible ASCII characters",
    "^[A-Z]{3}$": "a currency code of three capital letters (ISO 4217)",
}
EXPECTED: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "this field is required",
    "extra_forbidden": lambda _: "no such field; see /openapi.json for those there are",
    "string_too_short": lambda ctx: f"{ctx['min_length']} characters or more besides space",
    "string_too_long": lambda ctx: f"at most {ctx['max_length']} characters",
    "too_long": lambda ctx: f"at most {ctx['max_length']} entries",
    "string_pattern_mismatch": lambda ctx: PATTERNS.get(ctx["pattern"], "text of another form"),
    "literal_error": lambda ctx: f"one of {ctx['expected']}",
    "string_type": lambda _: "text",
    "model_type": lambda _: "an object",
    "model_attributes_type": lambda _: "an object",
    "dict_type": lambda _: "an object of texts",
    "tuple_type": lambda _: "a list",
    "timezone_aware": lambda _: "a time with its offset, such as 2026-05-04T09:30:00+07:00",
    "json_invalid": lambda _: "JSON in UTF-8",
    **{
        kind: lambda _: "an ISO 8601 time with offset that exists, such as 2026-05-04T09:30:00+07:00"
        for kind in ("datetime_parsing", "datetime_type", "datetime_from_date_parsing", "datetime_object_invalid")
    },
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
    kind = str(item["type"])
    say = EXPECTED.get(kind)
    expected = say(item.get("ctx", {})) if say else str(item["msg"]).removeprefix("Value error, ")
    return {"field": _field(item["loc"]), "expected": expected, "code": kind}


def _field(loc: Sequence[int | str]) -> str:
    """The path as others wrote it, unless a part could be anything (names of unknown fields are theirs)."""
    parts = [str(part) for part in loc]
    return ".".join(part if NAMEABLE.fullmatch(part) else "(unnamed)" for part in parts) or "body"

"""Validation errors in plain words: what each wrong field accepts, with an example, and never the value sent."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from shared.text import INSTANT_EXAMPLE, PATTERNS

NAMEABLE = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
_TIME = f"an ISO 8601 time with offset that exists, such as {INSTANT_EXAMPLE}"
_ZONED = f"a time with its offset, such as {INSTANT_EXAMPLE} or 2026-05-04T02:30:00Z"
_WHOLE = "a whole number, such as 3"
_ID = "a UUID, such as 019d2b5e-5c1a-7c3e-9a51-0d6f2b8e4a10"
_SPAN = "a duration such as PT4H, PT30M or P2D"

EXPECTED: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "a value; this field is required",
    "extra_forbidden": lambda _: "no such field; see /openapi.json for those there are",
    "string_too_short": lambda ctx: f"{ctx['min_length']} characters or more besides space",
    "string_too_long": lambda ctx: f"at most {ctx['max_length']} characters",
    "too_long": lambda ctx: f"at most {ctx['max_length']} entries",
    "string_pattern_mismatch": lambda ctx: PATTERNS.get(ctx["pattern"], "text of another form"),
    "string_unicode": lambda _: "text without halves of characters",
    "literal_error": lambda ctx: f"one of {ctx['expected']}",
    "enum": lambda ctx: f"one of {ctx['expected']}",
    "greater_than_equal": lambda ctx: f"{ctx['ge']} or more",
    "less_than_equal": lambda ctx: f"{ctx['le']} or less",
    "string_type": lambda _: "text",
    "model_type": lambda _: "an object",
    "model_attributes_type": lambda _: "an object",
    "dict_type": lambda _: "an object of texts",
    "tuple_type": lambda _: "a list",
    "json_invalid": lambda _: "JSON in UTF-8",
    "timezone_aware": lambda _: _ZONED,
    **dict.fromkeys(
        ("datetime_parsing", "datetime_type", "datetime_from_date_parsing", "datetime_object_invalid"), lambda _: _TIME
    ),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), lambda _: _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "true or false"),
    **dict.fromkeys(("uuid_type", "uuid_parsing"), lambda _: _ID),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), lambda _: _SPAN),
}


def describe_accepted(item: Mapping[str, Any], form: type[BaseModel] | None = None) -> str:
    """Describe what is accepted in place of a wrong value. `form` adds its field names and examples."""
    kind, field = str(item["type"]), item["loc"][-1] if item["loc"] else None
    if kind == "extra_forbidden" and form is not None:
        return f"one of the fields {', '.join(form.model_fields)}"
    describe = EXPECTED.get(kind)
    text = describe(item.get("ctx", {})) if describe else str(item["msg"]).removeprefix("Value error, ")
    example = _example(form, field)
    if kind == "json_invalid" and isinstance(field, int):  # the position at which the parser stopped
        text += f" that can be read beyond character {field}"
    if example is None or "such as" in text:
        return text
    head, mark, rest = text.partition(";")
    return f"{head}{',' * (kind != 'missing')} such as {example}{mark}{rest}"


def format_path(loc: Sequence[int | str], whole: str = "body") -> str:
    """Format the path of a field. The name of an unknown field is left out: it may contain personal data."""
    parts = [str(part) for part in loc]
    return ".".join(part if NAMEABLE.fullmatch(part) else "(unnamed)" for part in parts) or whole


def _example(form: type[BaseModel] | None, field: Any) -> str | None:
    """Return the example of a field, or else of the whole form, as JSON."""
    if form is None:
        return None
    if field in form.model_fields:
        examples = form.model_fields[field].examples
        return json.dumps(examples[0]) if examples else None
    example = {name: info.examples[0] for name, info in form.model_fields.items() if info.examples}
    return json.dumps(example) if example else None
